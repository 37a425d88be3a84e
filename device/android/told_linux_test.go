package android

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
)

// An entry that somebody else wrote for the right connection is treated like
// what phones say: made valid and short. It only changes what is shown.
func TestMemoryIsHostile(t *testing.T) {
	server, err := virtualandroid.Start(t.Context(), virtualandroid.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	b := &Backend{Server: Server{Addr: server.ADB}, Memory: filepath.Join(t.TempDir(), "phones.json")}
	told, err := b.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	kept := b.load()
	if len(kept) != 1 {
		t.Fatalf("%d phones are kept", len(kept))
	}
	kept[0].Serial, kept[0].Name, kept[0].Model = "a;reboot", "red\x1b[31m"+strings.Repeat("n", 1<<16), "\u202e"+strings.Repeat("m", 1<<16)
	kept[0].OSVersion = "14\x00\x07"
	data, err := json.Marshal(kept)
	if err == nil {
		err = os.WriteFile(b.Memory, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	infos, err := b.List(t.Context(), "")
	if err != nil || len(infos) != 1 {
		t.Fatalf("%+v, %v", infos, err)
	}
	i := infos[0]
	for what, said := range map[string]string{"name": i.Name, "model": i.Model, "version": i.OSVersion, "serial": i.Hardware} {
		if device.Said(said) != said {
			t.Errorf("%s: %q was kept as it was", what, said)
		}
	}
	if !strings.Contains(i.Name, "red") {
		t.Errorf("the phone was asked again: %+v", i)
	}
	if i.ID != told[0].ID || i.TransportID != told[0].TransportID || i.State != told[0].State {
		t.Errorf("%+v, before %+v", i, told[0])
	}
}
