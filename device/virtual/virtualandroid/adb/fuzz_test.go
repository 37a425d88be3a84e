package adb

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"
)

// seedPacket is a packet as it goes over the wire.
func seedPacket(p packet) []byte {
	h := p.header(true)
	return append(h[:], p.data...)
}

func FuzzPacket(f *testing.F) {
	f.Add(seedPacket(packet{cmdConnect, versionSkipChecksum, maxPayload, []byte("host::features=shell_v2")}))
	f.Add(seedPacket(packet{cmdOpen, 1, 0, []byte("shell:id\x00")}))
	f.Add(seedPacket(packet{cmdClose, 1, 2, nil}))
	f.Add([]byte("CNXN\x00\x00\x00\x01\x00\x00\x10\x00\xff\xff\xff\xff\x00\x00\x00\x00\xbc\xb1\xa7\xb1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 1 << 12
		p, err := readPacket(bytes.NewReader(data), limit, true)
		if err != nil {
			return
		}
		if len(p.data) > limit {
			t.Fatalf("%d bytes of data, more than %d", len(p.data), limit)
		}
		if back := seedPacket(p); !bytes.Equal(back, data[:len(back)]) {
			t.Fatalf("read %x, wrote %x", data[:len(back)], back)
		}
	})
}

func FuzzPublicKey(f *testing.F) {
	f.Add([]byte("QAAAAA== me@here\x00"))
	f.Add([]byte(strings.Repeat("/", 4*keySize/3) + " x\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		key, _, err := parsePublicKey(data)
		if (key == nil) == (err == nil) {
			t.Fatalf("key %v, error %v", key, err)
		}
		if key != nil {
			new(Auth).Allow(key)
		}
	})
}

func FuzzHostRequest(f *testing.F) {
	for _, s := range []string{"host:version", "host-serial:10.0.0.7:5555:features", "host-serial:tcp:[::1]:5:x", "host-serial:model:a:b",
		"host-transport-id:3:get-state", "host-serial::get-state", "host-usb:", "shell:id", ":::", "host-serial:[::1", "host-serial:tcp:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, request string) {
		of, service, host, ok := parseHost(request)
		if ok && host && service == "" {
			t.Fatalf("%q is an empty host service", request)
		}
		if ok && !strings.HasSuffix(request, service) || !strings.Contains(request, of.serial) {
			t.Fatalf("%q became serial %q, service %q", request, of.serial, service)
		}
		canonicalAddress(request)
		parseForward(request)
	})
}

func FuzzShellInput(f *testing.F) {
	f.Add([]byte("\x00\x03\x00\x00\x00abc\x04\x00\x00\x00\x00"))
	f.Add([]byte("\x05\xff\xff\xff\xffxx"))
	f.Fuzz(func(t *testing.T, data []byte) {
		stdin := NewPipe(len(data) + 1)
		readShellV2(bytes.NewReader(data), stdin)
		stdin.CloseWrite()
		got, err := io.ReadAll(stdin)
		if err != nil || len(got) > len(data) {
			t.Fatalf("%d bytes from %d, %v", len(got), len(data), err)
		}
		// What was packed must come out, up to the first close-stdin.
		var want []byte
		for rest := data; len(rest) >= shellHeader; {
			n := int64(binary.LittleEndian.Uint32(rest[1:]))
			body := rest[shellHeader:]
			body = body[:min(int64(len(body)), n)]
			if rest[0] == shellStdin {
				want = append(want, body...)
			}
			if rest[0] == shellCloseStdin || int64(len(body)) < n {
				break
			}
			rest = rest[shellHeader+len(body):]
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}
