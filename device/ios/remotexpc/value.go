package remotexpc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math"
	"strings"
	"time"
)

// A value of an XPC object is one of
//
//	nil, bool, int64, uint64, float64, string, []byte, time.Time,
//	UUID, FD, SharedMemory, FileTransfer, []any, Dict
//
// int is taken, too, and travels as int64. Anything else is refused.

// UUID is an XPC uuid, in the order of its text.
type UUID [16]byte

// String formats u as 8-4-4-4-12 upper-case hexadecimal digits, as Apple does.
func (u UUID) String() string {
	return fmt.Sprintf("%X-%X-%X-%X-%X", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// FD is an XPC file descriptor: a number that means nothing on another machine.
type FD uint32

// SharedMemory is an XPC shared memory region: its length in bytes.
type SharedMemory uint32

// FileTransfer announces a file that travels on an HTTP/2 stream of its own.
type FileTransfer struct {
	ID     uint64
	Object any // a Dict with the size "s"
}

// Dict is an XPC dictionary. Its entries keep their order, so that the same
// value is the same bytes every time.
type Dict []Entry

// Entry is one key of a Dict and its value.
type Entry struct {
	Key   string
	Value any
}

// Get returns the value of key, or nil.
func (d Dict) Get(key string) any {
	for _, e := range d {
		if e.Key == key {
			return e.Value
		}
	}
	return nil
}

// String returns the string at the end of the path, or "" if there is none.
func (d Dict) String(path ...string) string {
	s, _ := d.at(path).(string)
	return s
}

// Dict returns the dictionary at the end of the path, or nil if there is none.
func (d Dict) Dict(path ...string) Dict {
	v, _ := d.at(path).(Dict)
	return v
}

// List returns the array at the end of the path, or nil if there is none.
func (d Dict) List(path ...string) []any {
	v, _ := d.at(path).([]any)
	return v
}

// Int returns the whole number at the end of the path, signed or not on the
// wire; ok is false if there is none or it does not fit.
func (d Dict) Int(path ...string) (n int64, ok bool) {
	switch v := d.at(path).(type) {
	case int64:
		return v, true
	case uint64:
		return int64(v), v <= math.MaxInt64
	}
	return 0, false
}

// Bool reports whether the value at the end of the path is true.
func (d Dict) Bool(path ...string) bool {
	v, _ := d.at(path).(bool)
	return v
}

func (d Dict) at(path []string) any {
	var v any = d
	for _, key := range path {
		dict, ok := v.(Dict)
		if !ok {
			return nil
		}
		v = dict.Get(key)
	}
	return v
}

// All ranges over the entries in their order.
func (d Dict) All() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		for _, e := range d {
			if !yield(e.Key, e.Value) {
				return
			}
		}
	}
}

// The type words of libxpc's serialization, as every implementation of
// RemoteXPC lists them.
const (
	typeNull         = 0x1000
	typeBool         = 0x2000
	typeInt64        = 0x3000
	typeUint64       = 0x4000
	typeDouble       = 0x5000
	typeDate         = 0x7000
	typeData         = 0x8000
	typeString       = 0x9000
	typeUUID         = 0xa000
	typeFD           = 0xb000
	typeSharedMemory = 0xc000
	typeArray        = 0xe000
	typeDictionary   = 0xf000
	typeFileTransfer = 0x1a000
)

// maxDepth is how deep a value may be nested. CoreDevice's own messages stay
// below ten.
const maxDepth = 64

var errDepth = fmt.Errorf("XPC value is nested deeper than %d levels", maxDepth)

