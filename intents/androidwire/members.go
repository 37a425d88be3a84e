package androidwire

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

var errNoObject = errors.New("not a JSON object")

// members calls each with the members of a JSON object, without copying their
// values: what comes from a phone can hold megabytes. Null has no members.
func members(data []byte, each func(key string, value []byte) error) error {
	if !json.Valid(data) {
		return errNoObject
	}
	data = bytes.TrimSpace(data)
	if string(data) == "null" {
		return nil
	}
	if data[0] != '{' {
		return errNoObject
	}
	rest := bytes.TrimSpace(data[1:])
	for rest[0] != '}' {
		n := valueLength(rest)
		var key string
		if err := unquote(rest[:n], &key); err != nil {
			return err
		}
		rest = bytes.TrimSpace(rest[n:])
		rest = bytes.TrimSpace(rest[len(":"):])
		n = valueLength(rest)
		if err := each(key, rest[:n]); err != nil {
			return err
		}
		rest = bytes.TrimSpace(rest[n:])
		if rest[0] == ',' {
			rest = bytes.TrimSpace(rest[1:])
		}
	}
	return nil
}

// unquote reads a JSON string. A string without escapes is used as is: an
// Intent has many, and a decoder for each would cost more than they do.
func unquote(data []byte, s *string) error {
	if len(data) < 2 || data[0] != '"' || bytes.IndexByte(data, '\\') >= 0 || !utf8.Valid(data) {
		return json.Unmarshal(data, s)
	}
	*s = string(data[1 : len(data)-1])
	return nil
}

// valueLength is the length of the value that valid JSON begins with.
func valueLength(data []byte) int {
	depth := 0
	for i := 0; ; i++ {
		switch data[i] {
		case '"':
			for i++; data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		default:
			// A number or a word ends before the first byte that can't belong
			// to it.
			if depth > 0 {
				continue
			}
			for i < len(data) && bytes.IndexByte([]byte(",:]} \t\r\n"), data[i]) < 0 {
				i++
			}
			return i
		}
		if depth == 0 {
			return i + 1
		}
	}
}
