package archive_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/device/archive"
	"github.com/wxctl/wxctl/fixtures/doctor"
)

func all(string) bool { return true }

func open(data []byte) (*archive.Directory, error) {
	return archive.Open(bytes.NewReader(data), int64(len(data)), all)
}

func TestRead(t *testing.T) {
	data := doctor.Zip(t, map[string][]byte{"a/b": []byte("one"), "c": []byte("two")})
	d, err := open(data)
	if err != nil || !slices.Equal(d.Names(), []string{"a/b", "c"}) || !d.Has("c") || d.Has("d") {
		t.Fatalf("%v, %v", d, err)
	}
	if got, err := d.Read("a/b", 3); err != nil || string(got) != "one" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := d.Read("a/b", 2); err == nil || !strings.Contains(err.Error(), "of which 2 are read") {
		t.Errorf("too long: %v", err)
	}
	if _, err := d.Read("d", 2); err == nil || !strings.Contains(err.Error(), "it has no d") {
		t.Errorf("absent: %v", err)
	}
	r, size, err := d.Stream("c")
	if got, readErr := io.ReadAll(r); err != nil || readErr != nil || size != 3 || string(got) != "two" {
		t.Errorf("%q of %d, %v", got, size, err)
	}
}

// TestLies: entries that share bytes, repeated names, and comments that look
// like an end record are refused or handled.
func TestLies(t *testing.T) {
	le := binary.LittleEndian
	good := doctor.Zip(t, map[string][]byte{"aaaa": bytes.Repeat([]byte("x"), 100), "bbbb": []byte("two")})
	end := bytes.LastIndex(good, []byte("PK\x05\x06"))
	first := int(le.Uint32(good[end+16:]))
	second := first + 46 + 4 + int(le.Uint16(good[first+30:])) + int(le.Uint16(good[first+32:]))
	change := func(f func(b []byte)) []byte {
		b := slices.Clone(good)
		f(b)
		return b
	}
	for _, tt := range []struct {
		name, want string
		data       []byte
	}{
		{"overlapping", "overlap", change(func(b []byte) { le.PutUint32(b[second+42:], 10) })},
		{"at the same place", "overlap", change(func(b []byte) { le.PutUint32(b[second+42:], 0) })},
		{"named twice", "two files named", change(func(b []byte) { copy(b[second+46:], "aaaa") })},
		{"directory cut", "not a ZIP", change(func(b []byte) { le.PutUint16(b[first+28:], 0xffff) })},
		{"huge directory", "not a ZIP", change(func(b []byte) { le.PutUint32(b[end+12:], 0xfffffff0) })},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := open(tt.data)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if taken := after.TotalAlloc - before.TotalAlloc; taken > 1<<20 {
			t.Errorf("%s: %d bytes of memory", tt.name, taken)
		}
	}
	// A comment that contains another end record.
	comment := slices.Clone(good[end:])
	le.PutUint16(comment[20:], 0)
	with := append(slices.Clone(good), comment...)
	le.PutUint16(with[end+20:], uint16(len(comment)))
	if d, err := open(with); err == nil && len(d.Names()) != 2 {
		t.Errorf("a comment with an end: %q", d.Names())
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(doctor.Zip(f, map[string][]byte{"a": []byte("one"), "b": []byte("two")}))
	f.Fuzz(func(_ *testing.T, data []byte) {
		d, err := open(data)
		if err != nil {
			return
		}
		for _, name := range d.Names() {
			_, _ = d.Read(name, 1<<16)
			_, _, _ = d.Section(name, 1<<16)
		}
	})
}

// TestSectionMemory: files that are unpacked one after the other share their memory.
func TestSectionMemory(t *testing.T) {
	const size = 4 << 20
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range []string{"a", "b", "c", "d"} {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write(make([]byte, size))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	d, err := archive.Open(bytes.NewReader(b.Bytes()), int64(b.Len()), func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, name := range d.Names() {
		if _, n, err := d.Section(name, size); n != size || err != nil {
			t.Errorf("%s: %d bytes, %v", name, n, err)
		}
	}
	runtime.ReadMemStats(&after)
	if taken := after.TotalAlloc - before.TotalAlloc; taken > 2*size {
		t.Errorf("%d bytes of memory for four files of %d", taken, size)
	}
}