// appendValue appends the serialization of v.
func appendValue(b []byte, v any, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	le := binary.LittleEndian
	switch v := v.(type) {
	case nil:
		return le.AppendUint32(b, typeNull), nil
	case bool:
		word := uint32(0)
		if v {
			word = 1
		}
		return le.AppendUint32(le.AppendUint32(b, typeBool), word), nil
	case int:
		return le.AppendUint64(le.AppendUint32(b, typeInt64), uint64(v)), nil
	case int64:
		return le.AppendUint64(le.AppendUint32(b, typeInt64), uint64(v)), nil
	case uint64:
		return le.AppendUint64(le.AppendUint32(b, typeUint64), v), nil
	case float64:
		return le.AppendUint64(le.AppendUint32(b, typeDouble), math.Float64bits(v)), nil
	case time.Time:
		if n := v.UnixNano(); time.Unix(0, n).Equal(v) {
			return le.AppendUint64(le.AppendUint32(b, typeDate), uint64(n)), nil
		}
		return nil, fmt.Errorf("the date %s does not fit into XPC's nanoseconds", v)
	case []byte:
		return appendPadded(le.AppendUint32(le.AppendUint32(b, typeData), uint32(len(v))), v), nil
	case string:
		if strings.IndexByte(v, 0) >= 0 {
			return nil, fmt.Errorf("the string %.40q holds a zero byte, which would end it at the other side", v)
		}
		b = le.AppendUint32(le.AppendUint32(b, typeString), uint32(len(v)+1))
		return appendCString(b, v), nil
	case UUID:
		return append(le.AppendUint32(b, typeUUID), v[:]...), nil
	case FD:
		return le.AppendUint32(le.AppendUint32(b, typeFD), uint32(v)), nil
	case SharedMemory:
		return le.AppendUint32(le.AppendUint32(le.AppendUint32(b, typeSharedMemory), uint32(v)), 0), nil
	case FileTransfer:
		return appendValue(le.AppendUint64(le.AppendUint32(b, typeFileTransfer), v.ID), v.Object, depth+1)
	case []any:
		return appendContainer(b, typeArray, len(v), func(b []byte) (_ []byte, err error) {
			for _, e := range v {
				if b, err = appendValue(b, e, depth+1); err != nil {
					return nil, err
				}
			}
			return b, nil
		})
	case Dict:
		return appendContainer(b, typeDictionary, len(v), func(b []byte) (_ []byte, err error) {
			for _, e := range v {
				if strings.IndexByte(e.Key, 0) >= 0 {
					return nil, fmt.Errorf("the key %.40q holds a zero byte", e.Key)
				}
				if b, err = appendValue(appendCString(b, e.Key), e.Value, depth+1); err != nil {
					return nil, err
				}
			}
			return b, nil
		})
	}
	return nil, fmt.Errorf("XPC has no form for %T", v)
}

// appendContainer writes the head of an array or dictionary around what body
// appends: the length counts the word that holds the number of elements.
func appendContainer(b []byte, kind uint32, n int, body func([]byte) ([]byte, error)) ([]byte, error) {
	le := binary.LittleEndian
	b = le.AppendUint32(b, kind)
	at := len(b)
	b = le.AppendUint32(le.AppendUint32(b, 0), uint32(n))
	b, err := body(b)
	if err != nil {
		return nil, err
	}
	size := len(b) - at - 4
	if size > math.MaxUint32 {
		return nil, errors.New("XPC container is larger than 4 GiB")
	}
	le.PutUint32(b[at:], uint32(size))
	return b, nil
}

func appendPadded(b, data []byte) []byte {
	return append(append(b, data...), make([]byte, padding(len(data)))...)
}

func appendCString(b []byte, s string) []byte {
	return append(append(b, s...), make([]byte, 1+padding(len(s)+1))...)
}

// padding is what fills n bytes up to the next multiple of four.
func padding(n int) int { return -n & 3 }

// reader takes a value apart. It never looks past data and never allocates for
// a length before the bytes are there.
type reader struct{ data []byte }

var errShort = errors.New("XPC value ends too early")

func (r *reader) take(n uint64) ([]byte, error) {
	if n > uint64(len(r.data)) {
		return nil, errShort
	}
	b := r.data[:n:n]
	r.data = r.data[n:]
	return b, nil
}

