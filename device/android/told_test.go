package android

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/fixtures/adbtest"
)

// TestConnectionsOfSelection counts the cost of listing one ready phone: the
// list and the phone's properties, or only the list if the properties are
// cached.
func TestConnectionsOfSelection(t *testing.T) {
	listener := adbtest.Listen(t)
	server, err := virtualandroid.Serve(t.Context(), listener, virtualandroid.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	b := &Backend{Server: Server{Addr: server.ADB}, Memory: filepath.Join(t.TempDir(), "state", "phones.json")}
	again := 1
	if runtime.GOOS != "linux" {
		again = 2 // runs of a server can't be distinguished
	}
	var first device.Info
	for i, want := range []int{2, again, again} {
		before := listener.Connections()
		infos, err := b.List(t.Context(), "")
		if err != nil || len(infos) != 1 || infos[0].OSVersion != "14" || infos[0].Hardware == "" {
			t.Fatalf("%+v, %v", infos, err)
		}
		if n := listener.Connections() - before; n != want {
			t.Errorf("listing %d took %d connections, want %d", i+1, n, want)
		}
		if i == 0 {
			first = infos[0]
		} else if infos[0].Name != first.Name || infos[0].Model != first.Model || infos[0].Hardware != first.Hardware {
			t.Errorf("told %+v, and before %+v", infos[0], first)
		}
	}
}

// If the file has other content, or none, phones are asked; entries for other
// connections are ignored.
func TestMemoryThatIsWrong(t *testing.T) {
	server, err := virtualandroid.Start(t.Context(), virtualandroid.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	file := filepath.Join(t.TempDir(), "phones.json")
	for name, data := range map[string]string{
		"nothing": "", "no JSON": "{", "another type": `{"key":1}`, "another connection": `[{"key":"00","osVersion":"1"}]`,
		"no key": `[{"osVersion":"1"},{"key":"","osVersion":"1"}]`, "much": "[" + strings.Repeat(`{"key":"a","osVersion":"1"},`, 20000) + `{}]`,
	} {
		if err := os.WriteFile(file, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		b := &Backend{Server: Server{Addr: server.ADB}, Memory: file}
		infos, err := b.List(t.Context(), "")
		if err != nil || len(infos) != 1 || infos[0].OSVersion != "14" {
			t.Errorf("%s: %+v, %v", name, infos, err)
		}
	}
	// A directory in its place, or a place that can't be written, does no harm.
	if err := os.RemoveAll(file); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Dir(file), filepath.Join(os.DevNull, "phones.json")} {
		b := &Backend{Server: Server{Addr: server.ADB}, Memory: path}
		if infos, err := b.List(t.Context(), ""); err != nil || len(infos) != 1 || infos[0].OSVersion != "14" {
			t.Errorf("%s: %+v, %v", path, infos, err)
		}
	}
}

// If another server runs at the same address, with another phone under the same
// serial and transport id, its phone is asked.
func TestMemoryOfAnotherServer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "phones.json")
	port := 0
	for _, api := range []int{28, 34} {
		listener, err := virtualandroid.Listen(t.Context(), port)
		if err != nil {
			t.Fatal(err)
		}
		server, err := virtualandroid.Serve(context.Background(), listener, virtualandroid.Options{API: api})
		if err != nil {
			t.Fatal(err)
		}
		port = portOf(t, server.ADB)
		b := &Backend{Server: Server{Addr: server.ADB}, Memory: file}
		for range 2 {
			infos, err := b.List(t.Context(), "")
			if want := map[int]string{28: "9", 34: "14"}[api]; err != nil || len(infos) != 1 || infos[0].OSVersion != want {
				t.Errorf("API %d: %+v, %v", api, infos, err)
			}
		}
		server.Close()
	}
}

func portOf(t *testing.T, addr string) int {
	t.Helper()
	a, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return a.Port
}

// The file has a limited number of phones, the latest ones.
func TestMemoryIsBounded(t *testing.T) {
	m := &memory{path: filepath.Join(t.TempDir(), "phones.json"), server: "here"}
	for i := range 2 * mostTold {
		m.keep([]told{{Key: string(rune('a' + i)), OSVersion: "14", Name: strings.Repeat("x", 100)}})
		kept := (&Backend{Memory: m.path}).load()
		if len(kept) != min(i+1, mostTold) || kept[len(kept)-1].Key != string(rune('a'+i)) {
			t.Fatalf("after %d: %d kept", i+1, len(kept))
		}
		m.tolds = kept
	}
	if entries, err := os.ReadDir(filepath.Dir(m.path)); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}

// After processes wrote at the same time, the file has the whole list of one of
// them, and there are no other files.
func TestMemoryOfSeveralProcesses(t *testing.T) {
	b := &Backend{Memory: filepath.Join(t.TempDir(), "phones.json")}
	const writers, phones = 8, 20
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			m := &memory{path: b.Memory, server: "here"}
			for i := range phones {
				fresh := told{Key: fmt.Sprint(w, " ", i), OSVersion: "14"}
				m.keep([]told{fresh})
				m.tolds = append(m.tolds, fresh)
				if kept := b.load(); len(kept) == 0 {
					t.Errorf("writer %d, phone %d: what the file holds can't be read", w, i)
				}
			}
		})
	}
	wg.Wait()
	kept := b.load()
	writer, _, _ := strings.Cut(kept[0].Key, " ")
	for i, k := range kept {
		if k.Key != fmt.Sprint(writer, " ", i) {
			t.Errorf("entry %d is %q, in the list of writer %s", i, k.Key, writer)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(b.Memory)); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}
