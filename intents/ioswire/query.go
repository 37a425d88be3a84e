package ioswire

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// query is a URL's query as the SDK reads it: the items by name, percent
// escapes still in them; of a doubled name the last one, and of a value what
// stands before a second =.
type query map[string]string

func parseQuery(text string) query {
	q := query{}
	for item := range strings.SplitSeq(text, "&") {
		name, value, ok := strings.Cut(item, "=")
		if !ok {
			continue
		}
		value, _, _ = strings.Cut(value, "=")
		q[name] = value
	}
	return q
}

// raw is an item as it stands, nil if it is absent.
func (q query) raw(name string) *string {
	if value, ok := q[name]; ok {
		return &value
	}
	return nil
}

// text is an item without its percent escapes, "" if it is absent.
func (q query) text(name string) (string, error) {
	text, ok := unescape(q[name])
	if !ok {
		return "", fmt.Errorf("%w: the item %s is no escaped text: %s", ErrMalformed, name, clip(q[name]))
	}
	return text, nil
}

// pointer is an item without its percent escapes, nil if it is absent.
func (q query) pointer(name string) (*string, error) {
	if _, ok := q[name]; !ok {
		return nil, nil
	}
	text, err := q.text(name)
	return &text, err
}

// number is an item as -[NSString intValue] reads it: what digits it begins
// with, 0 if none, and no more than an int32 holds.
func (q query) number(name string) int32 { return intValue(q[name]) }

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
	return parseQuery(text).payload()
}

func (q query) payload() (Dict, error) {
	escaped, ok := q[itemData]
	if !ok {
		return nil, nil
	}
	text, ok := unescape(escaped)
	if !ok {
		return nil, fmt.Errorf("%w: the payload is no escaped text", ErrMalformed)
	}
	if length := q[itemLength]; length != strconv.Itoa(len(text)) {
		return nil, fmt.Errorf("%w: the payload has %d characters, not the %s announced", ErrMalformed, len(text), clip(length))
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%w: the payload is no base64", ErrMalformed)
	}
	plist, err := DecodePlist(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: the payload: %w", ErrMalformed, err)
	}
	return plist, nil
}
