package ioswire

import "slices"

// Array is v's list, and whether v is one.
func (v Value) Array() ([]Value, bool) {
	if v.kind != KindArray {
		return nil, false
	}
	return v.held.array, true
}

// Equal reports whether v and w are of the same kind and hold the same.
func (v Value) Equal(w Value) bool {
	switch {
	case v.kind != w.kind:
		return false
	case v.kind == KindDict:
		return v.held.dict.Equal(w.held.dict)
	case v.kind == KindArray:
		return slices.EqualFunc(v.held.array, w.held.array, Value.Equal)
	}
	return v.same(&w)
}

// Equal reports whether d and e hold the same keys and values.
func (d Dict) Equal(e Dict) bool {
	return slices.EqualFunc(d, e, func(a, b Field) bool { return a.Key == b.Key && a.Value.Equal(b.Value) })
}
