package intents

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// UnmarshalRequest reads the JSON form of a request: an object whose "kind"
// names the type. It is what json.Marshal of a Request writes.
func UnmarshalRequest(data []byte) (Request, error) {
	if err := readable(data); err != nil {
		return nil, fmt.Errorf("reading a request: %w", err)
	}
	kind, err := kindOf(data)
	if err != nil {
		return nil, fmt.Errorf("reading a request: %w", err)
	}
	switch kind {
	case KindShare:
		return decodeAs[Share](data)
	case KindAuth:
		return decodeAs[Auth](data)
	case KindLaunchMiniProgram:
		return decodeAs[LaunchMiniProgram](data)
	case KindSubscribeMessage:
		return decodeAs[SubscribeMessage](data)
	case KindSubscribeMiniProgramMessage:
		return decodeAs[SubscribeMiniProgramMessage](data)
	case KindOpenWebview:
		return decodeAs[OpenWebview](data)
	}
	return nil, fmt.Errorf("reading a request: unknown kind %q", kind)
}

// UnmarshalReply reads the JSON form of a reply: an object whose "kind" names
// the type. It is what json.Marshal of a Reply writes.
func UnmarshalReply(data []byte) (Reply, error) {
	if err := readable(data); err != nil {
		return nil, fmt.Errorf("reading a reply: %w", err)
	}
	kind, err := kindOf(data)
	if err != nil {
		return nil, fmt.Errorf("reading a reply: %w", err)
	}
	switch kind {
	case KindShare:
		return decodeAs[ShareReply](data)
	case KindAuth:
		return decodeAs[AuthReply](data)
	case KindLaunchMiniProgram:
		return decodeAs[LaunchReply](data)
	case KindSubscribeMessage:
		return decodeAs[SubscribeReply](data)
	case KindSubscribeMiniProgramMessage:
		return decodeAs[SubscribeMiniProgramReply](data)
	case KindOpenWebview:
		return decodeAs[OpenWebviewReply](data)
	case KindOther:
		return decodeAs[OtherReply](data)
	}
	return nil, fmt.Errorf("reading a reply: unknown kind %q", kind)
}

// UnmarshalJSON reads a message and its object, whose type "kind" names.
func (m *Message) UnmarshalJSON(data []byte) error {
	type plain Message
	var v struct {
		plain
		Object json.RawMessage `json:"object"`
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	*m = Message(v.plain)
	m.Object = nil
	if len(v.Object) == 0 || bytes.Equal(v.Object, []byte("null")) {
		return nil
	}
	object, err := unmarshalObject(v.Object)
	m.Object = object
	return err
}

func unmarshalObject(data []byte) (Object, error) {
	kind, err := kindOf(data)
	if err != nil {
		return nil, err
	}
	switch kind {
	case KindText:
		return decodeAs[Text](data)
	case KindImage:
		return decodeAs[Image](data)
	case KindImages:
		return decodeAs[Images](data)
	case KindMusic:
		return decodeAs[Music](data)
	case KindVideo:
		return decodeAs[Video](data)
	case KindWebpage:
		return decodeAs[Webpage](data)
	case KindMiniProgram:
		return decodeAs[MiniProgram](data)
	case KindFile:
		return decodeAs[File](data)
	case KindEmoji:
		return decodeAs[Emoji](data)
	case KindMusicVideo:
		return decodeAs[MusicVideo](data)
	case KindVideoFile:
		return decodeAs[VideoFile](data)
	}
	return nil, fmt.Errorf("unknown kind of object %q", kind)
}

// maxKey is the longest key of an object that is read, in bytes as they are
// written. The longest that the SDKs know has 41.
const maxKey = 64

// readable refuses what would cost encoding/json many times its own size:
// invalid UTF-8, of which each byte becomes three, and long keys, which are
// unquoted and case-folded again at each level of nesting.
func readable(data []byte) error {
	if !utf8.Valid(data) {
		return errors.New("it is not UTF-8")
	}
	for i := 0; i < len(data); i++ {
		if data[i] != '"' {
			continue
		}
		start := i + 1
		for i = start; i < len(data) && data[i] != '"'; i++ {
			if data[i] == '\\' {
				i++
			}
		}
		end := i
		next := bytes.TrimLeft(data[min(end+1, len(data)):], " \t\r\n")
		if end-start > maxKey && len(next) > 0 && next[0] == ':' {
			return fmt.Errorf("a key has more than %d bytes", maxKey)
		}
	}
	return nil
}

func kindOf(data []byte) (Kind, error) {
	var v struct {
		Kind Kind `json:"kind"`
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return "", err
	}
	return v.Kind, nil
}

func decodeAs[T any](data []byte) (T, error) {
	var v T
	err := json.Unmarshal(data, &v)
	return v, err
}

// tagged writes v's JSON object with the kind as its first member.
func tagged(kind Kind, v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(body)+len(kind)+len(`"kind":"",`))
	out = append(out, `{"kind":"`...)
	out = append(out, kind...)
	out = append(out, '"')
	if len(body) > len("{}") {
		out = append(out, ',')
	}
	return append(out, body[1:]...), nil
}
