package art

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/wxctl/wxctl/device/android/jdwp"
)

// primitive is a primitive type.
type primitive struct {
	tag       jdwp.Tag // its signature, too
	name, box string   // box is the class that wraps it
	size      int      // bytes
	zero      Value
	bits      func(Value) (bits uint64, ok bool) // ok is false for a value of another type
	value     func(bits uint64) Value
}

func integer[T int8 | uint16 | int16 | int32 | int64](tag jdwp.Tag, name, box string, size int) primitive {
	return primitive{tag, name, box, size, T(0),
		func(v Value) (uint64, bool) { n, ok := v.(T); return uint64(n), ok }, func(bits uint64) Value { return T(bits) }}
}

var primitives = []primitive{
	{jdwp.TagBoolean, "boolean", "Boolean", 1, false, func(v Value) (uint64, bool) {
		is, ok := v.(bool)
		if is {
			return 1, true
		}
		return 0, ok
	}, func(bits uint64) Value { return bits != 0 }},
	integer[int8](jdwp.TagByte, "byte", "Byte", 1),
	integer[uint16](jdwp.TagChar, "char", "Character", 2),
	integer[int16](jdwp.TagShort, "short", "Short", 2),
	integer[int32](jdwp.TagInt, "int", "Integer", 4),
	integer[int64](jdwp.TagLong, "long", "Long", 8),
	{jdwp.TagFloat, "float", "Float", 4, float32(0),
		func(v Value) (uint64, bool) { f, ok := v.(float32); return uint64(math.Float32bits(f)), ok },
		func(bits uint64) Value { return math.Float32frombits(uint32(bits)) }},
	{jdwp.TagDouble, "double", "Double", 8, float64(0),
		func(v Value) (uint64, bool) { f, ok := v.(float64); return math.Float64bits(f), ok },
		func(bits uint64) Value { return math.Float64frombits(bits) }},
}

// primitiveOf finds the type of a primitive value, and what it is in bits.
func primitiveOf(v Value) (p primitive, bits uint64, ok bool) {
	for _, p := range primitives {
		if bits, ok := p.bits(v); ok {
			return p, bits, true
		}
	}
	return primitive{}, 0, false
}

// byTag finds a primitive type by its tag.
func byTag(tag jdwp.Tag) (p primitive, ok bool) {
	for _, p := range primitives {
		if p.tag == tag {
			return p, true
		}
	}
	return primitive{}, false
}

// zero is the default value of a type.
func zero(signature string) Value {
	if signature == "V" {
		return Void{}
	}
	p, _ := byTag(jdwp.Tag(signature[0]))
	return p.zero
}

func (w *writer) value(v Value) *writer {
	switch v := v.(type) {
	case nil:
		return w.u64(0)
	case Void:
		return w
	case *Object:
		return w.object(v)
	}
	p, bits, ok := primitiveOf(v)
	if !ok {
		panic(fmt.Sprintf("art: %T is not a Java value", v))
	}
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], bits)
	w.b = append(w.b, b[8-p.size:]...)
	return w
}

func tagOf(v Value) jdwp.Tag {
	switch v := v.(type) {
	case Void:
		return jdwp.TagVoid
	case *Object:
		return objectTag(v)
	}
	if p, _, ok := primitiveOf(v); ok {
		return p.tag
	}
	return jdwp.TagObject
}

// value reads a value of a type.
func (r *reader) value(tag jdwp.Tag) Value {
	if p, ok := byTag(tag); ok {
		var b [8]byte
		copy(b[8-p.size:], r.take(p.size))
		return p.value(binary.BigEndian.Uint64(b[:]))
	}
	switch {
	case tag == jdwp.TagVoid:
		return Void{}
	case !tag.IsObject():
		fail(jdwp.InvalidTag)
	}
	if o := r.objectOrNull(); o != nil {
		return o
	}
	return nil
}
