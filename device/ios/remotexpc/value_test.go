package remotexpc

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
)

// every holds each type that XPC has a form for.
func every() Dict {
	return Dict{
		{"null", nil},
		{"true", true},
		{"false", false},
		{"int64", int64(-2)},
		{"uint64", uint64(math.MaxUint64)},
		{"double", 0.5},
		{"date", time.Unix(1795000000, 123456789).UTC()},
		{"data", []byte{1, 2, 3, 4, 5}},
		{"no data", []byte{}},
		{"string", "微信 a"},
		{"", ""},
		{"uuid", UUID{0: 0xab, 15: 0xcd}},
		{"fd", FD(7)},
		{"shmem", SharedMemory(4096)},
		{"file", FileTransfer{ID: 9, Object: Dict{{"s", uint64(300)}}}},
		{"array", []any{int64(1), []any{}, Dict{}, nil}},
		{"dictionary", Dict{{"z", int64(1)}, {"a", Dict{{"b", "c"}}}}},
	}
}

func TestEveryTypeComesBack(t *testing.T) {
	want := Message{Flags: 0x10101, ID: 3, Body: every()}
	data, err := want.Append([]byte("before"))
	if err != nil {
		t.Fatal(err)
	}
	data = data[len("before"):]
	got, n, err := Decode(append(data, "after"...))
	if err != nil || n != len(data) {
		t.Fatalf("%d of %d bytes, %v", n, len(data), err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	again, err := got.Append(nil)
	if err != nil || !bytes.Equal(again, data) {
		t.Errorf("the second encoding differs: %v\n%x\n%x", err, again, data)
	}
	for n := range data {
		if _, _, err := Decode(data[:n]); !errors.Is(err, ErrIncomplete) {
			t.Fatalf("%d of %d bytes: %v", n, len(data), err)
		}
	}
}

// TestBytes spells out small messages by hand, word by word.
func TestBytes(t *testing.T) {
	for _, tt := range []struct {
		name string
		m    Message
		want string
	}{
		{"no body", Message{Flags: 0x400001}, "920bb029 01004000 0000000000000000 0000000000000000"},
		{"empty", Message{Flags: 1, Body: Dict{}}, "920bb029 01000000 1400000000000000 0000000000000000" +
			"42371342 05000000 00f00000 04000000 00000000"},
		{"a string and a list", Message{Flags: 0x101, ID: 2, Body: Dict{{"k", "abc"}, {"list", []any{true, int64(1)}}}},
			"920bb029 01010000 4c00000000000000 0200000000000000" + "42371342 05000000" +
				"00f00000 3c000000 02000000" +
				"6b000000 00900000 04000000 61626300" +
				"6c69737400000000 00e00000 18000000 02000000 00200000 01000000 00300000 0100000000000000"},
	} {
		got, err := tt.m.Append(nil)
		if want := strings.ReplaceAll(tt.want, " ", ""); err != nil || hex.EncodeToString(got) != want {
			t.Errorf("%s: %v\n got %x\nwant %s", tt.name, err, got, want)
		}
	}
}

func TestRefusesToEncode(t *testing.T) {
	deep := Dict{}
	for range maxDepth + 1 {
		deep = Dict{{"d", deep}}
	}
	for _, tt := range []struct {
		body Dict
		want string
	}{
		{Dict{{"k", "weixin://\x00"}}, "zero byte"},
		{Dict{{"k\x00", true}}, "zero byte"},
		{Dict{{"k", int32(1)}}, "no form for int32"},
		{Dict{{"k", map[string]any{}}}, "no form for map"},
		{Dict{{"k", time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC)}}, "does not fit"},
		{deep, "nested deeper"},
		{Dict{{"k", make([]byte, MaxBody)}}, "larger than"},
	} {
		if _, err := (Message{Body: tt.body}).Append(nil); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("want an error with %q, got %v", tt.want, err)
		}
	}
}

// raw wraps a value's words into a message.
func raw(words string) []byte {
	body, err := hex.DecodeString("4237134205000000" + strings.ReplaceAll(words, " ", ""))
	if err != nil {
		panic(err)
	}
	b := binary.LittleEndian.AppendUint32(nil, wrapperMagic)
	b = binary.LittleEndian.AppendUint32(b, 1)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(body)))
	return append(binary.LittleEndian.AppendUint64(b, 0), body...)
}

