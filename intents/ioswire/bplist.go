package ioswire

import (
	"encoding/binary"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// Binary property lists ("bplist00") are the SDK's container. This package has
// its own small reader and writer for two reasons. The length of the written
// list decides what the SDK drops (see maxURLPlist), so objects must be shared
// exactly as Foundation shares them: equal strings, numbers and data are
// written once. And a reply is untrusted input: reading it must cost no more
// than a small multiple of its length, although shared references can make a
// small list very large.

const (
	bplistMagic   = "bplist00"
	bplistTrailer = 32
	// maxDepth is how deep dictionaries and lists may be nested; the SDK's own
	// payloads have two levels, an app's extra dictionary a few more.
	maxDepth = 32
)

// flat is the list of a property list's objects in the order in which they are
// written.
type flat struct {
	objects []object
	refs    []int32
	index   map[string][]int // by text, when there are too many objects for a linear search
	// Room for what a common payload needs.
	someObjects [72]object
	someRefs    [96]int32
}

type object struct {
	value Value
	ref   int // index of its first reference: keys, then values; or a list's items
	count int // number of references
}

// linearObjects is up to how many objects a linear search looks for an equal
// one.
const linearObjects = 96

func (f *flat) find(v *Value) int {
	if f.index == nil && len(f.objects) <= linearObjects {
		for i := range f.objects {
			if f.objects[i].value.same(v) {
				return i
			}
		}
		return -1
	}
	if f.index == nil {
		f.index = make(map[string][]int, 4*linearObjects)
		for i := range f.objects {
			key := f.objects[i].value.indexKey()
			f.index[key] = append(f.index[key], i)
		}
	}
	for _, i := range f.index[v.indexKey()] {
		if f.objects[i].value.same(v) {
			return i
		}
	}
	return -1
}

// same reports equality among the kinds that are written once.
func (v *Value) same(w *Value) bool {
	if v.kind != w.kind || v.n != w.n || len(v.text) != len(w.text) {
		return false
	}
	switch v.kind {
	case KindString:
		return v.text == w.text
	case KindData:
		return string(v.data) == string(w.data)
	case KindDict, KindArray:
		return false
	}
	return true
}

func (v Value) indexKey() string {
	if v.kind == KindString {
		return v.text
	}
	return string(binary.BigEndian.AppendUint64([]byte{0xFF, byte(v.kind)}, uint64(v.n))) // 0xFF occurs in no UTF-8 text
}

// add appends v and what it contains to the list and returns v's number.
func (f *flat) add(v *Value) int32 {
	if v.kind != KindDict && v.kind != KindArray {
		return f.addLeaf(*v)
	}
	at := f.append(*v)
	switch v.kind {
	case KindDict:
		d := v.held.dict
		ref := f.reserve(at, 2*len(d))
		for i := range d {
			f.refs[ref+i] = f.addLeaf(String(d[i].Key))
		}
		for i := range d {
			f.refs[ref+len(d)+i] = f.add(&d[i].Value)
		}
	case KindArray:
		array := v.held.array
		ref := f.reserve(at, len(array))
		for i := range array {
			f.refs[ref+i] = f.add(&array[i])
		}
	}
	return int32(at)
}

// addLeaf is add for a value that contains no others; it is in the list once.
func (f *flat) addLeaf(v Value) int32 {
	if at := f.find(&v); at >= 0 {
		return int32(at)
	}
	return int32(f.append(v))
}

func (f *flat) append(v Value) int {
	at := len(f.objects)
	f.objects = append(f.objects, object{value: v})
	if f.index != nil {
		key := v.indexKey()
		f.index[key] = append(f.index[key], at)
	}
	return at
}

// reserve makes room for n references of the object with number at.
func (f *flat) reserve(at, n int) int {
	ref := len(f.refs)
	f.refs = slices.Grow(f.refs, n)[:ref+n]
	f.objects[at].ref, f.objects[at].count = ref, n
	return ref
}

// EncodePlist writes d as a binary property list, as
// +[NSPropertyListSerialization dataWithPropertyList:format:options:error:]
// does for NSPropertyListBinaryFormat_v1_0. Foundation leaves the order of the
// keys open; here they are sorted.
func EncodePlist(d Dict) []byte {
	f := flatten(d)
	return f.appendTo(make([]byte, 0, f.size()))
}

func flatten(d Dict) *flat {
	f := &flat{}
	f.objects, f.refs = f.someObjects[:0], f.someRefs[:0]
	f.add(&Value{kind: KindDict, held: &held{dict: d}})
	return f
}

// bytesFor is how many bytes a plist uses for numbers up to n.
func bytesFor(n int) int {
	switch {
	case n < 1<<8:
		return 1
	case n < 1<<16:
		return 2
	case n < 1<<32:
		return 4
	}
	return 8
}

func (f *flat) tableAt() int {
	at, ref := len(bplistMagic), bytesFor(len(f.objects))
	for i := range f.objects {
		at += f.objects[i].size(ref)
	}
	return at
}

func (f *flat) size() int {
	at := f.tableAt()
	return at + len(f.objects)*bytesFor(at) + bplistTrailer
}

func (o *object) size(ref int) int {
	v := &o.value
	switch v.kind {
	case KindString:
		n := len(v.text)
		if !isASCII(v.text) {
			n = units(v.text)
			return headSize(n) + 2*n
		}
		return headSize(n) + n
	case KindInt:
		if v.n < 0 {
			return 9
		}
		return 1 + bytesFor(int(v.n))
	case KindReal:
		return 9
	case KindData:
		return headSize(len(v.data)) + len(v.data)
	case KindDict:
		return headSize(len(v.held.dict)) + ref*o.count
	case KindArray:
		return headSize(len(v.held.array)) + ref*o.count
	}
	return 1
}

func headSize(n int) int {
	if n < 15 {
		return 1
	}
	return 2 + bytesFor(n)
}

func appendHead(out []byte, token byte, n int) []byte {
	if n < 15 {
		return append(out, token|byte(n))
	}
	return appendInt(append(out, token|15), int64(n))
}

func appendInt(out []byte, n int64) []byte {
	if n < 0 {
		return binary.BigEndian.AppendUint64(append(out, 0x13), uint64(n))
	}
	size := bytesFor(int(n))
	return appendSized(append(out, 0x10|map4(size)), uint64(n), size)
}

// map4 is the binary logarithm of 1, 2, 4 or 8.
func map4(size int) byte {
	switch size {
	case 1:
		return 0
	case 2:
		return 1
	case 4:
		return 2
	}
	return 3
}

func appendSized(out []byte, n uint64, size int) []byte {
	for shift := 8 * (size - 1); shift >= 0; shift -= 8 {
		out = append(out, byte(n>>shift))
	}
	return out
}

func (f *flat) appendTo(out []byte) []byte {
	out = append(out, bplistMagic...)
	for i := range f.objects {
		out = f.appendObject(out, &f.objects[i], bytesFor(len(f.objects)))
	}
	return f.appendTable(out)
}

// writeTo writes the same as appendTo, without copying long data.
func (f *flat) writeTo(w *base64Writer) {
	const long = 512
	out := append(make([]byte, 0, 2*long), bplistMagic...)
	for i := range f.objects {
		o := &f.objects[i]
		if o.value.kind == KindData && len(o.value.data) > long {
			w.write(appendHead(out, 0x40, len(o.value.data)))
			w.write(o.value.data)
			out = out[:0]
			continue
		}
		if out = f.appendObject(out, o, bytesFor(len(f.objects))); len(out) > long {
			w.write(out)
			out = out[:0]
		}
	}
	w.write(f.appendTable(out))
	w.close()
}

// appendTable appends what follows the objects.
func (f *flat) appendTable(out []byte) []byte {
	table, ref := f.tableAt(), bytesFor(len(f.objects))
	offset, at := bytesFor(table), len(bplistMagic)
	for i := range f.objects {
		out = appendSized(out, uint64(at), offset)
		at += f.objects[i].size(ref)
	}
	out = append(out, 0, 0, 0, 0, 0, 0, byte(offset), byte(ref))
	out = binary.BigEndian.AppendUint64(out, uint64(len(f.objects)))
	out = binary.BigEndian.AppendUint64(out, 0) // the top object
	return binary.BigEndian.AppendUint64(out, uint64(table))
}

func (f *flat) appendObject(out []byte, o *object, ref int) []byte {
	v := &o.value
	switch v.kind {
	case KindString:
		if isASCII(v.text) {
			return append(appendHead(out, 0x50, len(v.text)), v.text...)
		}
		out = appendHead(out, 0x60, units(v.text))
		for _, r := range v.text {
			if r > 0xFFFF {
				high, low := utf16.EncodeRune(r)
				out = binary.BigEndian.AppendUint16(out, uint16(high))
				r = low
			}
			out = binary.BigEndian.AppendUint16(out, uint16(r))
		}
		return out
	case KindBool:
		return append(out, 0x08+byte(v.n))
	case KindInt:
		return appendInt(out, v.n)
	case KindReal:
		return binary.BigEndian.AppendUint64(append(out, 0x23), uint64(v.n))
	case KindData:
		return append(appendHead(out, 0x40, len(v.data)), v.data...)
	case KindDict:
		out = appendHead(out, 0xD0, len(v.held.dict))
	case KindArray:
		out = appendHead(out, 0xA0, len(v.held.array))
	default:
		return append(out, 0)
	}
	for _, r := range f.refs[o.ref : o.ref+o.count] {
		out = appendSized(out, uint64(r), ref)
	}
	return out
}

func isASCII[T string | []byte](s T) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// units is the length of a text as NSString counts it: UTF-16 code units.
func units(s string) int {
	n := 0
	for _, r := range s {
		if r > 0xFFFF {
			n++
		}
		n++
	}
	return n
}
