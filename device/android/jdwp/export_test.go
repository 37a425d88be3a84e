package jdwp

import "math"

// Values of the Java types of these names, which the product passes to none.
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
