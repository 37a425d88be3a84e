package intents

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"runtime"
	"testing"
)

var (
	requests = []Request{Share{}, Auth{}, LaunchMiniProgram{}, SubscribeMessage{}, SubscribeMiniProgramMessage{}, OpenWebview{}}
	replies  = []Reply{ShareReply{}, AuthReply{}, LaunchReply{}, SubscribeReply{}, SubscribeMiniProgramReply{}, OpenWebviewReply{}, OtherReply{}}
	objects  = []Object{
		Text{}, Image{}, Images{}, Music{}, Video{}, Webpage{}, MiniProgram{}, File{}, Emoji{}, MusicVideo{}, VideoFile{},
	}
)

// fillings set every field of a type: to null or zero, empty, or a value.
var fillings = []string{"null", "empty", "set"}

func fill(v reflect.Value, filling string) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), filling)
		}
	case reflect.Pointer:
		if filling != "null" {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), filling)
		}
	case reflect.String:
		if filling == "set" {
			v.SetString("a\x00\u2028<é你😀>\ufffd")
		}
	case reflect.Slice:
		if filling != "null" {
			v.Set(reflect.MakeSlice(v.Type(), 0, 1))
		}
		if filling == "set" {
			v.Set(reflect.MakeSlice(v.Type(), 2, 2))
			fill(v.Index(1), filling)
		}
	case reflect.Map:
		if filling != "null" {
			v.Set(reflect.MakeMap(v.Type()))
		}
		if filling == "set" {
			v.SetMapIndex(reflect.ValueOf("k"), reflect.ValueOf("v"))
		}
	case reflect.Int32, reflect.Int64:
		if filling == "set" {
			v.SetInt(-1<<31 + 1)
		}
	case reflect.Uint8:
		v.SetUint(0xff)
	case reflect.Bool:
		v.SetBool(filling == "set")
	case reflect.Interface: // Message.Object: set by the test
	default:
		panic(v.Kind())
	}
}

// filled is a copy of a value with all its fields filled.
func filled[T any](value T, filling string) T {
	v := reflect.New(reflect.TypeOf(value)).Elem()
	fill(v, filling)
	return v.Interface().(T)
}

func TestRequestJSON(t *testing.T) {
	for _, filling := range fillings {
		var all []Request
		for _, r := range requests {
			all = append(all, filled(r, filling))
		}
		for _, o := range objects {
			share := filled(Share{}, filling)
			share.Message.Object = filled(o, filling)
			all = append(all, share)
		}
		for _, want := range all {
			name := fmt.Sprintf("%s %s", want.Kind(), filling)
			if share, ok := want.(Share); ok && share.Message.Object != nil {
				name = fmt.Sprintf("%s %s", share.Message.Object.ObjectKind(), filling)
			}
			t.Run(name, func(t *testing.T) {
				data, err := json.Marshal(want)
				if err != nil {
					t.Fatal(err)
				}
				got, err := UnmarshalRequest(data)
				if err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%s\nis read as %+v\nwant       %+v", data, got, want)
				}
			})
		}
	}
}

func TestReplyJSON(t *testing.T) {
	for _, filling := range fillings {
		for _, r := range replies {
			want := filled(r, filling)
			t.Run(fmt.Sprintf("%s %s", want.Kind(), filling), func(t *testing.T) {
				data, err := json.Marshal(want)
				if err != nil {
					t.Fatal(err)
				}
				got, err := UnmarshalReply(data)
				if err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%s\nis read as %+v\nwant       %+v", data, got, want)
				}
			})
		}
	}
}

func TestJSONRefuses(t *testing.T) {
	for _, data := range []string{
		``, `null`, `{}`, `[]`, `{"kind":"text"}`, `{"kind":7}`, `{"kind":"share","scene":"moon"}`, `{"kind":"share","message":{"object":{}}}`,
		`{"kind":"share","message":{"object":{"kind":"auth"}}}`, `{"kind":"share","message":{"object":7}}`, `{"kind":"share","message":{"thumb":"!"}}`,
	} {
		if req, err := UnmarshalRequest([]byte(data)); err == nil {
			t.Errorf("%s is read as the request %+v", data, req)
		}
	}
	for _, data := range []string{``, `{}`, `{"kind":"text"}`, `{"kind":"share","errCode":"0"}`} {
		if reply, err := UnmarshalReply([]byte(data)); err == nil {
			t.Errorf("%s is read as the reply %+v", data, reply)
		}
	}
}

