package ioswire

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Dict is a property list dictionary, the container of everything that the SDK
// does not put into a URL's query: its fields sorted by key (by UTF-8 bytes),
// each key once. A nil Dict means that there is no dictionary; it differs from
// an empty one.
type Dict []Field

// Field is one key and its value.
type Field struct {
	Key   string
	Value Value
}

// Kind says what a Value holds.
type Kind uint8

// The kinds of property list values. Dates, UIDs and sets never occur in the
// SDK's payloads; DecodePlist refuses them.
const (
	KindNull Kind = iota
	KindString
	KindBool
	KindInt
	KindReal
	KindData
	KindDict
	KindArray
)

// Value is one value of a property list. Make it with String, Bool, Int, Real,
// Data, Dictionary or Array.
type Value struct {
	kind Kind
	n    int64 // bool, int, bits of a real
	text string
	data []byte
	held *held // of a dictionary or list
}

// held is what the two container kinds hold. It is kept behind a pointer, since
// fields are what a hostile list can have most of.
type held struct {
	dict  Dict
	array []Value
}

// String is a string value.
func String(s string) Value { return Value{kind: KindString, text: s} }

// Bool is a boolean value (an NSNumber made from a BOOL: never 0 or 1).
func Bool(b bool) Value {
	v := Value{kind: KindBool}
	if b {
		v.n = 1
	}
	return v
}

// Int is an integer value.
func Int(n int64) Value { return Value{kind: KindInt, n: n} }

// Real is a floating point value.
func Real(f float64) Value { return Value{kind: KindReal, n: int64(math.Float64bits(f))} }

// Data is a byte string. The slice is kept, not copied.
func Data(b []byte) Value { return Value{kind: KindData, data: b} }

// Dictionary is a nested dictionary.
func Dictionary(d Dict) Value { return Value{kind: KindDict, held: &held{dict: d}} }

// Array is a list of values.
func Array(values []Value) Value { return Value{kind: KindArray, held: &held{array: values}} }

// Text is v's string, and whether v is a string.
func (v Value) Text() (string, bool) { return v.text, v.kind == KindString }

// Bool is v's truth, and whether v is a boolean.
func (v Value) Bool() (value, ok bool) { return v.n != 0, v.kind == KindBool }

// Int is v's number, and whether v is an integer.
func (v Value) Int() (int64, bool) { return v.n, v.kind == KindInt }

// Real is v's number, and whether v is a floating point one.
func (v Value) Real() (float64, bool) {
	return math.Float64frombits(uint64(v.n)), v.kind == KindReal
}

// Data is v's bytes, and whether v is data.
func (v Value) Data() ([]byte, bool) { return v.data, v.kind == KindData }

// Dict is v's dictionary, and whether v is one.
func (v Value) Dict() (Dict, bool) {
	if v.kind != KindDict {
		return nil, false
	}
	return v.held.dict, true
}

// Get is the value under key, and whether there is one.
func (d Dict) Get(key string) (Value, bool) {
	i, ok := slices.BinarySearchFunc(d, key, func(f Field, k string) int { return strings.Compare(f.Key, k) })
	if !ok {
		return Value{}, false
	}
	return d[i].Value, true
}

// text is the string under key, nil if there is none or the value isn't a
// string.
func (d Dict) text(key string) *string {
	if v, ok := d.Get(key); ok && v.kind == KindString {
		return &v.text
	}
	return nil
}

// sorted puts the fields in order of their keys.
func (d Dict) sorted() Dict {
	slices.SortStableFunc(d, func(a, b Field) int { return strings.Compare(a.Key, b.Key) })
	return d
}

// without is d without the field key.
func (d Dict) without(key string) Dict {
	return slices.DeleteFunc(slices.Clone(d), func(f Field) bool { return f.Key == key })
}

// printedData is the longest data that the printed form shows in full, in bytes.
const printedData = 64

// MarshalJSON writes a JSON object, keys sorted; see Value.MarshalJSON.
func (d Dict) MarshalJSON() ([]byte, error) { return d.appendJSON(nil, -1) }

// MarshalJSON writes strings, booleans, numbers, lists and dictionaries as JSON
// has them, a real always with a point or exponent, and data as
// {"$data":{"length","sha256","base64"}}. Nothing is lost.
func (v Value) MarshalJSON() ([]byte, error) { return v.appendJSON(nil, -1) }

