package art

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/wxctl/wxctl/device/android/jdwp"
)

const (
	setEvent     = 64
	cmdComposite = 100
	setDDM       = 199
	cmdChunk     = 1
	headSize     = 11
	flagReply    = 0x80
	handshake    = "JDWP-Handshake"
	// statusLoaded is a class that is verified and prepared, statusUsed one that
	// is initialized as well.
	statusLoaded = 3
	statusUsed   = 7
	// maxPacket limits a debugger's packets, in bytes.
	maxPacket = 8 << 20
)

// writer writes the fields of a packet. All ids take eight bytes, as ART's do.
type writer struct {
	b []byte
	s *session
}

func (w *writer) u8(v byte) *writer    { w.b = append(w.b, v); return w }
func (w *writer) u32(v uint32) *writer { w.b = binary.BigEndian.AppendUint32(w.b, v); return w }
func (w *writer) u64(v uint64) *writer { w.b = binary.BigEndian.AppendUint64(w.b, v); return w }

func (w *writer) text(s string) *writer {
	// ART's own JDWP sends modified UTF-8, the agent UTF-8; they differ in
	// zeros and in what is beyond the BMP.
	if w.s.machine.options.API < 28 {
		s = modified(s)
	}
	w.u32(uint32(len(s)))
	w.b = append(w.b, s...)
	return w
}

func modified(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == 0:
			b.WriteString("\xC0\x80")
		case r == utf8.RuneError:
			b.WriteByte(s[i]) // of an unpaired surrogate
		case r > 0xFFFF:
			for _, half := range []rune{0xD800 + (r-0x10000)>>10, 0xDC00 + (r-0x10000)&0x3FF} {
				b.Write([]byte{0xE0 | byte(half>>12), 0x80 | byte(half>>6)&0x3F, 0x80 | byte(half)&0x3F})
			}
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func (w *writer) object(o *Object) *writer { return w.u64(w.s.idOf(o)) }
func (w *writer) class(c *Class) *writer {
	if c == nil {
		return w.u64(0)
	}
	return w.u64(w.s.idOf(c.object))
}

func (w *writer) location(m *Method, index uint64) *writer {
	return w.u8(byte(m.class.typeTag())).class(m.class).u64(m.id).u64(index)
}

// tagged writes a value with its tag.
func (w *writer) tagged(v Value) *writer { return w.u8(byte(tagOf(v))).value(v) }

func objectTag(o *Object) jdwp.Tag {
	if o == nil {
		return jdwp.TagObject
	}
	switch {
	case o.Class.elem != "":
		return jdwp.TagArray
	case o.Class.Name == "java.lang.String":
		return jdwp.TagString
	case o.Class.Name == "java.lang.Class":
		return jdwp.TagClassObject
	case o.Class.extends("java.lang.Thread"):
		return jdwp.TagThread
	case o.Class.extends("java.lang.ThreadGroup"):
		return jdwp.TagThreadGroup
	case o.Class.extends("java.lang.ClassLoader"):
		return jdwp.TagClassLoader
	}
	return jdwp.TagObject
}

// reader reads the fields of a command. It fails with the code that the VM
// answers with.
type reader struct {
	b []byte
	s *session
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		fail(jdwp.IllegalArgument)
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) u8() byte    { return r.take(1)[0] }
func (r *reader) u32() uint32 { return binary.BigEndian.Uint32(r.take(4)) }
func (r *reader) u64() uint64 { return binary.BigEndian.Uint64(r.take(8)) }

// count reads how many entries of at least size bytes follow.
func (r *reader) count(size int) int {
	n := r.u32()
	if uint64(n)*uint64(size) > uint64(len(r.b)) {
		fail(jdwp.IllegalArgument)
	}
	return int(n)
}

func (r *reader) text() string { return decode(r.take(r.count(1))) }

// decode reads both modified UTF-8 and UTF-8. An unpaired surrogate is kept, as
// three bytes; an invalid byte becomes "?" and ends the string, as it was seen
// with ART.
func decode(b []byte) string {
	var s []byte
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		high, low := surrogate(b), surrogate(b[min(3, len(b)):])
		switch {
		case r != utf8.RuneError || n > 1:
			s = append(s, b[:n]...)
		case len(b) > 1 && b[0] == 0xC0 && b[1] == 0x80:
			s, n = append(s, 0), 2
		case utf16.DecodeRune(high, low) != utf8.RuneError:
			s, n = utf8.AppendRune(s, utf16.DecodeRune(high, low)), 6
		case high != 0:
			s, n = append(s, b[:3]...), 3
		default:
			return string(append(s, '?'))
		}
		b = b[n:]
	}
	return string(s)
}

// surrogate reads a surrogate that is encoded like UTF-8; 0 if there is none.
func surrogate(b []byte) rune {
	if len(b) < 3 || b[0] != 0xED || b[1] < 0xA0 || b[1] > 0xBF || b[2]&0xC0 != 0x80 {
		return 0
	}
	return rune(b[0]&0xF)<<12 | rune(b[1]&0x3F)<<6 | rune(b[2]&0x3F)
}

// object reads the id of an object.
func (r *reader) object() *Object { return r.known(r.u64()) }

// objectOrNull reads the id of an object; 0 is null.
func (r *reader) objectOrNull() *Object {
	id := r.u64()
	if id == 0 {
		return nil
	}
	return r.known(id)
}

func (r *reader) known(id uint64) *Object {
	o := r.s.byID(id)
	if o == nil {
		fail(jdwp.InvalidObject)
	}
	return o
}

func (r *reader) class() *Class {
	c, ok := r.object().Go.(*Class)
	if !ok {
		fail(jdwp.InvalidClass)
	}
	return c
}

func (r *reader) thread() *Thread {
	t, ok := r.object().Go.(*Thread)
	if !ok {
		fail(jdwp.InvalidThread)
	}
	return t
}

// method reads the id of a method, which is an address to ART.
func (r *reader) method() *Method {
	id := r.u64()
	machine := r.s.machine
	machine.mu.Lock()
	m := machine.methods[id]
	machine.mu.Unlock()
	if m == nil {
		machine.die(SIGSEGV, "a method id that is none")
	}
	return m
}

// parameters splits a method's signature into those of its parameters.
func parameters(signature string) []string {
	var out []string
	rest := strings.TrimPrefix(signature[:strings.IndexByte(signature, ')')], "(")
	for rest != "" {
		n := strings.IndexFunc(rest, func(r rune) bool { return r != '[' }) + 1
		if rest[n-1] == 'L' {
			n = strings.IndexByte(rest, ';') + 1
		}
		out = append(out, rest[:n])
		rest = rest[n:]
	}
	return out
}

func resultOf(signature string) string { return signature[strings.IndexByte(signature, ')')+1:] }

// words is how many slots a type takes.
func words(signature string) int {
	if signature == "J" || signature == "D" {
		return 2
	}
	return 1
}
