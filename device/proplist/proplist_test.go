package proplist_test

import (
	"fmt"
	"strings"
	"testing"

	"howett.net/plist"

	"github.com/wxctl/wxctl/device/proplist"
)

// Without limits, these would exhaust the stack or the memory: lists in lists,
// and binary lists that refer to one object many times.
func TestBounds(t *testing.T) {
	var v any
	deep := []byte("<plist>" + strings.Repeat("<array>", 1<<20) + strings.Repeat("</array>", 1<<20) + "</plist>")
	if err := proplist.Unmarshal(deep, &v); err == nil {
		t.Error("a million lists in lists were read")
	}
	// Sixty lists that each name the next one twice: 2^60 objects.
	laughs := []byte("bplist00")
	var offsets []byte
	for i := range 60 {
		offsets = append(offsets, byte(len(laughs)>>8), byte(len(laughs)))
		next := min(i+1, 59)
		if i == 59 {
			laughs = append(laughs, 0x08)
			continue
		}
		laughs = append(laughs, 0xa2, byte(next), byte(next))
	}
	table := len(laughs)
	laughs = append(laughs, offsets...)
	laughs = append(laughs, 0, 0, 0, 0, 0, 0, 2, 1)
	for _, n := range []int{60, 0, table} {
		laughs = append(laughs, 0, 0, 0, 0, 0, 0, byte(n>>8), byte(n))
	}
	if err := proplist.Unmarshal(laughs, &v); err == nil {
		t.Error("a list of 2^60 objects was read")
	}
	for _, format := range []int{plist.XMLFormat, plist.BinaryFormat} {
		in := map[string]any{"a": []any{"b", uint64(1), map[string]any{"c": true}}, "long": make([]any, 0)}
		for i := range 100 {
			in["long"] = append(in["long"].([]any), fmt.Sprint(i))
		}
		data, err := plist.Marshal(in, format)
		if err != nil {
			t.Fatal(err)
		}
		var out map[string]any
		if err := proplist.Unmarshal(data, &out); err != nil || len(out["long"].([]any)) != 100 {
			t.Errorf("format %d: %v, %v", format, out, err)
		}
	}
}

// Text that is neither XML nor binary is not a property list: the library reads
// nearly any as one in the old format.
func TestOldFormat(t *testing.T) {
	for _, text := range []string{"", "hello", "{ a = b; }", "( a, b )", "HTTP/1.1 200 OK"} {
		var v any
		if err := proplist.Unmarshal([]byte(text), &v); err == nil {
			t.Errorf("%q was read as %v", text, v)
		}
	}
}

// binaryOf is a binary list of objects, of which the first is the root.
func binaryOf(objects ...[]byte) []byte {
	data, offsets := []byte("bplist00"), []byte{}
	for _, object := range objects {
		offsets = append(offsets, byte(len(data)))
		data = append(data, object...)
	}
	table := len(data)
	data = append(append(data, offsets...), 0, 0, 0, 0, 0, 0, 1, 1)
	for _, n := range []int{len(objects), 0, table} {
		data = append(data, 0, 0, 0, 0, 0, 0, 0, byte(n))
	}
	return data
}

// The library panics on some of these, or ends the process; they are errors here.
func TestPanics(t *testing.T) {
	huge := []byte{0x13, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	for name, data := range map[string][]byte{
		"text of a huge length":    binaryOf(append([]byte{0x5f}, huge...)),
		"UTF-16 of a huge length":  binaryOf(append([]byte{0x6f}, huge...)),
		"data of a huge length":    binaryOf(append([]byte{0x4f}, huge...)),
		"text of half the numbers": binaryOf([]byte{0x6f, 0x13, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}),
		"a list of a huge length":  binaryOf(append([]byte{0xaf}, huge...)),
		"a dictionary of one":      binaryOf(append([]byte{0xdf}, huge...)),
		"text past the end":        binaryOf([]byte{0x59, 'a'}),
		"a key that is a number":   binaryOf([]byte{0xd1, 1, 2}, []byte{0x10, 1}, []byte{0x09}),
		"a long integer":           binaryOf([]byte{0x1f}),
		"a long real":              binaryOf([]byte{0x2f}),
		"an unknown kind":          binaryOf([]byte{0xf0}),
		"a length that is none":    binaryOf([]byte{0x5f, 0x5f}),
	} {
		t.Run(name, func(t *testing.T) {
			var v any
			if err := proplist.Unmarshal(data, &v); err == nil {
				t.Errorf("it was read as %v", v)
			}
		})
	}
}
