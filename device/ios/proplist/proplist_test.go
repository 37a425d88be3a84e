package proplist_test

import (
	"fmt"
	"strings"
	"testing"

	"howett.net/plist"

	"github.com/wxctl/wxctl/device/ios/proplist"
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

// Text that is neither XML nor binary is no property list: the library reads
// nearly any as one in the old format.
func TestOldFormat(t *testing.T) {
	for _, text := range []string{"", "hello", "{ a = b; }", "( a, b )", "HTTP/1.1 200 OK"} {
		var v any
		if err := proplist.Unmarshal([]byte(text), &v); err == nil {
			t.Errorf("%q was read as %v", text, v)
		}
	}
}
