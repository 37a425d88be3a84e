package agent

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
)

// UnmarshalJSON reads an App as the agent sends it: with the compiled manifest
// (base64) in place of the queries.
func (a *App) UnmarshalJSON(data []byte) error {
	type plain App
	app := struct {
		*plain
		Manifest []byte `json:"manifest"`
	}{plain: (*plain)(a)}
	if err := json.Unmarshal(data, &app); err != nil {
		return err
	}
	if app.Manifest == nil {
		return nil
	}
	queries, err := parseQueries(app.Manifest)
	if err != nil {
		a.Notes = append(a.Notes, fmt.Sprintf("manifest: %v", err))
		return nil
	}
	a.Queries = queries
	return nil
}

// Chunks of a compiled XML file, and the attributes of the elements that are
// read here by their resource ids (AOSP ResourceTypes.h, public.xml). Names of
// attributes may have been stripped from a manifest; the ids may not.
const (
	chunkStrings     = 0x0001
	chunkXML         = 0x0003
	chunkStart       = 0x0102
	chunkEnd         = 0x0103
	chunkResourceIDs = 0x0180

	poolUTF8 = 0x100

	attrName        = 0x01010003
	attrAuthorities = 0x01010018
	attrScheme      = 0x01010027
)

var errManifest = errors.New("not a compiled manifest, or a broken one")

// A binaryXML reads compiled XML. Its methods panic with errManifest beyond
// the end of the data.
type binaryXML struct {
	data    []byte
	strings []string
	ids     []uint32
}

// parseQueries returns what a compiled manifest's <queries> names, nil if it
// has none.
func parseQueries(manifest []byte) (queries *Queries, err error) {
	x := &binaryXML{data: manifest}
	defer func() {
		if r := recover(); r != nil {
			if r != errManifest {
				panic(r)
			}
			queries, err = nil, errManifest
		}
	}()
	if x.u16(0) != chunkXML || x.u32(4) > len(manifest) {
		return nil, errManifest
	}
	depth, inside := 0, 0
	for at := x.u16(2); at+8 <= len(x.data); {
		kind, header, size := x.u16(at), x.u16(at+2), x.u32(at+4)
		if size < 8 || size > len(x.data)-at {
			return nil, errManifest
		}
		switch kind {
		case chunkStrings:
			x.strings = x.pool(at)
		case chunkResourceIDs:
			x.ids = nil
			for i := at + header; i+4 <= at+size; i += 4 {
				x.ids = append(x.ids, uint32(x.u32(i)))
			}
		case chunkStart:
			depth++
			element := x.text(x.u32(at + header + 4))
			if depth == 2 && element == "queries" {
				inside = depth
				queries = new(Queries)
			} else if inside > 0 {
				x.query(queries, element, at+header)
			}
		case chunkEnd:
			if depth == inside {
				inside = 0
			}
			depth--
		}
		at += size
	}
	if queries != nil {
		for _, list := range []*[]string{&queries.Packages, &queries.Authorities, &queries.Schemes, &queries.Actions} {
			slices.Sort(*list)
			*list = slices.Compact(*list)
		}
	}
	return queries, nil
}

// query adds what an element below <queries> names.
func (x *binaryXML) query(q *Queries, element string, at int) {
	first, size, count := at+x.u16(at+8), x.u16(at+10), x.u16(at+12)
	for i := range count {
		a := first + i*size
		name, raw := x.u32(a+4), x.u32(a+8)
		if raw >= len(x.strings) { // 0xffffffff: a reference into the app's resources
			continue
		}
		var id uint32
		if name < len(x.ids) {
			id = x.ids[name]
		}
		value := x.strings[raw]
		switch {
		case element == "package" && id == attrName:
			q.Packages = append(q.Packages, value)
		case element == "provider" && id == attrAuthorities:
			q.Authorities = append(q.Authorities, strings.Split(value, ";")...)
		case element == "action" && id == attrName:
			q.Actions = append(q.Actions, value)
		case element == "data" && id == attrScheme:
			q.Schemes = append(q.Schemes, value)
		}
	}
}

func (x *binaryXML) pool(at int) []string {
	count, flags := x.u32(at+8), x.u32(at+16)
	data, offsets := at+x.u32(at+20), at+x.u16(at+2)
	if count > len(x.data)/4 {
		panic(errManifest)
	}
	pool := make([]string, count)
	for i := range pool {
		if s := data + x.u32(offsets+4*i); flags&poolUTF8 != 0 {
			pool[i] = x.utf8(s)
		} else {
			pool[i] = x.utf16(s)
		}
	}
	return pool
}

// utf8 reads a string after its two lengths, in UTF-16 units and in bytes, of
// one or two bytes each.
func (x *binaryXML) utf8(at int) string {
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

func (x *binaryXML) utf16(at int) string {
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

func (x *binaryXML) text(i int) string {
	if i >= len(x.strings) {
		return ""
	}
	return x.strings[i]
}

func (x *binaryXML) bytes(at, n int) []byte {
	if at < 0 || n < 0 || at > len(x.data) || n > len(x.data)-at {
		panic(errManifest)
	}
	return x.data[at : at+n]
}

func (x *binaryXML) u16(at int) int { return int(binary.LittleEndian.Uint16(x.bytes(at, 2))) }

// u32 is used for sizes and indexes only; none of them is negative, and all
// are bounded by the length of the data.
func (x *binaryXML) u32(at int) int { return int(int64(binary.LittleEndian.Uint32(x.bytes(at, 4)))) }
