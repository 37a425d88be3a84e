package apk

import (
	"encoding/binary"
	"errors"
	"strconv"
	"unicode/utf16"
)

// Chunks of a compiled XML file, and the types of values (AOSP
// ResourceTypes.h).
const (
	chunkStrings     = 0x0001
	chunkXML         = 0x0003
	chunkStart       = 0x0102
	chunkEnd         = 0x0103
	chunkResourceIDs = 0x0180

	poolUTF8 = 0x100

	typeReference = 0x01
	typeString    = 0x03
	typeFirstInt  = 0x10
	typeLastInt   = 0x1f

	none     = 0xffffffff
	maxDepth = 64
)

var errManifest = errors.New("not a compiled manifest, or a broken one")

// attribute is an attribute of an element.
type attribute struct {
	id   uint32 // of the framework's resource, 0 if it has none
	name string
	kind byte
	raw  string // its text, if it has one
	data uint32
}

type attributes []attribute

func (a attributes) find(id uint32) (attribute, bool) {
	for _, x := range a {
		if x.id == id {
			return x, true
		}
	}
	return attribute{}, false
}

func (a attributes) has(id uint32) bool {
	_, ok := a.find(id)
	return ok
}

// text is an attribute's text; "" for a reference into the app's resources.
func (a attributes) text(id uint32) string {
	x, _ := a.find(id)
	return x.raw
}

// named is the text of an attribute that has no id.
func (a attributes) named(name string) string {
	for _, x := range a {
		if x.id == 0 && x.name == name {
			return x.raw
		}
	}
	return ""
}

// is is a boolean attribute. A reference into the app's resources counts as
// true: that is rare, and a check must not report a fault that isn't known.
func (a attributes) is(id uint32, byDefault bool) bool {
	x, ok := a.find(id)
	switch {
	case !ok:
		return byDefault
	case x.kind == typeReference:
		return true
	case x.kind == typeString:
		return x.raw == "true" || x.raw == "1"
	}
	return x.data != 0
}

func (a attributes) number(id uint32, byDefault int) int {
	x, ok := a.find(id)
	if !ok || x.kind < typeFirstInt || x.kind > typeLastInt {
		return byDefault
	}
	return int(int32(x.data))
}

// nextSDK is the API level of a version of Android that has only a code name so
// far (Build.VERSION_CODES.CUR_DEVELOPMENT).
const nextSDK = 10000

// sdk is an attribute that is an API level, or the name of one to come.
func (a attributes) sdk(id uint32, byDefault int) int {
	x, _ := a.find(id)
	if x.kind != typeString || x.raw == "" {
		return a.number(id, byDefault)
	}
	if n, err := strconv.Atoi(x.raw); err == nil {
		return n
	}
	return nextSDK
}

// handler receives elements as they are read.
type handler interface {
	start(name string, a attributes)
	end()
}

// compiled reads compiled XML. Its methods panic with errManifest beyond the
// end of the data.
type compiled struct {
	data    []byte
	strings []string
	ids     []uint32
}

// parseXML reads compiled XML.
func parseXML(data []byte, h handler) (err error) {
	x := &compiled{data: data}
	defer func() {
		if r := recover(); r != nil {
			if r != errManifest {
				panic(r)
			}
			err = errManifest
		}
	}()
	if x.u16(0) != chunkXML || x.u32(4) > len(data) {
		return errManifest
	}
	depth := 0
	for at := x.u16(2); at+8 <= len(x.data); {
		kind, header, size := x.u16(at), x.u16(at+2), x.u32(at+4)
		if size < 8 || size > len(x.data)-at {
			return errManifest
		}
		switch kind {
		case chunkStrings:
			if x.strings == nil {
				x.strings = x.pool(at)
			}
		case chunkResourceIDs:
			x.ids = nil
			for i := at + header; i+4 <= at+size; i += 4 {
				x.ids = append(x.ids, uint32(x.u32(i)))
			}
		case chunkStart:
			if depth++; depth > maxDepth {
				return errManifest
			}
			h.start(x.text(x.u32(at+header+4)), x.attributes(at+header))
		case chunkEnd:
			depth--
			h.end()
		}
		at += size
	}
	return nil
}

func (x *compiled) attributes(at int) attributes {
	first, size, count := at+x.u16(at+8), x.u16(at+10), x.u16(at+12)
	if size < 20 {
		if count == 0 {
			return nil
		}
		panic(errManifest)
	}
	var out attributes
	for i := range count {
		a := first + i*size
		name, raw := x.u32(a+4), x.u32(a+8)
		v := attribute{name: x.text(name), kind: x.bytes(a+15, 1)[0], data: uint32(x.u32(a + 16))}
		if name < len(x.ids) {
			v.id = x.ids[name]
		}
		switch {
		case uint32(raw) != none:
			v.raw = x.text(raw)
		case v.kind == typeString:
			v.raw = x.text(int(v.data))
		}
		out = append(out, v)
	}
	return out
}

// pool reads the strings. Their total length can't exceed the pool's, which
// strings that overlap would do.
func (x *compiled) pool(at int) []string {
	count, flags := x.u32(at+8), x.u32(at+16)
	data, offsets := at+x.u32(at+20), at+x.u16(at+2)
	if count > len(x.data)/4 {
		panic(errManifest)
	}
	pool := make([]string, count)
	total := 0
	for i := range pool {
		s := data + x.u32(offsets+4*i)
		if flags&poolUTF8 != 0 {
			pool[i] = x.utf8(s)
		} else {
			pool[i] = x.utf16(s)
		}
		if total += len(pool[i]); total > 2*len(x.data) {
			panic(errManifest)
		}
	}
	return pool
}

// utf8 reads a string that follows its two lengths, in UTF-16 units and in
// bytes, of one or two bytes each.
func (x *compiled) utf8(at int) string {
	length := 0
	for range 2 {
		length = int(x.bytes(at, 1)[0])
		at++
		if length&0x80 != 0 {
			length = length&0x7f<<8 | int(x.bytes(at, 1)[0])
			at++
		}
	}
	return string(x.bytes(at, length))
}

func (x *compiled) utf16(at int) string {
	length := x.u16(at)
	at += 2
	if length&0x8000 != 0 {
		length = length&0x7fff<<16 | x.u16(at)
		at += 2
	}
	b := x.bytes(at, 2*length)
	units := make([]uint16, length)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}

func (x *compiled) text(i int) string {
	if i < 0 || i >= len(x.strings) {
		return ""
	}
	return x.strings[i]
}

func (x *compiled) bytes(at, n int) []byte {
	if at < 0 || n < 0 || at > len(x.data) || n > len(x.data)-at {
		panic(errManifest)
	}
	return x.data[at : at+n]
}

func (x *compiled) u16(at int) int { return int(binary.LittleEndian.Uint16(x.bytes(at, 2))) }

// u32 is only used for sizes and indexes; none is negative, and all are limited
// by the length of the data.
func (x *compiled) u32(at int) int { return int(int64(binary.LittleEndian.Uint32(x.bytes(at, 4)))) }
