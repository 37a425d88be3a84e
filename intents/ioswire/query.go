package ioswire

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// query is the text of a URL's query, searched as the SDK reads it: of a
// repeated name the last item counts, and of a value the part before a second
// =. It stays one string, since parsing the many short items of a hostile URL
// would take far more memory.
type query string

// item is the value under a name, still percent-escaped.
func (q query) item(name string) (value string, ok bool) {
	text := string(q)
	for at := 0; ; {
		next := strings.Index(text[at:], name)
		if next < 0 {
			return value, ok
		}
		start := at + next
		at = start + len(name)
		if at < len(text) && text[at] == '=' && (start == 0 || text[start-1] == '&') {
			value, ok = text[at+1:], true
			if end := strings.IndexAny(value, "&="); end >= 0 {
				value = value[:end]
			}
		}
	}
}

// value is an item, still percent-escaped; "" if it is absent.
func (q query) value(name string) string {
	value, _ := q.item(name)
	return value
}

// raw is an item, still percent-escaped; nil if it is absent.
func (q query) raw(name string) *string {
	if value, ok := q.item(name); ok {
		return &value
	}
	return nil
}

// text is an item without its percent escapes, "" if it is absent.
func (q query) text(name string) (string, error) {
	text, ok := unescape(q.value(name))
	if !ok {
		return "", fmt.Errorf("%w: the item %s is not escaped text: %s", ErrMalformed, name, clip(q.value(name)))
	}
	return text, nil
}

// pointer is an item without its percent escapes, nil if it is absent.
func (q query) pointer(name string) (*string, error) {
	if _, ok := q.item(name); !ok {
		return nil, nil
	}
	text, err := q.text(name)
	return &text, err
}

// number is an item as -[NSString intValue] reads it: the digits that it begins
// with, 0 if none, clamped to an int32.
func (q query) number(name string) int32 { return intValue(q.value(name)) }

func intValue(text string) int32 {
	text = strings.TrimLeft(text, " \t\n\v\f\r")
	n, _ := strconv.ParseInt(text[:digits(text)], 10, 32) // out of range: the nearest
	return int32(n)
}

// digits is the length of the number that text begins with.
func digits(text string) int {
	end := 0
	if text != "" && (text[0] == '-' || text[0] == '+') {
		end++
	}
	for end < len(text) && '0' <= text[end] && text[end] <= '9' {
		end++
	}
	return end
}

// bizDataOf is the payload that a URL carries, nil if none.
func bizDataOf(url string) (Dict, error) {
	url, _, _ = strings.Cut(url, "#")
	_, text, _ := strings.Cut(url, "?")
	return query(text).payload()
}

func (q query) payload() (Dict, error) {
	escaped, ok := q.item(itemData)
	if !ok {
		return nil, nil
	}
	text, ok := unescape(escaped)
	if !ok {
		return nil, fmt.Errorf("%w: the payload is not escaped text", ErrMalformed)
	}
	if length := q.value(itemLength); length != strconv.Itoa(len(text)) {
		return nil, fmt.Errorf("%w: the payload has %d characters, not the %s announced", ErrMalformed, len(text), clip(length))
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%w: the payload is not base64", ErrMalformed)
	}
	plist, err := DecodePlist(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: the payload: %w", ErrMalformed, err)
	}
	return plist, nil
}
