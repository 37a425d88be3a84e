package virtualandroid_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/adb"
	"github.com/wxctl/wxctl/fixtures/wait"
)

// request sends one request to the server and returns all it answers.
func request(t *testing.T, address string, requests ...string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(wait.Plenty)); err != nil {
		t.Fatal(err)
	}
	for i, r := range requests {
		if i > 0 {
			okay := make([]byte, 4)
			if _, err := io.ReadFull(conn, okay); err != nil || string(okay) != "OKAY" {
				t.Fatalf("%s: %q, %v", requests[i-1], okay, err)
			}
		}
		if _, err := fmt.Fprintf(conn, "%04x%s", len(r), r); err != nil {
			t.Fatal(err)
		}
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

func start(t *testing.T, options ...virtualandroid.Options) *virtualandroid.Server {
	t.Helper()
	s, err := virtualandroid.Start(t.Context(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStart(t *testing.T) {
	s := start(t, virtualandroid.Options{}, virtualandroid.Options{API: 28, State: adb.StateUnauthorized}, virtualandroid.Options{Serial: "mine"})
	list := request(t, s.ADB, "host:devices")
	for _, want := range []string{"virtual-android\tdevice\n", "virtual-android-2\tunauthorized\n", "mine\tdevice\n"} {
		if !strings.Contains(list, want) {
			t.Errorf("%q lacks %q", list, want)
		}
	}
	if host, _, err := net.SplitHostPort(s.ADB); err != nil || host != "127.0.0.1" {
		t.Errorf("address %q", s.ADB)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := net.DialTimeout("tcp", s.ADB, time.Second); err == nil {
		t.Error("still there after Close")
	}
}

// The device side: a computer that connects gets CNXN at once.
func TestServeDevices(t *testing.T) {
	s := start(t, virtualandroid.Options{}, virtualandroid.Options{})
	addresses, err := s.ServeDevices(0)
	if err != nil || len(addresses) != 2 || addresses[0] == addresses[1] {
		t.Fatalf("%v, %v", addresses, err)
	}
	conn, err := net.Dial("tcp", addresses[1])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	banner := "host::features=shell_v2"
	packet := binary.LittleEndian.AppendUint32(nil, 0x4e584e43)
	for _, n := range []uint32{0x01000001, 1 << 20, uint32(len(banner)), 0, ^uint32(0x4e584e43)} {
		packet = binary.LittleEndian.AppendUint32(packet, n)
	}
	if _, err := conn.Write(append(packet, banner...)); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 24)
	if _, err := io.ReadFull(conn, answer); err != nil || string(answer[:4]) != "CNXN" {
		t.Errorf("%q, %v", answer, err)
	}
	_, port, err := net.SplitHostPort(addresses[1])
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if _, err := fmt.Sscan(port, &n); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ServeDevices(n); err == nil {
		t.Error("two phones at one port")
	}
}

func TestStartFails(t *testing.T) {
	if s, err := virtualandroid.Start(t.Context(), virtualandroid.Options{}, virtualandroid.Options{API: 99}); err == nil {
		t.Errorf("started with API 99: %v", s.ADB)
	}
	s := start(t)
	_, port, err := net.SplitHostPort(s.ADB)
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if _, err := fmt.Sscan(port, &n); err != nil {
		t.Fatal(err)
	}
	if _, err := virtualandroid.Listen(t.Context(), n); err == nil {
		t.Error("two servers at one port")
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended, err := virtualandroid.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	for range 1000 {
		conn, err := net.DialTimeout("tcp", ended.ADB, time.Second)
		if err != nil {
			break
		}
		conn.Close()
		time.Sleep(time.Millisecond)
	}
	if err := ended.Close(); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A lab of a hundred phones must cost almost nothing: allocations are counted,
// not time.
func TestHundredPhones(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s := start(t, make([]virtualandroid.Options, 100)...)
	runtime.ReadMemStats(&after)
	if got := strings.Count(request(t, s.ADB, "host:devices"), "\tdevice\n"); got != 100 {
		t.Errorf("%d phones", got)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 50<<20 {
		t.Errorf("100 phones allocate %d MB", used>>20)
	}
}

// BenchmarkHundredPhones measures the start of a lab of a hundred phones.
func BenchmarkHundredPhones(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		s, err := virtualandroid.Start(b.Context(), make([]virtualandroid.Options, 100)...)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