func TestRefusesToDecode(t *testing.T) {
	deep := strings.Repeat("00e00000 FFFFFFFF 01000000", 2000)
	for _, tt := range []struct{ name, words, want string }{
		{"no value", "", "too early"},
		{"not a dictionary", "00100000", "instead of a dictionary"},
		{"unknown type", "00600000 00000000", "unknown XPC type 0x6000"},
		{"more than the container", "00f00000 04000000 01000000", "cannot hold 1 elements of"},
		{"billions of elements", "00f00000 04000000 ffffffff", "cannot hold 4294967295 elements"},
		{"a string past the end", "00f00000 10000000 01000000 6b000000 00900000 ffffffff", "too early"},
		{"a string without its end", "00f00000 14000000 01000000 6b000000 00900000 04000000 61626364", "zero byte"},
		{"a string with two ends", "00f00000 14000000 01000000 6b000000 00900000 04000000 61006200", "zero byte"},
		{"an empty string without its end", "00f00000 10000000 01000000 6b000000 00900000 00000000", "zero byte"},
		{"a key without its end", "00f00000 0c000000 01000000 6b6b6b6b 6b6b6b6b", "no end"},
		{"a key twice", "00f00000 14000000 02000000 6b000000 00100000 6b000000 00100000", "twice"},
		{"half a head", "00f00000 04000000", "too early"},
		{"something after", "00f00000 04000000 00000000 00000000", "left over"},
		{"nested too deep", "00f00000 ffffffff 01000000 6b000000" + deep, "nested deeper"},
	} {
		if _, _, err := Decode(raw(tt.words)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: want an error with %q, got %v", tt.name, tt.want, err)
		}
	}
	// Nesting with right lengths: each array holds the next.
	words := "00100000"
	for range maxDepth + 1 {
		size := binary.LittleEndian.AppendUint32(nil, uint32(len(words)/2+4))
		words = "00e00000" + hex.EncodeToString(size) + "01000000" + words
	}
	size := binary.LittleEndian.AppendUint32(nil, uint32(len(words)/2+8))
	if _, _, err := Decode(raw("00f00000" + hex.EncodeToString(size) + "01000000 6b000000" + words)); !errors.Is(err, errDepth) {
		t.Errorf("nested %d deep: %v", maxDepth+1, err)
	}
}

func TestRefusesHeaders(t *testing.T) {
	good := raw("00f00000 04000000 00000000")
	for _, tt := range []struct {
		name string
		at   int
		with []byte
		want string
	}{
		{"magic", 0, []byte{1}, "begins with"},
		{"a body of exabytes", 15, []byte{0x7f}, "more than"},
		{"a body too short", 8, []byte{7}, "too short"},
		{"the object's magic", headerSize, []byte{0}, "begins with"},
		{"the object's version", headerSize + 4, []byte{6}, "version 6"},
	} {
		bad := bytes.Clone(good)
		copy(bad[tt.at:], tt.with)
		if _, _, err := Decode(bad); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: want an error with %q, got %v", tt.name, tt.want, err)
		}
	}
}

func TestPaths(t *testing.T) {
	d := every()
	if got := d.String("dictionary", "a", "b"); got != "c" {
		t.Errorf("%q", got)
	}
	if got := d.String("dictionary", "z", "b") + d.String("nothing") + d.String("int64"); got != "" {
		t.Errorf("%q", got)
	}
	if n, ok := d.Int("int64"); n != -2 || !ok {
		t.Error(n, ok)
	}
	if _, ok := d.Int("uint64"); ok {
		t.Error("the largest uint64 is no int64")
	}
	if len(d.List("array")) != 4 || d.Dict("array") != nil || !d.Bool("true") || d.Bool("string") {
		t.Error("list, dictionary or bool")
	}
}

// TestLengths: what a container says of its length does not count.
func TestLengths(t *testing.T) {
	m, _, err := Decode(raw("00f00000 ffffff7f 01000000 6b000000 00e00000 00000000 01000000 00100000"))
	if want := (Dict{{"k", []any{nil}}}); err != nil || !reflect.DeepEqual(m.Body, want) {
		t.Errorf("%v %v", m.Body, err)
	}
}

// TestPromises: arrays in arrays that each promise to fill the message get no
// room for it.
func TestPromises(t *testing.T) {
	const depth = maxDepth - 2
	words := "00f00000 00000000 01000000 6b000000" + strings.Repeat("00e00000 00000000 00000100", depth)
	data := raw(words + strings.Repeat("00100000", 1<<16))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err := Decode(data)
	runtime.ReadMemStats(&after)
	if err == nil {
		t.Error("it is whole")
	}
	// 62 times 16 bytes for each word would be some 250 times.
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > uint64(50*len(data)) {
		t.Errorf("%d bytes of message took %d of memory", len(data), allocated)
	}
}

// FuzzDecode: whatever decodes encodes again, and that decodes to the same.
func FuzzDecode(f *testing.F) {
	data, err := Message{Flags: 1, ID: 5, Body: every()}.Append(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(raw("00f00000 04000000 00000000"))
	f.Add(raw("00f00000 14000000 02000000 6b000000 00100000 6b000000 00100000"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, n, err := Decode(data)
		if err != nil {
			if n != 0 {
				t.Fatalf("took %d bytes and %v", n, err)
			}
			return
		}
		if n < headerSize || n > len(data) {
			t.Fatalf("took %d of %d bytes", n, len(data))
		}
		again, err := m.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(again) != n {
			t.Fatalf("%d bytes became %d", n, len(again))
		}
		back, _, err := Decode(again)
		if err != nil {
			t.Fatal(err)
		}
		// NaN is not equal to itself: compare the bytes.
		third, err := back.Append(nil)
		if err != nil || !bytes.Equal(third, again) {
			t.Fatalf("%v\n%x\n%x", err, third, again)
		}
	})
}
