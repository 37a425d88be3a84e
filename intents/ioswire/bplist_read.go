package ioswire

import (
	"encoding/binary"
	"errors"
	"math"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// Errors of DecodePlist.
var (
	errNotBinary = errors.New("not a binary property list")
	errBroken    = errors.New("the property list is damaged")
	errTooDeep   = errors.New("the property list is nested too deeply")
	errTooBig    = errors.New("the property list refers to its own parts too often")
	errKind      = errors.New("the property list holds a value that no payload has (date, UID or set)")
	errNoDict    = errors.New("the property list is not a dictionary")
)

type reader struct {
	in     []byte
	offset int // bytes per entry of the offset table
	ref    int // bytes per reference
	count  int
	table  int
	budget int // bytes that may still be allocated
}

// DecodePlist reads a binary property list whose top object is a dictionary.
// Data values share raw's memory. It never panics, and allocates less than 4
// times raw's length (plus 32 KiB, some hundred small fields): a list that
// refers to its parts repeatedly in order to grow is refused.
func DecodePlist(raw []byte) (Dict, error) {
	if len(raw) < len(bplistMagic)+bplistTrailer || string(raw[:len(bplistMagic)]) != bplistMagic {
		return nil, errNotBinary
	}
	tail := raw[len(raw)-bplistTrailer:]
	count, top, table := binary.BigEndian.Uint64(tail[8:]), binary.BigEndian.Uint64(tail[16:]), binary.BigEndian.Uint64(tail[24:])
	r := &reader{in: raw, offset: int(tail[6]), ref: int(tail[7]), budget: 3*len(raw) + allowance}
	room := uint64(len(raw) - bplistTrailer)
	if r.offset == 0 || r.offset > 8 || r.ref == 0 || r.ref > 8 || table < uint64(len(bplistMagic)) || table > room ||
		count == 0 || count > (room-table)/uint64(r.offset) || top >= count {
		return nil, errBroken
	}
	r.count, r.table = int(count), int(table)
	v, err := r.value(int(top), 0)
	if err != nil {
		return nil, err
	}
	if v.kind != KindDict {
		return nil, errNoDict
	}
	return v.held.dict, nil
}

func sized(b []byte) uint64 {
	var n uint64
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n
}

// object returns an object's first byte and the offset of what follows it.
func (r *reader) object(number int) (token byte, at int, err error) {
	entry := r.table + number*r.offset
	start := sized(r.in[entry : entry+r.offset])
	if start < uint64(len(bplistMagic)) || start >= uint64(r.table) {
		return 0, 0, errBroken
	}
	return r.in[start], int(start) + 1, nil
}

// length returns the length that is in a token, or follows it.
func (r *reader) length(token byte, at int) (n, next int, err error) {
	if token&15 != 15 {
		return int(token & 15), at, nil
	}
	if at >= r.table || r.in[at]&0xF0 != 0x10 || r.in[at]&15 > 3 {
		return 0, 0, errBroken
	}
	size := 1 << (r.in[at] & 15)
	at++
	if at+size > r.table {
		return 0, 0, errBroken
	}
	long := sized(r.in[at : at+size])
	if long > uint64(r.table) {
		return 0, 0, errBroken
	}
	return int(long), at + size, nil
}

// The memory that a field and a list's item cost, in bytes, and the budget that
// is granted whatever the length.
const (
	fieldCost = int(unsafe.Sizeof(Field{}))
	valueCost = int(unsafe.Sizeof(Value{}))
	allowance = 32 << 10
)

func (r *reader) spend(n int) error {
	if r.budget -= n; r.budget < 0 {
		return errTooBig
	}
	return nil
}

func (r *reader) value(number, depth int) (Value, error) {
	if depth > maxDepth {
		return Value{}, errTooDeep
	}
	token, at, err := r.object(number)
	if err != nil {
		return Value{}, err
	}
	switch token & 0xF0 {
	case 0x00:
		switch token {
		case 0x08, 0x09:
			return Bool(token == 0x09), nil
		}
		return Value{}, errKind
	case 0x10:
		return r.integer(token, at)
	case 0x20:
		return r.real(token, at)
	case 0x40:
		n, at, err := r.length(token, at)
		if err != nil || n > r.table-at {
			return Value{}, errBroken
		}
		return Data(r.in[at : at+n : at+n]), nil
	case 0x50, 0x60:
		return r.string(token, at)
	case 0xA0, 0xD0:
		return r.container(token, at, depth)
	case 0x30, 0x80, 0xC0:
		return Value{}, errKind
	}
	return Value{}, errBroken
}

func (r *reader) integer(token byte, at int) (Value, error) {
	size := 1 << (token & 15)
	if token&15 > 4 || at+size > r.table {
		return Value{}, errBroken
	}
	if size == 16 {
		if high := sized(r.in[at : at+8]); high != 0 {
			return Value{}, errKind
		}
		at, size = at+8, 8
		if r.in[at] >= 0x80 {
			return Value{}, errKind
		}
	}
	return Int(int64(sized(r.in[at : at+size]))), nil
}

func (r *reader) real(token byte, at int) (Value, error) {
	switch {
	case token == 0x22 && at+4 <= r.table:
		return Real(float64(math.Float32frombits(uint32(sized(r.in[at : at+4]))))), nil
	case token == 0x23 && at+8 <= r.table:
		return Real(math.Float64frombits(sized(r.in[at : at+8]))), nil
	}
	return Value{}, errBroken
}

func (r *reader) string(token byte, at int) (Value, error) {
	n, at, err := r.length(token, at)
	if err != nil {
		return Value{}, err
	}
	if token&0xF0 == 0x50 {
		if n > r.table-at || !isASCII(r.in[at:at+n]) {
			return Value{}, errBroken
		}
		if err := r.spend(n); err != nil {
			return Value{}, err
		}
		return String(string(r.in[at : at+n])), nil
	}
	if n > (r.table-at)/2 {
		return Value{}, errBroken
	}
	if err := r.spend(3 * n); err != nil {
		return Value{}, err
	}
	out := make([]byte, 0, 3*n)
	for raw := r.in[at : at+2*n]; len(raw) > 0; raw = raw[2:] {
		c := rune(binary.BigEndian.Uint16(raw))
		if utf16.IsSurrogate(c) {
			if len(raw) < 4 {
				return Value{}, errBroken
			}
			raw = raw[2:]
			if c = utf16.DecodeRune(c, rune(binary.BigEndian.Uint16(raw))); c == utf8.RuneError {
				return Value{}, errBroken
			}
		}
		out = utf8.AppendRune(out, c)
	}
	return String(string(out)), nil
}

func (r *reader) container(token byte, at, depth int) (Value, error) {
	n, at, err := r.length(token, at)
	if err != nil {
		return Value{}, err
	}
	refs := n
	cost := valueCost
	if token&0xF0 == 0xD0 {
		refs, cost = 2*n, fieldCost
	}
	if refs > (r.table-at)/r.ref {
		return Value{}, errBroken
	}
	if err := r.spend(n * cost); err != nil {
		return Value{}, err
	}
	ref := func(i int) (int, error) {
		number := sized(r.in[at+i*r.ref : at+(i+1)*r.ref])
		if number >= uint64(r.count) {
			return 0, errBroken
		}
		return int(number), nil
	}
	if token&0xF0 == 0xA0 {
		array := make([]Value, n)
		for i := range array {
			number, err := ref(i)
			if err != nil {
				return Value{}, err
			}
			if array[i], err = r.value(number, depth+1); err != nil {
				return Value{}, err
			}
		}
		return Array(array), nil
	}
	dict := make(Dict, n)
	for i := range dict {
		number, err := ref(i)
		if err != nil {
			return Value{}, err
		}
		key, err := r.value(number, depth+1)
		if err != nil {
			return Value{}, err
		}
		if key.kind != KindString {
			return Value{}, errBroken
		}
		if number, err = ref(n + i); err != nil {
			return Value{}, err
		}
		value, err := r.value(number, depth+1)
		if err != nil {
			return Value{}, err
		}
		dict[i] = Field{key.text, value}
	}
	return Dictionary(dedup(dict.sorted())), nil
}

// dedup keeps the last of several fields with the same key.
func dedup(d Dict) Dict {
	out := d[:0]
	for i := range d {
		if n := len(out); n > 0 && out[n-1].Key == d[i].Key {
			out = out[:n-1]
		}
		out = append(out, d[i])
	}
	return out
}