func (r *reader) uint32() (uint32, error) {
	b, err := r.take(4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

func (r *reader) uint64() (uint64, error) {
	b, err := r.take(8)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

func (r *reader) skip(n int) error {
	_, err := r.take(uint64(n))
	return err
}

// padded reads a length, as many bytes, and what fills them up.
func (r *reader) padded() ([]byte, error) {
	n, err := r.uint32()
	if err != nil {
		return nil, err
	}
	b, err := r.take(uint64(n))
	if err != nil {
		return nil, err
	}
	return b, r.skip(padding(len(b)))
}

func (r *reader) key() (string, error) {
	end := bytes.IndexByte(r.data[:min(len(r.data), maxKey)], 0)
	if end < 0 {
		return "", fmt.Errorf("XPC dictionary key has no end within %d bytes", maxKey)
	}
	b, err := r.take(uint64(end + 1))
	if err != nil {
		return "", err
	}
	return string(b[:end]), r.skip(padding(len(b)))
}

// maxKey is how long a key may be, with its zero byte.
const maxKey = 4096

func (r *reader) value(depth int) (any, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	kind, err := r.uint32()
	if err != nil {
		return nil, err
	}
	switch kind {
	case typeNull:
		return nil, nil
	case typeBool:
		n, err := r.uint32()
		return n != 0, err
	case typeInt64:
		n, err := r.uint64()
		return int64(n), err
	case typeUint64:
		n, err := r.uint64()
		return n, err
	case typeDouble:
		n, err := r.uint64()
		return math.Float64frombits(n), err
	case typeDate:
		n, err := r.uint64()
		return time.Unix(0, int64(n)).UTC(), err
	case typeData:
		b, err := r.padded()
		return append([]byte{}, b...), err
	case typeString:
		return r.string()
	case typeUUID:
		b, err := r.take(16)
		if err != nil {
			return nil, err
		}
		return UUID(b), nil
	case typeFD:
		n, err := r.uint32()
		return FD(n), err
	case typeSharedMemory:
		n, err := r.uint32()
		if err != nil {
			return nil, err
		}
		return SharedMemory(n), r.skip(4)
	case typeArray:
		return r.array(depth)
	case typeDictionary:
		return r.dict(depth)
	case typeFileTransfer:
		id, err := r.uint64()
		if err != nil {
			return nil, err
		}
		object, err := r.value(depth + 1)
		return FileTransfer{ID: id, Object: object}, err
	}
	return nil, fmt.Errorf("unknown XPC type %#x", kind)
}

func (r *reader) string() (any, error) {
	b, err := r.padded()
	if err != nil {
		return nil, err
	}
	text, ok := strings.CutSuffix(string(b), "\x00")
	if !ok || strings.IndexByte(text, 0) >= 0 {
		return nil, errors.New("XPC string does not end at its zero byte")
	}
	return text, nil
}

// container reads the head of an array or dictionary and returns how many
// elements follow, each at least least bytes long. Its length says nothing that
// the elements don't: go-ios leaves a word out of that of arrays, and phones
// take it.
func (r *reader) container(least uint64) (uint32, error) {
	if _, err := r.uint32(); err != nil {
		return 0, err
	}
	n, err := r.uint32()
	if err != nil {
		return 0, err
	}
	if uint64(n)*least > uint64(len(r.data)) {
		return 0, fmt.Errorf("%d bytes cannot hold %d elements of an XPC container", len(r.data), n)
	}
	return n, nil
}

func (r *reader) end() error {
	if len(r.data) > 0 {
		return fmt.Errorf("%d bytes are left over after an XPC value", len(r.data))
	}
	return nil
}

// firstElements is how many elements of a container get their room before they
// are there: containers in containers could promise as much each.
const firstElements = 64

func (r *reader) array(depth int) (any, error) {
	n, err := r.container(4)
	if err != nil {
		return nil, err
	}
	list := make([]any, 0, min(n, firstElements))
	for range n {
		value, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	return list, nil
}

func (r *reader) dict(depth int) (any, error) {
	n, err := r.container(8)
	if err != nil {
		return nil, err
	}
	dict := make(Dict, 0, min(n, firstElements))
	seen := make(map[string]bool, min(n, firstElements))
	for range n {
		key, err := r.key()
		if err != nil {
			return nil, err
		}
		if seen[key] {
			return nil, fmt.Errorf("XPC dictionary has the key %.40q twice", key)
		}
		seen[key] = true
		value, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		dict = append(dict, Entry{Key: key, Value: value})
	}
	return dict, nil
}
