package jdwp

import (
	"fmt"
	"math"
)

// The ids by which a VM names things. They are valid for one attachment. For an
// object that was collected the VM answers InvalidObject.
type (
	ObjectID  uint64 // any object; 0 is null
	ThreadID  uint64 // a thread, which is an object as well
	ClassID   uint64 // a class, interface or array type
	MethodID  uint64 // a method, together with its class
	FieldID   uint64 // a field, together with its class
	FrameID   uint64 // a frame of a stopped thread, until it goes on
	RequestID uint32 // an event request
)

// A Tag is the type of a value.
type Tag byte

// The types of values (JDWP specification, "Tag Constants"). Strings, arrays
// and the like are objects as well.
const (
	TagArray       Tag = '['
	TagByte        Tag = 'B'
	TagChar        Tag = 'C'
	TagObject      Tag = 'L'
	TagFloat       Tag = 'F'
	TagDouble      Tag = 'D'
	TagInt         Tag = 'I'
	TagLong        Tag = 'J'
	TagShort       Tag = 'S'
	TagVoid        Tag = 'V'
	TagBoolean     Tag = 'Z'
	TagString      Tag = 's'
	TagThread      Tag = 't'
	TagThreadGroup Tag = 'g'
	TagClassLoader Tag = 'l'
	TagClassObject Tag = 'c'
)

// size is how many bytes a value takes; -1 for an unknown tag.
func (t Tag) size(s sizes) int {
	switch t {
	case TagVoid:
		return 0
	case TagByte, TagBoolean:
		return 1
	case TagChar, TagShort:
		return 2
	case TagInt, TagFloat:
		return 4
	case TagLong, TagDouble:
		return 8
	}
	if t.IsObject() {
		return s.object
	}
	return -1
}

// IsObject reports whether values of the type are references.
func (t Tag) IsObject() bool {
	switch t {
	case TagArray, TagObject, TagString, TagThread, TagThreadGroup, TagClassLoader, TagClassObject:
		return true
	}
	return false
}

// A Value is a Java value: a primitive, or a reference to an object. The zero
// Value is of no type.
type Value struct {
	Tag  Tag
	bits uint64
}

// Null is the reference to no object.
func Null() Value { return Value{Tag: TagObject} }

// Ref is a reference to an object.
func Ref(id ObjectID) Value { return Value{Tag: TagObject, bits: uint64(id)} }

// Int is a value of the Java type int.
func Int(v int32) Value { return Value{TagInt, uint64(uint32(v))} }

// IsNull reports whether v is a reference to no object.
func (v Value) IsNull() bool { return v.Tag.IsObject() && v.bits == 0 }

// Object is the object that v refers to; 0 if it is null or not a reference.
func (v Value) Object() ObjectID {
	if !v.Tag.IsObject() {
		return 0
	}
	return ObjectID(v.bits)
}

// Bool reports whether v is the boolean true.
func (v Value) Bool() bool { return v.Tag == TagBoolean && v.bits != 0 }

// Int is a byte, short, char, int or long as a number; a float or double is
// truncated; anything else is 0.
func (v Value) Int() int64 {
	switch v.Tag {
	case TagByte:
		return int64(int8(v.bits))
	case TagShort:
		return int64(int16(v.bits))
	case TagChar:
		return int64(uint16(v.bits))
	case TagInt:
		return int64(int32(v.bits))
	case TagLong:
		return int64(v.bits)
	case TagFloat, TagDouble:
		return int64(v.Float())
	}
	return 0
}

// Float is a number as floating point; anything else is 0.
func (v Value) Float() float64 {
	switch v.Tag {
	case TagFloat:
		return float64(math.Float32frombits(uint32(v.bits)))
	case TagDouble:
		return math.Float64frombits(v.bits)
	}
	return float64(v.Int())
}

// String prints the value for a person.
func (v Value) String() string {
	switch {
	case v.IsNull():
		return "null"
	case v.Tag.IsObject():
		return fmt.Sprintf("object %#x", v.bits)
	case v.Tag == TagBoolean:
		return fmt.Sprint(v.Bool())
	case v.Tag == TagVoid:
		return "void"
	case v.Tag == TagFloat || v.Tag == TagDouble:
		return fmt.Sprint(v.Float())
	}
	return fmt.Sprint(v.Int())
}

// A TypeTag tells classes, interfaces and arrays apart.
type TypeTag byte

// The kinds of reference types (JDWP specification, "TypeTag Constants").
const (
	TypeClass     TypeTag = 1
	TypeInterface TypeTag = 2
	TypeArray     TypeTag = 3
)

// A Location is a place in the code: an instruction of a method. Index 0 is
// its entry, in bytecode and in dex alike.
type Location struct {
	Type   TypeTag
	Class  ClassID
	Method MethodID
	Index  uint64
}
