package adb_test

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/fixtures/fault"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/adb"
)

func TestDaemonStates(t *testing.T) {
	p := talkative("")
	addr := serveDaemon(t, adb.NewDaemon(p))
	c := plug(t, addr)
	c.connect()
	p.SetState(adb.StateRecovery)
	c.closed()
	c = plug(t, addr)
	if got := c.connect(); !strings.HasPrefix(got.data, "recovery::ro.product.name=") {
		t.Errorf("in recovery: %v", got)
	}
	p.SetState(adb.StateUnauthorized)
	c = plug(t, addr)
	if got := c.connect(); got.command != "AUTH" {
		t.Errorf("unauthorized: %v", got)
	}
	p.SetState(adb.StateOffline)
	c = plug(t, addr)
	c.send(message{"CNXN", 0x01000001, 4096, "host::"})
	c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if m, err := c.read(); err == nil {
		t.Errorf("offline: %v", m)
	}
}

func TestDaemonFaults(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault fault.Fault
		check func(c *computer)
	}{
		{"cut", fault.Fault{After: 100}, func(c *computer) {
			if b, _ := io.ReadAll(c); len(b) != 100 {
				t.Errorf("cut after %d bytes, want 100", len(b))
			}
		}},
		{"garbage", fault.Fault{After: 24, Then: fault.Garbage}, func(c *computer) {
			b := make([]byte, 24+len(banner))
			io.ReadFull(c, b)
			if string(b[:4]) != "CNXN" || bytes.Contains(b, []byte("device::")) {
				t.Errorf("not garbled: %q", b)
			}
		}},
		{"stall", fault.Fault{After: 10, Then: fault.Stall}, func(c *computer) {
			b := make([]byte, 10)
			io.ReadFull(c, b)
			c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
			if n, err := c.Read(b); err == nil || n > 0 || err == io.EOF {
				t.Errorf("not stalled: %d, %v", n, err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := adb.NewDaemon(talkative(""))
			d.Faults = fault.Each(func(string) *fault.Fault { return &tt.fault })
			c := plug(t, serveDaemon(t, d))
			c.send(message{"CNXN", 0x01000001, 4096, "host::"})
			tt.check(c)
		})
	}
}

// TestDaemonCrowd runs a thousand shells in a row and a hundred at once: more
// than are allowed at once, so none may be left open.
func TestDaemonCrowd(t *testing.T) {
	c := plug(t, serveDaemon(t, adb.NewDaemon(talkative(""))))
	c.connect()
	before := runtime.NumGoroutine()
	for i := range uint32(1000) {
		if got, want := c.service(i+1, fmt.Sprintf("shell:echo %d", i)), fmt.Sprintf("%d\n", i); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
	said := map[uint32]string{}
	for i := range uint32(100) {
		c.send(message{"OPEN", i + 1, 0, fmt.Sprintf("exec:echo %d; yes 5000\x00", i)})
	}
	for open := 100; open > 0; {
		switch m := c.get(); m.command {
		case "WRTE":
			said[m.arg1] += m.data
			c.send(message{"OKAY", m.arg1, m.arg0, ""})
		case "CLSE":
			open--
		}
	}
	for i := range uint32(100) {
		if s := said[i+1]; !strings.HasPrefix(s, fmt.Sprintf("%d\n", i)) || len(s) < 5000 {
			t.Errorf("shell %d said %d bytes: %.10q", i, len(s), s)
		}
	}
	waitUntil(t, "goroutines are as before", func() bool { return runtime.NumGoroutine() <= before })
}

// TestDaemonFilesInFewPackets counts what 10 MB cost each way: an
// acknowledgement for each packet, and no more packets than sync has chunks.
func TestDaemonFilesInFewPackets(t *testing.T) {
	const size, chunk = 10 << 20, 64 << 10
	p := talkative("")
	p.Files.Put("/sdcard/ten", make([]byte, size))
	c := plug(t, serveDaemon(t, adb.NewDaemon(p)))
	c.connect()
	c.send(message{"OPEN", 1, 0, "sync:\x00"})
	id := c.get().arg0
	write := func(data string) {
		c.send(message{"WRTE", 1, id, data})
		c.take(message{"OKAY", id, 1, ""})
	}
	write(path("RECV", "/sdcard/ten"))
	received, packets := 0, 0
	for received < size+8*(size/(chunk-8)+1)+8 {
		m := c.get()
		received += len(m.data)
		packets++
		c.send(message{"OKAY", 1, id, ""})
	}
	if limit := size/(chunk-8) + 2; packets > limit {
		t.Errorf("a pull of 10 MB took %d packets, more than %d", packets, limit)
	}
	write(path("SEND", "/sdcard/back,0600"))
	for range size / chunk {
		write(pack("DATA", chunk) + string(make([]byte, chunk)))
	}
	write(pack("DONE", 0))
	c.take(message{"WRTE", id, 1, pack("OKAY", 0)})
	if got := p.Files.Data("/sdcard/back"); len(got) != size {
		t.Errorf("%d bytes arrived, want %d", len(got), size)
	}
}

func TestDaemonDrop(t *testing.T) {
	l := countDaemon(t, adb.NewDaemon(talkative("")))
	addr := l.Addr().String()
	c := plug(t, addr)
	c.connect()
	c.send(message{"OPEN", 1, 0, "shell:logcat\x00"})
	c.take(message{"OKAY", 1, 1, ""})
	l.Drop()
	if _, err := io.Copy(io.Discard, c); err != nil && strings.Contains(err.Error(), "timeout") {
		t.Error(err)
	}
	c = plug(t, addr)
	c.connect()
	if got := c.service(1, "shell:echo back"); got != "back\n" {
		t.Errorf("got %q", got)
	}
}
