// Package proplist reads property lists from outside.
package proplist

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"

	"howett.net/plist"
)

// Limits of a property list from outside. A deeply nested list is short to send
// and expensive to read, and a binary list may refer to one object many times.
const (
	maxDepth   = 64
	maxObjects = 1 << 20
)

// Unmarshal reads an XML or binary property list from outside into v. It never
// panics, and refuses what is nested too deeply or would become too large.
func Unmarshal(data []byte, v any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the property list can't be read: %v", p)
		}
	}()
	switch {
	case bytes.HasPrefix(data, []byte("bplist")):
		err = checkBinary(data)
	case bytes.HasPrefix(bytes.TrimLeft(data, "\ufeff \t\r\n"), []byte("<")):
		err = checkXML(data)
	default:
		// The old text format (OpenStep) accepts nearly any text.
		err = errors.New("neither XML nor binary")
	}
	if err != nil {
		return err
	}
	_, err = plist.Unmarshal(data, v)
	return err
}

// checkXML fails on XML that is nested too deeply.
func checkXML(data []byte) error {
	d := xml.NewDecoder(bytes.NewReader(data))
	for depth := 0; ; {
		token, err := d.RawToken()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		switch token.(type) {
		case xml.StartElement:
			depth++
		case xml.EndElement:
			depth--
		}
		if depth > maxDepth {
			return errors.New("nested too deeply")
		}
	}
}

// checkBinary visits the objects of a binary property list as a reader would,
// and fails if they are nested too deeply or too many; an object that is
// referred to twice counts twice (CFBinaryPList.c describes the format: an
// 8-byte magic, the objects, a table of their offsets and a trailer of 32
// bytes).
func checkBinary(data []byte) error {
	const trailer = 32
	if len(data) < 8+trailer {
		return io.ErrUnexpectedEOF
	}
	t := data[len(data)-trailer:]
	b := binaryList{data: data, offsetSize: int(t[6]), refSize: int(t[7])}
	count, top, table := binary.BigEndian.Uint64(t[8:]), binary.BigEndian.Uint64(t[16:]), binary.BigEndian.Uint64(t[24:])
	size := uint64(len(data) - trailer)
	switch {
	case b.offsetSize < 1 || b.offsetSize > 8 || b.refSize < 1 || b.refSize > 8,
		count > maxObjects, top >= count, table < 8 || table > size, count*uint64(b.offsetSize) > size-table:
		return errors.New("its trailer makes no sense")
	}
	b.table, b.count = int(table), count
	return b.walk(top, 0)
}

type binaryList struct {
	data                       []byte
	offsetSize, refSize, table int
	count                      uint64
	seen                       int
}

// number reads n bytes at i, most significant first.
func (b *binaryList) number(i, n int) (uint64, error) {
	if i < 0 || n < 0 || i > len(b.data)-n {
		return 0, io.ErrUnexpectedEOF
	}
	var v uint64
	for _, c := range b.data[i : i+n] {
		v = v<<8 | uint64(c)
	}
	return v, nil
}

// The kinds of objects that have a length, in the upper half of their first byte.
const (
	kindData       = 0x4
	kindASCII      = 0x5
	kindUTF16      = 0x6
	kindArray      = 0xa
	kindSet        = 0xc
	kindDictionary = 0xd
)

func (b *binaryList) walk(object uint64, depth int) error {
	b.seen++
	switch {
	case depth > maxDepth:
		return errors.New("nested too deeply")
	case b.seen > maxObjects:
		return errors.New("too many objects")
	case object >= b.count:
		return errors.New("it names an object that it doesn't have")
	}
	offset, err := b.number(b.table+int(object)*b.offsetSize, b.offsetSize)
	if err != nil || offset >= uint64(len(b.data)) {
		return io.ErrUnexpectedEOF
	}
	at := int(offset)
	kind, n := b.data[at]>>4, uint64(b.data[at]&0xf)
	at++
	size := 1 // bytes of what n counts
	switch kind {
	case kindData, kindASCII:
	case kindUTF16:
		size = 2
	case kindArray, kindSet:
		size = b.refSize
	case kindDictionary:
		size = 2 * b.refSize
	default:
		return nil
	}
	if n == 0xf { // the count is an integer object of its own
		if at >= len(b.data) || b.data[at]>>4 != 1 || b.data[at]&0xf > 3 {
			return errors.New("it has a length that is not a number")
		}
		digits := 1 << (b.data[at] & 0xf)
		if n, err = b.number(at+1, digits); err != nil {
			return err
		}
		at += 1 + digits
	}
	// The library adds without looking for an overflow, and then reads texts
	// where they would be, past all bounds: the process ends.
	if n > uint64(len(b.data)) || at+int(n)*size > b.table {
		return io.ErrUnexpectedEOF
	}
	if kind == kindData || kind == kindASCII || kind == kindUTF16 {
		return nil
	}
	for i := range int(n) * size / b.refSize {
		ref, err := b.number(at+i*b.refSize, b.refSize)
		if err != nil {
			return err
		}
		if err := b.walk(ref, depth+1); err != nil {
			return err
		}
	}
	return nil
}
