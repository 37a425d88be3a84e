package android

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/wxctl/wxctl/device"
)

// told is what is cached of a phone's description of itself.
type told struct {
	Key       string `json:"key"` // of the connection to the phone
	Serial    string `json:"serial,omitempty"`
	OSVersion string `json:"osVersion"`
	Model     string `json:"model,omitempty"`
	Name      string `json:"name,omitempty"`
}

// apply adds it to the phone's description. It may come from a file, so it is
// cleaned again.
func (t told) apply(i *device.Info) {
	if serial := device.Said(t.Serial); trustedSerial(serial) && i.Transport != device.Emulator && !i.SharedID {
		i.Hardware = serial
	}
	i.OSVersion = device.Said(t.OSVersion)
	if model := device.Said(t.Model); model != "" {
		i.Model = model
	}
	i.Name = i.Model
	if name := device.Said(t.Name); name != "" {
		i.Name = name
	}
}

// memory is a file that caches phones' descriptions. An entry is valid for one
// connection to one run of one adb server: the next connection has another
// transport id, so a phone that restarted, was updated or was replaced is asked
// again.
type memory struct {
	path   string
	server string // identifies this run of the server; "" if unknown
	tolds  []told // the oldest first
}

const (
	mostTold    = 256       // phones; the oldest go
	mostToldLen = 256 << 10 // bytes of the file that are read
)

// remember opens the memory, if there is one and the server's run can be
// identified.
func (b *Backend) remember() *memory {
	m := &memory{path: b.Memory}
	if m.path != "" {
		m.server = serverRun(b.Server.String())
	}
	if m.server != "" {
		m.tolds = b.load()
	}
	return m
}

// load reads the file. If it is missing, damaged or belongs to somebody else,
// it counts as empty and the phones are asked.
func (b *Backend) load() []told {
	f, err := os.OpenFile(b.Memory, os.O_RDONLY|noWait, 0)
	if err != nil {
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil // others may write to a directory that several users share
	}
	data, err := io.ReadAll(io.LimitReader(f, mostToldLen))
	var tolds []told
	if err != nil || json.Unmarshal(data, &tolds) != nil || len(tolds) > mostTold {
		return nil
	}
	return tolds
}

// key identifies the connection to a phone; "" if that is impossible.
func (m *memory) key(i device.Info) string {
	if m.server == "" || i.TransportID == 0 {
		return ""
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", []string{m.server, i.Server, i.Key(), fmt.Sprint(i.TransportID), i.Product,
		i.Model, i.Codename}))
	return hex.EncodeToString(sum[:16])
}

// find returns the description under this key.
func (m *memory) find(key string) (told, bool) {
	i := slices.IndexFunc(m.tolds, func(t told) bool { return t.Key == key })
	if key == "" || i < 0 || m.tolds[i].OSVersion == "" {
		return told{}, false
	}
	return m.tolds[i], true
}

// keep adds new descriptions. If another process writes at the same time, the
// last one wins, and the other one's phones are asked again.
func (m *memory) keep(fresh []told) {
	fresh = slices.DeleteFunc(fresh, func(t told) bool { return t.Key == "" || t.OSVersion == "" })
	if len(fresh) == 0 {
		return
	}
	all := append(m.tolds, fresh...)
	data, err := json.Marshal(all[max(0, len(all)-mostTold):])
	if err != nil {
		return
	}
	// If it can't be written, the phones are asked again next time.
	dir := filepath.Dir(m.path)
	if os.MkdirAll(dir, 0o700) != nil {
		return
	}
	f, err := os.CreateTemp(dir, filepath.Base(m.path)+".*.tmp")
	if err != nil {
		return
	}
	_, err = f.Write(data)
	if closeErr := f.Close(); err != nil || closeErr != nil || os.Rename(f.Name(), m.path) != nil {
		os.Remove(f.Name())
	}
}
