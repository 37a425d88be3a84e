package androidwire

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Type is the Java type of an extra.
type Type uint8

// The types that WeChat's requests and replies consist of. TypeOther is any
// other class that an extra read from a phone may have.
const (
	TypeNull Type = iota
	TypeString
	TypeInteger
	TypeLong
	TypeBoolean
	TypeDouble
	TypeBytes
	TypeHashMap
	TypeURI
	TypeURIList
	TypeOther
)

var typeNames = [...]string{"null", "String", "Integer", "Long", "Boolean", "Double", "byte[]",
	"java.util.HashMap", "android.net.Uri", "java.util.ArrayList", "other"}

// String returns Java's name of the type.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return "Type(" + strconv.Itoa(int(t)) + ")"
}

// Value is one typed value of an Intent's extras. The zero Value is null.
type Value struct {
	kind  Type
	num   int64  // Integer, Long, Boolean; the bits of a Double
	text  string // String, Uri; for another class its toString
	bytes []byte
	ref   any // map[string]string of a HashMap, []string of a list, class name of TypeOther
}

// String, StringOrNull, Int, … make values of the Java types; a nil pointer,
// slice or map is null.
func String(s string) Value { return Value{kind: TypeString, text: s} }

// StringOrNull makes a String, or null of nil.
func StringOrNull(s *string) Value {
	if s == nil {
		return Value{}
	}
	return String(*s)
}

// Int makes an Integer.
func Int(n int32) Value { return Value{kind: TypeInteger, num: int64(n)} }

// Long makes a Long.
func Long(n int64) Value { return Value{kind: TypeLong, num: n} }

// Bool makes a Boolean.
func Bool(b bool) Value {
	v := Value{kind: TypeBoolean}
	if b {
		v.num = 1
	}
	return v
}

// Double makes a Double.
func Double(f float64) Value { return Value{kind: TypeDouble, num: int64(math.Float64bits(f))} }

// Bytes makes a byte[] that shares b's memory, or null of nil.
func Bytes(b []byte) Value {
	if b == nil {
		return Value{}
	}
	return Value{kind: TypeBytes, bytes: b}
}

// HashMap makes a java.util.HashMap of strings, or null of nil.
func HashMap(m map[string]string) Value {
	if m == nil {
		return Value{}
	}
	return Value{kind: TypeHashMap, ref: m}
}

// URI makes an android.net.Uri.
func URI(s string) Value { return Value{kind: TypeURI, text: s} }

// URIList makes a java.util.ArrayList of android.net.Uri, or null of nil.
func URIList(uris []string) Value {
	if uris == nil {
		return Value{}
	}
	return Value{kind: TypeURIList, ref: uris}
}

// Other stands for a value of a class that has no Type here: its class name
// and what its toString says.
func Other(class, text string) Value { return Value{kind: TypeOther, ref: class, text: text} }

// Type returns the value's Java type.
func (v Value) Type() Type { return v.kind }

// Class returns the name of the value's Java type, also of another class.
func (v Value) Class() string {
	if class, other := v.ref.(string); other {
		return class
	}
	return v.kind.String()
}

// Text returns a String, as Bundle.getString does: nil if the value is null
// or of another type.
func (v Value) Text() *string {
	if v.kind != TypeString {
		return nil
	}
	return new(v.text)
}

// Integer returns an Integer, or 0 if the value is of another type.
func (v Value) Integer() int32 {
	if v.kind != TypeInteger {
		return 0
	}
	return int32(v.num)
}

// Int64 returns a Long, or 0 if the value is of another type.
func (v Value) Int64() int64 {
	if v.kind != TypeLong {
		return 0
	}
	return v.num
}

// Boolean returns a Boolean, or false if the value is of another type.
func (v Value) Boolean() bool { return v.kind == TypeBoolean && v.num != 0 }

// Float returns a Double, or 0 if the value is of another type.
func (v Value) Float() float64 {
	if v.kind != TypeDouble {
		return 0
	}
	return math.Float64frombits(uint64(v.num))
}

// Bytes returns a byte[], nil if the value is null or of another type.
func (v Value) Bytes() []byte { return v.bytes }

// Map returns a HashMap, nil if the value is null or of another type.
func (v Value) Map() map[string]string {
	m, _ := v.ref.(map[string]string)
	return m
}

// URI returns a Uri's text, or "" if the value is of another type.
func (v Value) URI() string {
	if v.kind != TypeURI {
		return ""
	}
	return v.text
}

// URIs returns an ArrayList's Uris, nil if the value is of another type.
func (v Value) URIs() []string {
	uris, _ := v.ref.([]string)
	return uris
}

type jsonValue struct {
	Type   string          `json:"type"`
	Value  json.RawMessage `json:"value,omitempty"`
	Base64 *string         `json:"base64,omitempty"`
}

// MarshalJSON writes {"type","value"}, of a byte[] {"type","base64"} and of
// null {"type"} alone. Nothing is lost.
func (v Value) MarshalJSON() ([]byte, error) {
	j := jsonValue{Type: v.Class()}
	if v.kind == TypeBytes {
		text := base64.StdEncoding.EncodeToString(v.bytes)
		j.Base64 = &text
	} else if v.kind != TypeNull {
		var err error
		if j.Value, err = json.Marshal(v.plain()); err != nil {
			return nil, fmt.Errorf("writing a %s: %w", v.Class(), err)
		}
	}
	return json.Marshal(j)
}

// plain is the value as encoding/json takes it.
func (v Value) plain() any {
	switch v.kind {
	case TypeInteger, TypeLong:
		return v.num
	case TypeBoolean:
		return v.num != 0
	case TypeDouble:
		return v.Float()
	case TypeHashMap, TypeURIList:
		return v.ref
	case TypeNull:
		return nil
	}
	return v.text
}

// UnmarshalJSON reads what MarshalJSON writes. A type without a name here
// becomes TypeOther if its value is a string.
func (v *Value) UnmarshalJSON(data []byte) error {
	var class string
	var value, encoded []byte
	err := members(data, func(key string, member []byte) error {
		switch key {
		case "type":
			return unquote(member, &class)
		case "value":
			value = member
		case "base64":
			encoded = member
		}
		return nil
	})
	if err != nil {
		return err
	}
	read := func(into any) {
		if len(value) == 0 || string(value) == "null" {
			err = fmt.Errorf("no value of type %q", class)
			return
		}
		if s, ok := into.(*string); ok {
			err = unquote(value, s)
			return
		}
		err = json.Unmarshal(value, into)
	}
	*v = Value{}
	switch class {
	case "null":
	case "String":
		v.kind = TypeString
		read(&v.text)
	case "Integer":
		var n int32
		read(&n)
		*v = Int(n)
	case "Long":
		v.kind = TypeLong
		read(&v.num)
	case "Boolean":
		var b bool
		read(&b)
		*v = Bool(b)
	case "Double":
		var f float64
		read(&f)
		*v = Double(f)
	case "byte[]":
		var b []byte
		value = encoded
		read(&b)
		*v = Bytes(b)
	case "java.util.HashMap":
		var m map[string]string
		read(&m)
		*v = HashMap(m)
	case "android.net.Uri":
		v.kind = TypeURI
		read(&v.text)
	case "java.util.ArrayList":
		var uris []string
		read(&uris)
		*v = URIList(uris)
	case "":
		return fmt.Errorf("no type")
	default:
		var s string
		if len(value) > 0 {
			read(&s)
		}
		*v = Other(class, s)
	}
	if err != nil {
		*v = Value{}
	}
	return err
}
