package jdwp

import "math"

// Values of Java types that the product never passes.
func Long(v int64) Value     { return Value{TagLong, uint64(v)} }
func Byte(v int8) Value      { return Value{TagByte, uint64(uint8(v))} }
func Double(v float64) Value { return Value{TagDouble, math.Float64bits(v)} }

// Bool is a boolean.
func Bool(v bool) Value {
	if v {
		return Value{TagBoolean, 1}
	}
	return Value{TagBoolean, 0}
}
