// Package cms reads signed CMS (PKCS #7) messages from outside: signatures of
// APKs, provisioning profiles.
package cms

import (
	"errors"
	"fmt"

	"go.mozilla.org/pkcs7"
)

// maxDepth is how deeply a message may be nested. Signed messages with
// certificates stay below 16. The parser recurses for each level, and copies
// its content.
const maxDepth = 32

var errDepth = errors.New("nested too deeply")

// Parse reads a message. It verifies nothing.
func Parse(data []byte) (message *pkcs7.PKCS7, err error) {
	defer func() {
		if r := recover(); r != nil {
			message, err = nil, fmt.Errorf("broken: %v", r)
		}
	}()
	if err := shallow(data); err != nil {
		return nil, err
	}
	return pkcs7.Parse(data)
}

// shallow fails on BER that is nested too deeply. Other errors are left to the
// parser.
func shallow(data []byte) error {
	// ends are where the open elements end; -1 for indefinite length.
	var ends []int
	for at := 0; at < len(data); {
		for len(ends) > 0 && ends[len(ends)-1] >= 0 && at >= ends[len(ends)-1] {
			ends = ends[:len(ends)-1]
		}
		tag := data[at]
		at++
		if tag&0x1f == 0x1f {
			for at < len(data) && data[at]&0x80 != 0 {
				at++
			}
			at++
		}
		if at >= len(data) {
			return nil
		}
		length, indefinite := int(data[at]), data[at] == 0x80
		at++
		if length > 0x80 {
			n := length & 0x7f
			if n > 4 || n > len(data)-at {
				return nil
			}
			length = 0
			for range n {
				length = length<<8 | int(data[at])
				at++
			}
		}
		switch {
		case tag == 0 && length == 0: // the end of an element of indefinite length
			if len(ends) > 0 && ends[len(ends)-1] < 0 {
				ends = ends[:len(ends)-1]
			}
		case tag&0x20 != 0 && indefinite:
			ends = append(ends, -1)
		case tag&0x20 != 0:
			ends = append(ends, at+length)
		case length < 0 || length > len(data)-at:
			return nil
		default:
			at += length
		}
		if len(ends) > maxDepth {
			return errDepth
		}
	}
	return nil
}
