package jdwp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A packet is a command or the reply to one (JDWP specification, "JDWP
// Packets"): length, id, flags, then set and number or an error code.
type packet struct {
	id    uint32
	reply bool
	set   byte
	cmd   byte
	err   ErrorCode
	data  []byte
}

const (
	headSize  = 11
	flagReply = 0x80
	// maxPacket bounds a packet: the list of all classes of a large app is a
	// few megabytes, and nothing that is read here is larger.
	maxPacket = 32 << 20
)

func appendPacket(b []byte, id uint32, c command, data []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(headSize+len(data)))
	b = binary.BigEndian.AppendUint32(b, id)
	b = append(b, 0, c.set, c.number)
	return append(b, data...)
}

// readPacket reads one packet. It allocates memory only for bytes that really
// arrive, whatever the length field says.
func readPacket(r io.Reader) (packet, error) {
	var head [headSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return packet{}, fmt.Errorf("%w: %w", ErrLost, err)
	}
	length := binary.BigEndian.Uint32(head[:])
	if length < headSize || length > maxPacket {
		return packet{}, fmt.Errorf("%w: a packet of %d bytes", ErrNoVM, length)
	}
	p := packet{id: binary.BigEndian.Uint32(head[4:]), reply: head[8]&flagReply != 0}
	if p.reply {
		p.err = ErrorCode(binary.BigEndian.Uint16(head[9:]))
	} else {
		p.set, p.cmd = head[9], head[10]
	}
	var body bytes.Buffer
	if _, err := io.CopyN(&body, r, int64(length-headSize)); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return packet{}, fmt.Errorf("%w: %w", ErrLost, err)
	}
	p.data = body.Bytes()
	return p, nil
}

// sizes are how many bytes the ids of a VM take.
type sizes struct{ field, method, object, class, frame int }

func parseSizes(b []byte) (sizes, error) {
	d := decoder{b: b}
	s := sizes{d.count32(), d.count32(), d.count32(), d.count32(), d.count32()}
	for _, n := range []int{s.field, s.method, s.object, s.class, s.frame} {
		if d.err == nil && (n < 1 || n > 8) {
			return s, fmt.Errorf("%w: ids of %d bytes", ErrNoVM, n)
		}
	}
	return s, d.end("IDSizes")
}

// decoder reads the fields of a packet. After an error it returns zeros.
type decoder struct {
	b     []byte
	sizes sizes
	err   error
}

var errShort = errors.New("the data ends too early")

// end returns what is wrong with the data; bytes that are left over are not,
// since later versions of the protocol may add fields.
func (d *decoder) end(what string) error {
	if d.err != nil {
		return fmt.Errorf("%w: %s: %w", ErrNoVM, what, d.err)
	}
	return nil
}

func (d *decoder) take(n int) []byte {
	if d.err == nil && (n < 0 || n > len(d.b)) {
		d.err = errShort
	}
	if d.err != nil {
		return nil
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

// uint reads n bytes, 8 at most.
func (d *decoder) uint(n int) uint64 {
	var v uint64
	for _, b := range d.take(n) {
		v = v<<8 | uint64(b)
	}
	return v
}

func (d *decoder) byte() byte       { return byte(d.uint(1)) }
func (d *decoder) int32() int32     { return int32(d.uint(4)) }
func (d *decoder) object() ObjectID { return ObjectID(d.uint(d.sizes.object)) }
func (d *decoder) thread() ThreadID { return ThreadID(d.uint(d.sizes.object)) }
func (d *decoder) class() ClassID   { return ClassID(d.uint(d.sizes.class)) }
func (d *decoder) method() MethodID { return MethodID(d.uint(d.sizes.method)) }
func (d *decoder) field() FieldID   { return FieldID(d.uint(d.sizes.field)) }
func (d *decoder) frame() FrameID   { return FrameID(d.uint(d.sizes.frame)) }
func (d *decoder) string() string   { return decodeText(d.take(d.count32())) }
func (d *decoder) tagged() Value    { return d.value(Tag(d.byte())) }
func (d *decoder) location() Location {
	return Location{Type: TypeTag(d.byte()), Class: d.class(), Method: d.method(), Index: d.uint(8)}
}

// count32 reads a number that is used as a length.
func (d *decoder) count32() int {
	n := d.uint(4)
	if n > maxPacket {
		d.err = errShort
		return 0
	}
	return int(n)
}

// count reads how many entries follow, of at least size bytes each.
func (d *decoder) count(size int) int {
	n := d.count32()
	if d.err == nil && n*max(size, 1) > len(d.b) {
		d.err = errShort
		return 0
	}
	return n
}

// value reads a value without its tag.
func (d *decoder) value(tag Tag) Value {
	v := Value{Tag: tag}
	switch n := tag.size(d.sizes); {
	case n < 0:
		if d.err == nil {
			d.err = fmt.Errorf("a value of the unknown type %q", byte(tag))
		}
		return Value{}
	default:
		v.bits = d.uint(n)
	}
	return v
}

// encoder writes the fields of a packet.
type encoder struct {
	b     []byte
	sizes sizes
}

func (e *encoder) uint(v uint64, n int) *encoder {
	for i := n - 1; i >= 0; i-- {
		e.b = append(e.b, byte(v>>(8*i)))
	}
	return e
}

func (e *encoder) byte(v byte) *encoder       { e.b = append(e.b, v); return e }
func (e *encoder) int32(v int) *encoder       { return e.uint(uint64(uint32(int32(v))), 4) }
func (e *encoder) object(v ObjectID) *encoder { return e.uint(uint64(v), e.sizes.object) }
func (e *encoder) thread(v ThreadID) *encoder { return e.uint(uint64(v), e.sizes.object) }
func (e *encoder) class(v ClassID) *encoder   { return e.uint(uint64(v), e.sizes.class) }
func (e *encoder) method(v MethodID) *encoder { return e.uint(uint64(v), e.sizes.method) }
func (e *encoder) frame(v FrameID) *encoder   { return e.uint(uint64(v), e.sizes.frame) }
func (e *encoder) value(v Value) *encoder     { return e.uint(v.bits, v.Tag.size(e.sizes)) }
func (e *encoder) tagged(v Value) *encoder    { return e.byte(byte(v.Tag)).value(v) }
func (e *encoder) fields(list []FieldID) *encoder {
	e.int32(len(list))
	for _, f := range list {
		e.uint(uint64(f), e.sizes.field)
	}
	return e
}
func (e *encoder) location(l Location) *encoder {
	return e.byte(byte(l.Type)).class(l.Class).method(l.Method).uint(l.Index, 8)
}

func (e *encoder) string(s string) *encoder {
	text := encodeText(s)
	e.int32(len(text))
	e.b = append(e.b, text...)
	return e
}
