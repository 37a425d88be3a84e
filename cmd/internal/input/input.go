// Package input reads text from outside: text that declares its encoding is
// decoded, all other text must be UTF-8. Nothing is guessed, and no character
// is replaced by another.
package input

import (
	"bytes"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device"
)

// shellHint is how to make a shell send UTF-8.
const shellHint = "make the shell send UTF-8: Windows PowerShell 5.1: $OutputEncoding = [Text.UTF8Encoding]::new(); " +
	"cmd: chcp 65001; Linux and macOS: LANG=C.UTF-8; or convert a file: iconv -f GBK -t UTF-8"

// Decode returns text as UTF-8. A byte order mark selects the encoding, and is
// removed. what names the text in the error, which is one of usage.
func Decode(data []byte, what string) ([]byte, error) {
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		data = data[3:]
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		if !pairedUTF16(data) {
			return nil, notText("%s is UTF-16 that is damaged", what)
		}
		text, err := unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder().Bytes(data)
		if err != nil {
			return nil, notText("%s is UTF-16 that is damaged", what)
		}
		return text, nil
	}
	switch {
	case !utf8.Valid(data):
		return nil, notText("%s is not UTF-8", what)
	case bytes.IndexByte(data, 0) >= 0:
		return nil, notText("%s holds zero bytes, as UTF-16 without a byte order mark does", what)
	}
	return data, nil
}

// pairedUTF16 reports whether the text is valid: an even number of bytes, and
// no unpaired surrogate, which would become U+FFFD.
func pairedUTF16(data []byte) bool {
	if len(data)%2 != 0 {
		return false
	}
	big := data[0] == 0xfe
	var half rune
	for i := 2; i < len(data); i += 2 {
		unit := rune(data[i]) | rune(data[i+1])<<8
		if big {
			unit = rune(data[i])<<8 | rune(data[i+1])
		}
		switch {
		case half != 0:
			if utf16.DecodeRune(half, unit) == utf8.RuneError {
				return false
			}
			half = 0
		case utf16.IsSurrogate(unit):
			half = unit
		}
	}
	return half == 0
}

func notText(format, what string) error {
	return &device.Error{Code: "not_utf8", Exit: exit.Usage, Message: fmt.Sprintf(format, what), Hint: shellHint}
}

// CheckArgs refuses arguments that are not UTF-8, unless exists reports that
// they name a file: on some systems file names are arbitrary bytes.
func CheckArgs(args []string, exists func(string) bool) error {
	for _, arg := range args {
		if utf8.ValidString(arg) {
			continue
		}
		value := arg
		if name, after, ok := bytes.Cut([]byte(arg), []byte("=")); ok && bytes.HasPrefix(name, []byte("--")) {
			value = string(after)
		}
		if !exists(value) {
			return notText("the argument %q is not UTF-8", arg)
		}
	}
	return nil
}
