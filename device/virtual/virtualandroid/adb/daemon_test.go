package adb_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/adb"
	"github.com/wxctl/wxctl/fixtures/wait"
)

// message is a packet of the transport protocol as a computer sees it.
type message struct {
	command    string
	arg0, arg1 uint32
	data       string
}

func (m message) String() string {
	return fmt.Sprintf("%s(%#x, %#x) %q", m.command, m.arg0, m.arg1, m.data)
}

// computer is a test's connection to a phone's adbd.
type computer struct {
	t testing.TB
	net.Conn
	version uint32
	max     uint32
}

func plug(t testing.TB, addr string) *computer {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(wait.Plenty))
	return &computer{t: t, Conn: c, version: 0x01000001, max: 1 << 20}
}

func sum(data string) (n uint32) {
	for i := range len(data) {
		n += uint32(data[i])
	}
	return n
}

func (c *computer) send(m message) {
	c.t.Helper()
	command := binary.LittleEndian.Uint32([]byte(m.command))
	var b []byte
	for _, v := range []uint32{command, m.arg0, m.arg1, uint32(len(m.data)), sum(m.data), ^command} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	if _, err := c.Write(append(b, m.data...)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *computer) read() (message, error) {
	var h [24]byte
	if _, err := io.ReadFull(c, h[:]); err != nil {
		return message{}, err
	}
	word := func(i int) uint32 { return binary.LittleEndian.Uint32(h[4*i:]) }
	if word(3) > 1<<20 || word(5) != ^word(0) {
		return message{}, fmt.Errorf("a bad header: %x", h)
	}
	data := make([]byte, word(3))
	if _, err := io.ReadFull(c, data); err != nil {
		return message{}, err
	}
	m := message{string(h[:4]), word(1), word(2), string(data)}
	if (c.version < 0x01000001 || m.command == "CNXN" || m.command == "AUTH") && word(4) != sum(m.data) {
		return m, fmt.Errorf("%s has checksum %d, want %d", m.command, word(4), sum(m.data))
	}
	return m, nil
}

func (c *computer) get() message {
	c.t.Helper()
	m, err := c.read()
	if err != nil {
		c.t.Fatal(err)
	}
	return m
}

// take reads packets and compares them.
func (c *computer) take(want ...message) {
	c.t.Helper()
	for _, w := range want {
		if got := c.get(); got != w {
			c.t.Fatalf("got %v, want %v", got, w)
		}
	}
}

// closed expects the phone to disconnect without another packet.
func (c *computer) closed() {
	c.t.Helper()
	if m, err := c.read(); err == nil || strings.Contains(err.Error(), "timeout") {
		c.t.Fatalf("got %v (%v), want the end", m, err)
	}
}

func (c *computer) connect() message {
	c.t.Helper()
	c.send(message{"CNXN", c.version, c.max, "host::features=shell_v2"})
	return c.get()
}

// service opens a service, and returns all of its output.
func (c *computer) service(id uint32, name string) string {
	c.t.Helper()
	c.send(message{"OPEN", id, 0, name + "\x00"})
	var said strings.Builder
	for {
		switch m := c.get(); m.command {
		case "WRTE":
			said.WriteString(m.data)
			c.send(message{"OKAY", m.arg1, m.arg0, ""})
		case "CLSE":
			if m.arg0 == 0 {
				return "refused"
			}
			c.send(message{"CLSE", m.arg1, m.arg0, ""})
			return said.String()
		}
	}
}

const banner = "device::ro.product.name=wxphone;ro.product.model=Virtual 1;ro.product.device=wx;features=shell_v2,cmd,stat_v2,ls_v2,fixed_push_mkdir"

func TestDaemonGreeting(t *testing.T) {
	p := talkative("")
	p.Ident.Model = "a:b;c=d"
	d := adb.NewDaemon(p)
	d.MaxPayload = 8192
	c := plug(t, serveDaemon(t, d))
	want := message{"CNXN", 0x01000001, 8192, strings.Replace(banner, "Virtual 1", "a_b_c_d", 1)}
	if got := c.connect(); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	// A second greeting begins anew: the stream is gone without a packet.
	c.send(message{"OPEN", 7, 0, "shell:cat\x00"})
	c.take(message{"OKAY", 1, 7, ""})
	if got := c.connect(); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	c.send(message{"WRTE", 7, 1, "nobody is there"})
	if got := c.service(8, "shell:echo hi"); got != "hi\n" {
		t.Errorf("after a second greeting: %q", got)
	}
}

func TestDaemonStreams(t *testing.T) {
	c := plug(t, serveDaemon(t, adb.NewDaemon(talkative(""))))
	c.connect()
	const id = 0xdeadbeef // some clients choose at random
	for name, want := range map[string]string{
		"shell:echo hi; err no":  "hi\nno\n",
		"shell,v2,raw:exit 5":    "\x03\x01\x00\x00\x00\x05",
		"exec:cat /sdcard/a.txt": "hello\n",
		"jdwp":                   "4242\n4243\n",
		"nonsense:":              "refused",
		"nonsense":               "refused",
		"tcp:1":                  "refused",
		"shell:true":             "",
	} {
		if got := c.service(id, name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}

	// The computer's CLSE is answered by one, and ends the input.
	c.send(message{"OPEN", id, 0, "shell:cat"}) // without a NUL
	m := c.get()
	c.send(message{"WRTE", id, m.arg0, "abc"})
	c.take(message{"OKAY", m.arg0, id, ""}, message{"WRTE", m.arg0, id, "abc"})
	c.send(message{"OKAY", id, m.arg0, ""})
	c.send(message{"CLSE", id, m.arg0, ""})
	c.take(message{"CLSE", m.arg0, id, ""})
	// Packets for a closed stream, or another one, are ignored.
	for _, command := range []string{"WRTE", "OKAY", "CLSE", "BLAH"} {
		c.send(message{command, id, m.arg0, ""})
	}
	c.send(message{"OPEN", 0, 0, "shell:echo no"})
	if got := c.service(3, "shell:echo still here"); got != "still here\n" {
		t.Errorf("got %q", got)
	}
}

// TestDaemonFlow checks who may send when: one packet of a stream at a time.
func TestDaemonFlow(t *testing.T) {
	d := adb.NewDaemon(talkative(""))
	addr := serveDaemon(t, d)
	c := plug(t, addr)
	c.max = 4096
	c.connect()
	c.send(message{"OPEN", 1, 0, "exec:yes 10000\x00"})
	m := c.get()
	for got := 0; got < 10000; {
		w := c.get()
		if w.command != "WRTE" || len(w.data) == 0 || len(w.data) > 4096 {
			t.Fatalf("%s of %d bytes", w.command, len(w.data))
		}
		got += len(w.data)
		c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		if w, err := c.read(); err == nil {
			t.Fatalf("%s before the last packet was acknowledged", w.command)
		}
		c.SetReadDeadline(time.Now().Add(wait.Plenty))
		c.send(message{"OKAY", 1, m.arg0, ""})
	}
	c.take(message{"CLSE", m.arg0, 1, ""})

	// From a computer that doesn't wait, as much is stored as from one that
	// does, and then it is disconnected.
	c = plug(t, addr)
	c.connect()
	c.send(message{"OPEN", 1, 0, "exec:sleep 100\x00"})
	m = c.get()
	megabyte := strings.Repeat("x", 1<<20)
	c.send(message{"WRTE", 1, m.arg0, megabyte})
	c.send(message{"WRTE", 1, m.arg0, megabyte})
	c.closed()
}

func TestDaemonOldVersion(t *testing.T) {
	d := adb.NewDaemon(talkative(""))
	addr := serveDaemon(t, d)
	c := plug(t, addr)
	c.version = 0x01000000
	c.connect()
	if got := c.service(1, "shell:echo summed"); got != "summed\n" {
		t.Errorf("got %q", got)
	}
	// A wrong sum ends the connection.
	bad := "OPEN\x01\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x01\x00\x00\x00\xb0\xaf\xba\xb1jdwp"
	io.WriteString(c, bad)
	c.closed()
	c = plug(t, addr)
	c.connect()
	io.WriteString(c, bad) // it is not checked
	c.take(message{"OKAY", 1, 1, ""})
}

func TestDaemonHostile(t *testing.T) {
	addr := serveDaemon(t, adb.NewDaemon(talkative("")))
	header := func(command string, length, magic uint32) string {
		b := append([]byte(command), make([]byte, 8)...)
		b = binary.LittleEndian.AppendUint32(b, length)
		b = binary.LittleEndian.AppendUint32(b, 0)
		return string(binary.LittleEndian.AppendUint32(b, magic))
	}
	cnxn := ^binary.LittleEndian.Uint32([]byte("CNXN"))
	wrte := ^binary.LittleEndian.Uint32([]byte("WRTE"))
	for name, input := range map[string]string{
		"magic":           header("CNXN", 0, 0),
		"long greeting":   header("CNXN", 16<<10+1, cnxn),
		"endless":         header("CNXN", 0xffffffff, cnxn),
		"HTTP":            "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"version 0":       header("CNXN", 0, cnxn),
		"smart socket":    "000chost:version000chost:version",
		"long and before": header("WRTE", 1<<20, wrte),
	} {
		t.Run(name, func(t *testing.T) {
			c := plug(t, addr)
			io.WriteString(c, input)
			c.closed()
		})
	}
	t.Run("too long", func(t *testing.T) {
		c := plug(t, addr)
		c.connect()
		io.WriteString(c, header("WRTE", 1<<20+1, wrte))
		c.closed()
	})
	t.Run("before the greeting", func(t *testing.T) {
		c := plug(t, addr)
		c.send(message{"OPEN", 1, 0, "shell:echo too early\x00"})
		c.send(message{"AUTH", 2, 0, "not asked"})
		if got := c.connect(); got.command != "CNXN" {
			t.Errorf("got %v", got)
		}
	})
	t.Run("many streams", func(t *testing.T) {
		c := plug(t, addr)
		c.connect()
		const limit = 1024
		for i := range uint32(limit + 1) {
			c.send(message{"OPEN", i + 1, 0, "exec:cat\x00"})
		}
		refused := 0
		for range limit + 1 {
			if m := c.get(); m.command == "CLSE" {
				refused++
			}
		}
		if refused != 1 {
			t.Errorf("%d of %d streams refused, want 1", refused, limit+1)
		}
	})
}

// encodeKey writes a public key as adb does.
func encodeKey(key *rsa.PublicKey, name string) string {
	reversed := func(n *big.Int) []byte {
		b := n.FillBytes(make([]byte, 256))
		slices.Reverse(b)
		return b
	}
	r := new(big.Int).Lsh(big.NewInt(1), 2048)
	b := binary.LittleEndian.AppendUint32(nil, 64)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = append(b, reversed(key.N)...)
	b = append(b, reversed(r.Mod(r.Mul(r, r), key.N))...)
	b = binary.LittleEndian.AppendUint32(b, uint32(key.E))
	return base64.StdEncoding.EncodeToString(b) + " " + name + "\x00"
}

func TestDaemonAuth(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(token string) string {
		s, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA1, []byte(token))
		if err != nil {
			t.Fatal(err)
		}
		return string(s)
	}
	d := adb.NewDaemon(talkative(""))
	d.Auth = &adb.Auth{}
	addr := serveDaemon(t, d)
	c := plug(t, addr)
	m := c.connect()
	if m.command != "AUTH" || m.arg0 != 1 || len(m.data) != 20 {
		t.Fatalf("got %v, want a token", m)
	}
	first := m.data
	c.send(message{"OPEN", 1, 0, "shell:echo not yet\x00"})
	c.send(message{"AUTH", 2, 0, sign(first)}) // a key that the phone doesn't know
	m = c.get()
	if m.command != "AUTH" || m.arg0 != 1 || m.data == first {
		t.Fatalf("got %v, want another token", m)
	}
	c.send(message{"AUTH", 3, 0, "no key at all"})
	c.send(message{"AUTH", 3, 0, encodeKey(&key.PublicKey, "me@here")})
	c.take(message{"CNXN", 0x01000001, 1 << 20, banner})
	if got := c.service(1, "shell:echo in"); got != "in\n" {
		t.Errorf("got %q", got)
	}

	c = plug(t, addr)
	m = c.connect()
	c.send(message{"AUTH", 2, 0, sign(first)}) // an old token's signature
	m = c.get()
	if m.command != "AUTH" {
		t.Fatalf("an old signature was answered by %v", m)
	}
	c.send(message{"AUTH", 2, 0, sign(m.data)})
	c.take(message{"CNXN", 0x01000001, 1 << 20, banner})
}

// TestDaemonAuthAbandoned has a computer leave while the phone asks.
func TestDaemonAuthAbandoned(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	d := adb.NewDaemon(talkative(""))
	asked, left := make(chan string, 1), make(chan struct{})
	d.Auth = &adb.Auth{Accept: func(ctx context.Context, _ *rsa.PublicKey, name string) bool {
		asked <- name
		<-ctx.Done()
		close(left)
		return true
	}}
	c := plug(t, serveDaemon(t, d))
	c.connect()
	c.send(message{"AUTH", 3, 0, encodeKey(&key.PublicKey, "me@here")})
	c.send(message{"AUTH", 3, 0, encodeKey(&key.PublicKey, "me@here")}) // asked once
	if name := <-asked; name != "me@here" {
		t.Errorf("asked about %q", name)
	}
	c.Close()
	<-left
}
