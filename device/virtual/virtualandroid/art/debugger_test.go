package art_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/device/android/jdwp"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/art"
)

// debugger sends any commands to a VM, also wrong ones.
type debugger struct {
	t      testing.TB
	conn   net.Conn
	id     uint32
	events [][]byte
	lines  []string
}

func newDebugger(t testing.TB, m *art.Machine) *debugger {
	d := &debugger{t: t, conn: serve(t, m)}
	if _, err := io.WriteString(d.conn, "JDWP-Handshake"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(d.conn, make([]byte, 14)); err != nil {
		t.Fatal(err)
	}
	return d
}

// data makes the data of a command: ids are uint64, strings have their length
// before them, []byte have not.
func data(args ...any) []byte {
	var b []byte
	for _, a := range args {
		switch a := a.(type) {
		case byte:
			b = append(b, a)
		case rune:
			b = append(b, byte(a))
		case int:
			b = binary.BigEndian.AppendUint32(b, uint32(a))
		case uint64:
			b = binary.BigEndian.AppendUint64(b, a)
		case string:
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(a))), a...)
		case []byte:
			b = append(b, a...)
		default:
			panic(fmt.Sprintf("%T", a))
		}
	}
	return b
}

var errClosed = errors.New("the connection ended")

// ask sends a command and waits for the answer.
func (d *debugger) ask(set, number byte, args ...any) (*answer, error) {
	d.id++
	body := data(args...)
	if _, err := d.conn.Write(data(11+len(body), int(d.id), byte(0), set, number, body)); err != nil {
		return nil, errClosed
	}
	for {
		p, err := d.packet()
		if err != nil {
			return nil, errClosed
		}
		if p[4] != 0x80 || binary.BigEndian.Uint32(p) != d.id {
			d.events = append(d.events, p)
			continue
		}
		if code := binary.BigEndian.Uint16(p[5:]); code != 0 {
			return nil, jdwp.ErrorCode(code)
		}
		return &answer{p[7:]}, nil
	}
}

// packet is a whole packet after its length.
func (d *debugger) packet() ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(d.conn, length[:]); err != nil {
		return nil, err
	}
	p := make([]byte, binary.BigEndian.Uint32(length[:])-4)
	_, err := io.ReadFull(d.conn, p)
	return p, err
}

// must is ask for commands that must succeed.
func (d *debugger) must(set, number byte, args ...any) *answer {
	d.t.Helper()
	a, err := d.ask(set, number, args...)
	if err != nil {
		d.t.Fatalf("%d,%d %v: %v", set, number, args, err)
	}
	return a
}

// answer is the data of one, read from the front.
type answer struct{ b []byte }

func (a *answer) take(n int) []byte { b := a.b[:n]; a.b = a.b[n:]; return b }
func (a *answer) u8() byte          { return a.take(1)[0] }
func (a *answer) i32() int          { return int(int32(binary.BigEndian.Uint32(a.take(4)))) }
func (a *answer) u64() uint64       { return binary.BigEndian.Uint64(a.take(8)) }
func (a *answer) text() string      { return string(a.take(a.i32())) }

// value prints a value: ids as "#".
func (a *answer) value() string {
	switch tag := a.u8(); tag {
	case 'I':
		return fmt.Sprint("I ", a.i32())
	case 'L', 's', 't', 'c', '[', 'l', 'g':
		if a.u64() == 0 {
			return fmt.Sprintf("%c 0", tag)
		}
		return fmt.Sprintf("%c #", tag)
	default:
		return fmt.Sprintf("the tag %q", tag)
	}
}

// list prints a list of that many entries.
func list(n int, entry func() string) string {
	out := make([]string, n)
	for i := range out {
		out[i] = entry()
	}
	return "[" + strings.Join(out, ", ") + "]"
}

func (d *debugger) say(format string, args ...any) {
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

// try records the answer to a command, in the form of print.
func (d *debugger) try(what string, set, number byte, args []any, print func(*answer) string) *answer {
	a, err := d.ask(set, number, args...)
	var code jdwp.ErrorCode
	switch {
	case errors.As(err, &code):
		name := code.Error()
		d.say("%s => ERR %s", what, name[strings.LastIndexByte(name, ' ')+1:])
	case err != nil:
		d.say("%s => CLOSED", what)
	default:
		whole := *a
		d.say("%s => %s", what, print(a))
		return &whole
	}
	return nil
}

func with(args ...any) []any     { return args }
func quoted(a *answer) string    { return fmt.Sprintf("%q", a.b) }
func number(a *answer) string    { return fmt.Sprint(a.i32()) }
func truth(a *answer) string     { return fmt.Sprint(a.u8()) }
func anID(*answer) string        { return "#" }
func value(a *answer) string     { return a.value() }
func slotValue(a *answer) string { a.i32(); return a.value() }
func returned(a *answer) string  { return a.value() + ", " + a.value() }