// appendJSON shows data of at most full bytes in full, of any length if full
// is negative.
func (d Dict) appendJSON(out []byte, full int) ([]byte, error) {
	if d == nil {
		return append(out, "null"...), nil
	}
	out = append(out, '{')
	for i, f := range d {
		if i > 0 {
			out = append(out, ',')
		}
		key, err := json.Marshal(f.Key)
		if err != nil {
			return nil, err
		}
		out = append(append(out, key...), ':')
		if out, err = f.Value.appendJSON(out, full); err != nil {
			return nil, err
		}
	}
	return append(out, '}'), nil
}

type dataJSON struct {
	Length int     `json:"length"`
	SHA256 string  `json:"sha256"`
	Base64 *string `json:"base64,omitempty"`
}

func (v Value) appendJSON(out []byte, full int) ([]byte, error) {
	switch v.kind {
	case KindString:
		text, err := json.Marshal(v.text)
		return append(out, text...), err
	case KindBool:
		return strconv.AppendBool(out, v.n != 0), nil
	case KindInt:
		return strconv.AppendInt(out, v.n, 10), nil
	case KindReal:
		f, _ := v.Real()
		text, err := json.Marshal(f)
		if err == nil && !bytes.ContainsAny(text, ".eE") {
			text = append(text, ".0"...) // stays a real when it is read again
		}
		return append(out, text...), err
	case KindData:
		shown := dataJSON{Length: len(v.data), SHA256: v.digest()}
		if full < 0 || len(v.data) <= full {
			shown.Base64 = new(base64.StdEncoding.EncodeToString(v.data))
		}
		text, err := json.Marshal(map[string]dataJSON{"$data": shown})
		return append(out, text...), err
	case KindDict:
		if v.held.dict == nil {
			return append(out, "{}"...), nil
		}
		return v.held.dict.appendJSON(out, full)
	case KindArray:
		out = append(out, '[')
		for i := range v.held.array {
			if i > 0 {
				out = append(out, ',')
			}
			var err error
			if out, err = v.held.array[i].appendJSON(out, full); err != nil {
				return nil, err
			}
		}
		return append(out, ']'), nil
	}
	return append(out, "null"...), nil
}

func (v Value) digest() string {
	sum := sha256.Sum256(v.data)
	return hex.EncodeToString(sum[:])
}

// String is the value's kind and content in one line; for data its length and
// SHA-256.
func (v Value) String() string {
	switch v.kind {
	case KindString:
		return strconv.Quote(v.text)
	case KindData:
		return fmt.Sprintf("data %d sha256:%s", len(v.data), v.digest())
	}
	text, err := v.appendJSON(nil, printedData)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (d *Dict) UnmarshalJSON(text []byte) error {
	var v Value
	if err := v.UnmarshalJSON(text); err != nil {
		return err
	}
	switch v.kind {
	case KindNull:
		*d = nil
	case KindDict:
		*d = v.held.dict
	default:
		return fmt.Errorf("a property list dictionary was expected, not %s", clip(string(text)))
	}
	return nil
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (v *Value) UnmarshalJSON(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var plain any
	if err := decoder.Decode(&plain); err != nil {
		return err
	}
	value, err := fromJSON(plain)
	*v = value
	return err
}

func fromJSON(plain any) (Value, error) {
	switch x := plain.(type) {
	case nil:
		return Value{}, nil
	case string:
		return String(x), nil
	case bool:
		return Bool(x), nil
	case json.Number:
		if n, err := x.Int64(); err == nil {
			return Int(n), nil
		}
		f, err := x.Float64()
		return Real(f), err
	case []any:
		array := make([]Value, len(x))
		for i, item := range x {
			var err error
			if array[i], err = fromJSON(item); err != nil {
				return Value{}, err
			}
		}
		return Array(array), nil
	case map[string]any:
		if data, ok := x["$data"].(map[string]any); ok && len(x) == 1 {
			return dataFromJSON(data)
		}
		dict := make(Dict, 0, len(x))
		for key, item := range x {
			value, err := fromJSON(item)
			if err != nil {
				return Value{}, err
			}
			dict = append(dict, Field{key, value})
		}
		return Dictionary(dict.sorted()), nil
	}
	return Value{}, fmt.Errorf("no property list value: %T", plain)
}

func dataFromJSON(data map[string]any) (Value, error) {
	text, ok := data["base64"].(string)
	if !ok {
		return Value{}, fmt.Errorf("$data has no base64: a printed form can't be read back")
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return Value{}, fmt.Errorf("$data: %w", err)
	}
	return Data(raw), nil
}

// clip shortens text from outside for an error message.
func clip(s string) string {
	if len(s) > 40 {
		return strconv.Quote(s[:40]) + "…"
	}
	return strconv.Quote(s)
}
