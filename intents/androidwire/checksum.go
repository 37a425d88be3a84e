package androidwire

import (
	"crypto/md5"
	"encoding/hex"
	"strconv"
	"unicode/utf8"
)

// checksumSalt ends the text that the checksum is made of (OpenSDK 2.1.3 and
// later).
const checksumSalt = "mMcShCsTr"

// checksum returns what a request or reply carries under _mmessage_checksum:
// 32 lower-case hex digits, as ASCII bytes. They are the MD5 of the characters
// 1 to 8 of content (nothing if null), sdkVersion in decimal, package and
// salt.
func checksum(content *string, sdkVersion int32, appPackage string) [32]byte {
	var buf [64]byte
	hashed := buf[:0]
	at := 0
	add := func(s string) {
		for i := 0; i < len(s) && at < 9; {
			r, size := utf8.DecodeRuneInString(s[i:])
			i += size
			units := 1
			if r >= 0x10000 {
				units = 2
			}
			switch {
			case units == 1 && at >= 1:
				hashed = utf8.AppendRune(hashed, r)
			case units == 2 && at >= 1 && at+1 < 9:
				hashed = utf8.AppendRune(hashed, r)
			case units == 2:
				// Half a surrogate pair: Java writes it as '?'.
				hashed = append(hashed, '?')
			}
			at += units
		}
	}
	if content != nil {
		add(*content)
	}
	var digits [20]byte
	if at < 9 {
		add(string(strconv.AppendInt(digits[:0], int64(sdkVersion), 10)))
		add(appPackage)
		add(checksumSalt)
	}
	sum := md5.Sum(hashed)
	var out [32]byte
	hex.Encode(out[:], sum[:])
	return out
}
