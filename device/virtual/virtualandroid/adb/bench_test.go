package adb_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/adb"
)

// BenchmarkFiles pushes and pulls 10 MB with Debian's adb through its server,
// to a phone and to the simplest peer of the same protocol. It reports the
// phone's throughput as a share of the plain peer's, measured in turn.
func BenchmarkFiles(b *testing.B) {
	local := filepath.Join(b.TempDir(), "ten")
	content := bytes.Repeat([]byte("0123456789"), 1<<20)
	if err := os.WriteFile(local, content, 0o600); err != nil {
		b.Fatal(err)
	}
	p, err := virtualandroid.New(virtualandroid.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	phone, _ := connected(b, adb.NewDaemon(p))
	plain := realServer(b)
	plain.run("connect", servePlain(b))
	pulled := filepath.Join(b.TempDir(), "pulled")
	for _, bm := range []struct {
		name string
		args []string
	}{
		{"push", []string{"push", local, "/data/local/tmp/ten"}},
		{"pull", []string{"pull", "/data/local/tmp/ten", pulled}},
	} {
		b.Run(bm.name, func(b *testing.B) {
			phone.t, plain.t = b, b
			phone.run("push", local, "/data/local/tmp/ten")
			plain.run("push", local, "/data/local/tmp/ten")
			var ours, theirs time.Duration
			for b.Loop() {
				for _, side := range []struct {
					adb  *adbProgram
					time *time.Duration
				}{{phone, &ours}, {plain, &theirs}} {
					start := time.Now()
					if got := side.adb.run(bm.args...); got.code != 0 {
						b.Fatal(got)
					}
					*side.time += time.Since(start)
				}
			}
			b.ReportMetric(theirs.Seconds()/ours.Seconds(), "x-plain")
			b.ReportMetric(float64(b.N)*10.48576/ours.Seconds(), "MB/s")
		})
	}
	if !bytes.Equal(data(p, "/data/local/tmp/ten"), content) {
		b.Error("the pushed file differs")
	}
}

// servePlain is a peer that only has one file: no streams of its own, no file
// system, one goroutine per connection.
func servePlain(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:"+freePort(b))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go plainPeer(conn)
		}
	}()
	return l.Addr().String()
}

func plainPeer(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 64<<10)
	var h [24]byte
	send := func(command string, arg0, arg1 uint32, data []byte) {
		binary.LittleEndian.PutUint32(h[:], binary.LittleEndian.Uint32([]byte(command)))
		binary.LittleEndian.PutUint32(h[4:], arg0)
		binary.LittleEndian.PutUint32(h[8:], arg1)
		binary.LittleEndian.PutUint32(h[12:], uint32(len(data)))
		binary.LittleEndian.PutUint32(h[16:], 0)
		binary.LittleEndian.PutUint32(h[20:], ^binary.LittleEndian.Uint32(h[:]))
		(&net.Buffers{h[:], data}).WriteTo(conn)
	}
	buf := make([]byte, 1<<20)
	read := func() (command string, arg0 uint32, data []byte) {
		var h [24]byte
		if _, err := io.ReadFull(in, h[:]); err != nil {
			return "", 0, nil
		}
		data = buf[:binary.LittleEndian.Uint32(h[12:])]
		io.ReadFull(in, data)
		return string(h[:4]), binary.LittleEndian.Uint32(h[4:]), data
	}
	file := make([]byte, 0, 11<<20)
	var pending []byte // of the sync stream, not parsed yet
	for {
		command, remote, data := read()
		switch command {
		case "":
			return
		case "CNXN":
			send("CNXN", 0x01000001, 1<<20, []byte("device::ro.product.name=p;ro.product.model=m;ro.product.device=d;features=shell_v2,cmd,stat_v2,ls_v2,fixed_push_mkdir"))
		case "OPEN":
			pending = nil
			send("OKAY", 1, remote, nil)
		case "CLSE":
			send("CLSE", 1, remote, nil)
		case "WRTE":
			send("OKAY", 1, remote, nil)
			pending = append(pending, data...)
			var quit bool
			pending, file, quit = plainSync(pending, file, func(data []byte) {
				send("WRTE", 1, remote, data)
				read()
			})
			if quit {
				send("CLSE", 1, remote, nil)
			}
		}
	}
}

// plainSync answers the sync requests in pending and returns what is left of
// it.
func plainSync(pending, file []byte, write func([]byte)) (left, written []byte, quit bool) {
	for len(pending) >= 8 {
		id, n := string(pending[:4]), int(binary.LittleEndian.Uint32(pending[4:]))
		if id == "DONE" {
			n = 0
		}
		if len(pending) < 8+n {
			break
		}
		body := pending[8 : 8+n]
		switch id {
		case "STA2", "LST2":
			st := make([]byte, 72)
			copy(st, id)
			binary.LittleEndian.PutUint32(st[24:], 0o100644)
			binary.LittleEndian.PutUint64(st[40:], uint64(len(file)))
			if bytes.HasSuffix(body, []byte("/")) || len(file) == 0 {
				binary.LittleEndian.PutUint32(st[4:], 2)
			}
			write(st)
		case "SEND":
			file = file[:0]
		case "DATA":
			file = append(file, body...)
		case "DONE":
			write([]byte("OKAY\x00\x00\x00\x00"))
		case "RECV":
			var out []byte
			for rest := file; len(rest) > 0; {
				n := min(len(rest), 64<<10-8)
				out = binary.LittleEndian.AppendUint32(append(out, "DATA"...), uint32(n))
				out = append(out, rest[:n]...)
				rest = rest[n:]
				write(out)
				out = out[:0]
			}
			write([]byte("DONE\x00\x00\x00\x00"))
		case "QUIT":
			quit = true
		}
		pending = pending[8+n:]
	}

	return pending, file, quit
}