func TestScenes(t *testing.T) {
	for text, want := range map[string]Scene{
		"session": SceneSession, "timeline": SceneTimeline, "favorite": SceneFavorite, "contact": SceneContact, "0": 0, "1": 1, "2": 2, "3": 3,
	} {
		if got, err := ParseScene(text); err != nil || got != want {
			t.Errorf("ParseScene(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "4", "-1", "moments", "Session", "1.0", "99999999999"} {
		if got, err := ParseScene(text); err == nil {
			t.Errorf("ParseScene(%q) = %v, want an error", text, got)
		}
	}
	if _, err := ParseMiniProgramType("beta"); err == nil || err.Error() != `invalid mini program type "beta": use release, test, preview` {
		t.Errorf("got the error %v", err)
	}
	var s Scene
	if err := s.UnmarshalText([]byte("7")); err != nil || s != 7 || s.String() != "7" {
		t.Errorf("the scene 7 is read as %v, %v", s, err)
	}
}

func TestLength(t *testing.T) {
	for s, want := range map[string]int{"": 0, "abc": 3, "é": 1, "你好": 2, "😀": 2, "a😀b": 4, "\ufffd": 1, "\xff\xfe": 2, "\xf0\x9f": 2, "e\u0301": 2} {
		if got := Length(s); got != want {
			t.Errorf("Length(%q) = %d, want %d", s, got, want)
		}
	}
}

// allocated runs f and returns how many bytes it allocated.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// slack is what reading even the smallest input may allocate, plus what the
// test itself may.
const slack = 64 << 10

func FuzzUnmarshalRequest(f *testing.F) {
	for _, filling := range fillings {
		for _, r := range requests {
			add(f, filled(r, filling))
		}
		for _, o := range objects {
			add(f, Share{Message: Message{Object: filled(o, filling), Thumb: []byte{1}}})
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var req Request
		var err error
		if n := allocated(func() { req, err = UnmarshalRequest(data) }); n > uint64(4*len(data)+slack) {
			t.Errorf("%d bytes allocated for %d", n, len(data))
		}
		if err != nil {
			return
		}
		Validate(req)
		stable(t, req, func(data []byte) (any, error) { return UnmarshalRequest(data) })
	})
}

func FuzzUnmarshalReply(f *testing.F) {
	for _, filling := range fillings {
		for _, r := range replies {
			add(f, filled(r, filling))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var reply Reply
		var err error
		if n := allocated(func() { reply, err = UnmarshalReply(data) }); n > uint64(4*len(data)+slack) {
			t.Errorf("%d bytes allocated for %d", n, len(data))
		}
		if err == nil {
			stable(t, reply, func(data []byte) (any, error) { return UnmarshalReply(data) })
		}
	})
}

func add(f *testing.F, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
}

// stable checks that what was read is written and read again without change.
func stable(t *testing.T, v any, read func([]byte) (any, error)) {
	t.Helper()
	first, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	again, err := read(first)
	if err != nil {
		t.Fatalf("%s: %v", first, err)
	}
	second, err := json.Marshal(again)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Errorf("written as\n%s\nand then as\n%s", first, second)
	}
}

// Reading may allocate at most four times the length of the input.
func TestReadingAllocations(t *testing.T) {
	data, err := json.Marshal(Share{Message: Message{Thumb: make([]byte, 1<<20), Object: Image{Data: make([]byte, 1<<20)}}})
	if err != nil {
		t.Fatal(err)
	}
	n := allocated(func() {
		if _, err := UnmarshalRequest(data); err != nil {
			t.Error(err)
		}
	})
	if n > uint64(4*len(data)) {
		t.Errorf("%d bytes allocated to read %d", n, len(data))
	}
}
