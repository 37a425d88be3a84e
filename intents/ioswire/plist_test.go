package ioswire_test

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"howett.net/plist"

	"github.com/wxctl/wxctl/intents/ioswire"
)

func (g generator) value(depth int) ioswire.Value {
	kinds := 6
	if depth > 0 {
		kinds = 8
	}
	switch g.IntN(kinds) {
	case 0, 1:
		return ioswire.String(*g.some())
	case 2:
		return ioswire.Bool(g.chance(2))
	case 3:
		return ioswire.Int([]int64{0, 1, 255, 256, 65535, 65536, 1<<32 - 1, 1 << 32, math.MaxInt64, -1, math.MinInt64}[g.IntN(11)])
	case 4:
		return ioswire.Real([]float64{0, 1.5, -1, math.MaxFloat64, 1e-300}[g.IntN(5)])
	case 5:
		return ioswire.Data(make([]byte, []int{0, 1, 14, 15, 255, 256, 4096}[g.IntN(7)]))
	case 6:
		return ioswire.Dictionary(g.dict(depth - 1))
	}
	array := make([]ioswire.Value, g.IntN(20))
	for i := range array {
		array[i] = g.value(depth - 1)
	}
	return ioswire.Array(array)
}

func (g generator) dict(depth int) ioswire.Dict {
	fields := map[string]ioswire.Value{}
	for range g.IntN(20) {
		fields[*g.some()] = g.value(depth)
	}
	text, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	var d ioswire.Dict
	if err := json.Unmarshal(text, &d); err != nil {
		panic(err)
	}
	return d
}

// native is a value as howett.net/plist decodes it.
func native(v ioswire.Value) any {
	if s, ok := v.Text(); ok {
		return s
	}
	if b, ok := v.Bool(); ok {
		return b
	}
	if n, ok := v.Int(); ok {
		if n < 0 {
			return n
		}
		return uint64(n)
	}
	if f, ok := v.Real(); ok {
		return f
	}
	if b, ok := v.Data(); ok {
		return b
	}
	if array, ok := v.Array(); ok {
		out := make([]any, len(array))
		for i := range array {
			out[i] = native(array[i])
		}
		return out
	}
	d, _ := v.Dict()
	return nativeDict(d)
}

func nativeDict(d ioswire.Dict) map[string]any {
	out := map[string]any{}
	for _, f := range d {
		out[f.Key] = native(f.Value)
	}
	return out
}

// TestPlistAgainstLibrary: another implementation reads our lists, and we read
// its lists.
func TestPlistAgainstLibrary(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(3, 4))}
	for range 60 {
		d := g.dict(2)
		raw := ioswire.EncodePlist(d)
		var read map[string]any
		if _, err := plist.Unmarshal(raw, &read); err != nil {
			t.Fatalf("%v: %v", d, err)
		}
		if want := nativeDict(d); !reflect.DeepEqual(read, want) {
			t.Fatalf("the library reads\n%v\nnot\n%v", read, want)
		}
		again, err := ioswire.DecodePlist(raw)
		if err != nil || !again.Equal(d) {
			t.Fatalf("%v is read as %v (%v)", d, again, err)
		}
		theirs, err := plist.Marshal(nativeDict(d), plist.BinaryFormat)
		if err != nil {
			t.Fatal(err)
		}
		if again, err = ioswire.DecodePlist(theirs); err != nil || !again.Equal(d) {
			t.Fatalf("the library's %v is read as %v (%v)", d, again, err)
		}
	}
}

// TestPlistManyObjects has so many objects that references take two bytes, and
// equal ones far apart.
func TestPlistManyObjects(t *testing.T) {
	var d ioswire.Dict
	for i := range 400 {
		d = append(d, ioswire.Field{Key: string(rune('a'+i/26)) + string(rune('a'+i%26)), Value: ioswire.String(strings.Repeat("x", i%7))})
	}
	raw := ioswire.EncodePlist(d)
	again, err := ioswire.DecodePlist(raw)
	if err != nil || !again.Equal(d) {
		t.Fatalf("read as %v (%v)", again, err)
	}
	if n := bytes.Count(raw, []byte("\x56xxxxxx")); n != 1 {
		t.Errorf("a text used 57 times is written %d times", n)
	}
}

func TestPlistRefused(t *testing.T) {
	good := ioswire.EncodePlist(ioswire.Dict{{Key: "a", Value: ioswire.String("b")}})
	with := func(at int, b byte) []byte {
		raw := bytes.Clone(good)
		if at < 0 {
			at += len(raw)
		}
		raw[at] = b
		return raw
	}
	for name, raw := range map[string][]byte{
		"empty":                       nil,
		"XML":                         []byte(`<?xml version="1.0"?><plist><dict/></plist>` + strings.Repeat(" ", 40)),
		"no offset size":              with(-26, 0),
		"offset size 9":               with(-26, 9),
		"no reference size":           with(-25, 0),
		"more objects than there are": with(-17, 200),
		"far more objects":            with(-24, 255),
		"top beyond the objects":      with(-9, 3),
		"table beyond the end":        with(-1, 255),
		"top is a text":               with(-9, 1),
		"reference beyond":            with(9, 9),
		"a dictionary as its own key": with(9, 0),
		"a date":                      with(13, 0x33),
		"a UID":                       with(13, 0x80),
		"a text longer than the list": with(13, 0x5E),
	} {
		if d, err := ioswire.DecodePlist(raw); err == nil {
			t.Errorf("%s: read as %v", name, d)
		}
	}
	if _, err := ioswire.DecodePlist(good); err != nil {
		t.Error(err)
	}
}

