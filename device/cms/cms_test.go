package cms

import (
	"bytes"
	"errors"
	"testing"
)

// TestDeep: a message that is nested too deeply is refused before it is parsed.
func TestDeep(t *testing.T) {
	definite := []byte{0x04, 0x00}
	for range 40 {
		definite = append([]byte{0x30, byte(len(definite))}, definite...)
	}
	for name, data := range map[string][]byte{
		"indefinite": bytes.Repeat([]byte{0x30, 0x80}, 500_000),
		"definite":   definite,
	} {
		if _, err := Parse(data); !errors.Is(err, errDepth) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, data := range map[string][]byte{"empty": nil, "cut": {0x30}, "long": {0x30, 0x84, 0xff, 0xff, 0xff, 0xff}, "text": []byte("hello")} {
		if _, err := Parse(data); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte{0x30, 0x80, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02, 0xa0, 0x80, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := Parse(data); m != nil && err != nil {
			t.Error("both a message and", err)
		}
	})
}
