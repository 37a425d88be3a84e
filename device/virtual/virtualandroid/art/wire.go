package art

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"

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
	// statusReady is a class that is verified, prepared and initialized.
	statusReady = 7
	// maxPacket bounds what a debugger may send.
	maxPacket = 8 << 20
)

// writer writes the fields of a packet. All ids take eight bytes, as ART's do.
type writer struct {
	b []byte
	s *session
}

func (w *writer) u8(v byte) *writer    { w.b = append(w.b, v); return w }
func (w *writer) u16(v uint16) *writer { w.b = binary.BigEndian.AppendUint16(w.b, v); return w }
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
	for _, r := range s {
		switch {
		case r == 0:
			b.WriteString("\xC0\x80")
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

func (w *writer) value(v Value) *writer {
	switch v := v.(type) {
	case nil:
		return w.u64(0)
	case Void:
		return w
	case bool:
		if v {
			return w.u8(1)
		}
		return w.u8(0)
	case int8:
		return w.u8(byte(v))
	case uint16:
		return w.u16(v)
	case int16:
		return w.u16(uint16(v))
	case int32:
		return w.u32(uint32(v))
	case int64:
		return w.u64(uint64(v))
	case float32:
		return w.u32(math.Float32bits(v))
	case float64:
		return w.u64(math.Float64bits(v))
	case *Object:
		return w.object(v)
	}
	panic(fmt.Sprintf("art: %T is no Java value", v))
}

func tagOf(v Value) jdwp.Tag {
	switch v := v.(type) {
	case Void:
		return jdwp.TagVoid
	case bool:
		return jdwp.TagBoolean
	case int8:
		return jdwp.TagByte
	case uint16:
		return jdwp.TagChar
	case int16:
		return jdwp.TagShort
	case int32:
		return jdwp.TagInt
	case int64:
		return jdwp.TagLong
	case float32:
		return jdwp.TagFloat
	case float64:
		return jdwp.TagDouble
	case *Object:
		return objectTag(v)
	}
	return jdwp.TagObject
}

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
	case o.Class.Name == "java.lang.Thread":
		return jdwp.TagThread
	case o.Class.Name == "java.lang.ThreadGroup":
		return jdwp.TagThreadGroup
	case o.Class.extends("java.lang.ClassLoader"):
		return jdwp.TagClassLoader
	}
	return jdwp.TagObject
}

// reader reads the fields of a command. What is wrong is kept in err, as the
// code that the VM answers with.
type reader struct {
	b   []byte
	s   *session
	err error
}

var errShort = errors.New("a command that ends too early")

func (r *reader) take(n int) []byte {
	if r.err == nil && n > len(r.b) {
		r.err = errShort
	}
	if r.err != nil {
		return make([]byte, min(n, 8))
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) fail(code jdwp.ErrorCode) {
	if r.err == nil {
		r.err = code
	}
}

func (r *reader) u8() byte    { return r.take(1)[0] }
func (r *reader) u16() uint16 { return binary.BigEndian.Uint16(r.take(2)) }
func (r *reader) u32() uint32 { return binary.BigEndian.Uint32(r.take(4)) }
func (r *reader) u64() uint64 { return binary.BigEndian.Uint64(r.take(8)) }

// count reads how many entries of at least size bytes follow.
func (r *reader) count(size int) int {
	n := r.u32()
	if r.err == nil && uint64(n)*uint64(size) > uint64(len(r.b)) {
		r.err = errShort
	}
	if r.err != nil {
		return 0
	}
	return int(n)
}

func (r *reader) text() string {
	n := r.count(1)
	return strings.ReplaceAll(string(r.take(n)[:n]), "\xC0\x80", "\x00")
}

// object reads the id of an object that must be there; null is allowed if
// orNull.
func (r *reader) object(orNull bool) *Object {
	id := r.u64()
	if r.err != nil || id == 0 && orNull {
		return nil
	}
	o := r.s.byID(id)
	if o == nil {
		r.fail(jdwp.InvalidObject)
	}
	return o
}

func (r *reader) class() *Class {
	o := r.object(false)
	if o == nil {
		return nil
	}
	c, ok := o.Go.(*Class)
	if !ok {
		r.fail(jdwp.InvalidClass)
		return nil
	}
	return c
}

func (r *reader) thread() *Thread {
	o := r.object(false)
	if o == nil {
		return nil
	}
	t, ok := o.Go.(*Thread)
	if !ok {
		r.fail(jdwp.InvalidThread)
		return nil
	}
	return t
}

// method reads one of a class's methods; inherited ones count, since JDI names
// an object's own class with them.
func (r *reader) method(c *Class) *Method {
	id := r.u64()
	if c == nil {
		return nil
	}
	m := c.byID(id)
	if m == nil {
		r.fail(jdwp.InvalidMethodID)
	}
	return m
}

func (c *Class) byID(id uint64) *Method {
	for k := c; k != nil; k = k.Super {
		for _, m := range k.Methods {
			if m.id == id {
				return m
			}
		}
		for _, i := range k.Interfaces {
			if m := i.byID(id); m != nil {
				return m
			}
		}
	}
	return nil
}

// value reads a value of a type.
func (r *reader) value(tag jdwp.Tag) Value {
	switch tag {
	case jdwp.TagVoid:
		return Void{}
	case jdwp.TagBoolean:
		return r.u8() != 0
	case jdwp.TagByte:
		return int8(r.u8())
	case jdwp.TagChar:
		return r.u16()
	case jdwp.TagShort:
		return int16(r.u16())
	case jdwp.TagInt:
		return int32(r.u32())
	case jdwp.TagLong:
		return int64(r.u64())
	case jdwp.TagFloat:
		return math.Float32frombits(r.u32())
	case jdwp.TagDouble:
		return math.Float64frombits(r.u64())
	}
	if tag.IsObject() {
		if o := r.object(true); o != nil {
			return o
		}
		return nil
	}
	r.fail(jdwp.InvalidTag)
	return nil
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