// bomb is a list of lists that refer to each other: each has ten times the next.
func bomb() []byte {
	out := []byte("bplist00")
	offsets := []byte{}
	add := func(b ...byte) {
		offsets = append(offsets, byte(len(out)))
		out = append(out, b...)
	}
	add(0xD1, 1, 2)
	add(0x51, 'k')
	for i := byte(3); i < 12; i++ {
		add(0xAA, i, i, i, i, i, i, i, i, i, i)
	}
	add(0x58, 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x')
	table := len(out)
	out = append(out, offsets...)
	return append(out, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, byte(len(offsets)), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, byte(table))
}

func TestPlistBomb(t *testing.T) {
	raw := bomb()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := ioswire.DecodePlist(raw)
	runtime.ReadMemStats(&after)
	if err == nil {
		t.Error("a list of a billion texts was read")
	}
	if made := after.TotalAlloc - before.TotalAlloc; made > 64<<10 {
		t.Errorf("%d bytes became %d", made, len(raw))
	}
}

// TestPlistRepeatedText refers to one long text very often.
func TestPlistRepeatedText(t *testing.T) {
	for _, text := range []string{strings.Repeat("x", 60000), strings.Repeat("中", 30000)} {
		same := make([]ioswire.Value, 2000)
		for i := range same {
			same[i] = ioswire.String(text)
		}
		raw := ioswire.EncodePlist(ioswire.Dict{{Key: "a", Value: ioswire.Array(same)}})
		if len(raw) > 70000 {
			t.Fatalf("the text is written more than once: %d bytes", len(raw))
		}
		if _, err := ioswire.DecodePlist(raw); err == nil {
			t.Errorf("%d bytes with a length of %d were accepted", len(raw), 2000*len(text))
		}
	}
}

// TestPlistDepth nests dictionaries, as deep as is read and one deeper.
func TestPlistDepth(t *testing.T) {
	nested := func(depth int) ioswire.Dict {
		d := ioswire.Dict{}
		for range depth {
			d = ioswire.Dict{{Key: "k", Value: ioswire.Dictionary(d)}}
		}
		return d
	}
	if _, err := ioswire.DecodePlist(ioswire.EncodePlist(nested(32))); err != nil {
		t.Error(err)
	}
	if _, err := ioswire.DecodePlist(ioswire.EncodePlist(nested(33))); err == nil {
		t.Error("33 levels were read")
	}
}

func TestPlistEqual(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(5, 6))}
	for range 200 {
		a, b := g.value(2), g.value(2)
		text, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		var again ioswire.Value
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatal(err)
		}
		if !a.Equal(again) {
			t.Errorf("%v became %v", a, again)
		}
		if a.Equal(b) != reflect.DeepEqual(native(a), native(b)) {
			t.Errorf("%v, %v", a, b)
		}
	}
}

func TestPlistJSONErrors(t *testing.T) {
	for _, text := range []string{`[]`, `"x"`, `{"a":{"$data":{"length":1}}}`, `{"a":{"$data":{"base64":"*"}}}`, `{`} {
		var d ioswire.Dict
		if err := json.Unmarshal([]byte(text), &d); err == nil {
			t.Errorf("%s is read as %v", text, d)
		}
	}
	for _, text := range []string{`{"form":"url"}`, `{"form":"intent"}`, `{"form":"pasteboard"}`, `{"form":"url","url":"weixin://?_wechat_sdk_biz_data=x"}`} {
		var w ioswire.Wire
		if err := json.Unmarshal([]byte(text), &w); err == nil {
			t.Errorf("%s is read as %v", text, w)
		}
	}
}

func FuzzDecodePlist(f *testing.F) {
	f.Add(bomb())
	g := generator{rand.New(rand.NewPCG(7, 8))}
	for n := 0; n < 20; {
		if raw := ioswire.EncodePlist(g.dict(1)); len(raw) < 2000 {
			f.Add(raw)
			n++
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var d ioswire.Dict
		var err error
		bounded(t, len(raw), func() { d, err = ioswire.DecodePlist(raw) })
		if err != nil {
			return
		}
		again, err := ioswire.DecodePlist(ioswire.EncodePlist(d))
		if err != nil {
			t.Fatalf("%v can't be read again: %v", d, err)
		}
		if text, err := json.Marshal(d); err == nil && !again.Equal(d) { // a NaN equals nothing
			t.Errorf("%s became %v", text, again)
		}
	})
}
