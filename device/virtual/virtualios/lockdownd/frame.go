package lockdownd

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/wxctl/wxctl/device/proplist"
	"howett.net/plist"
)

// frameMost is far above the largest requests, which contain a pair record.
const frameMost = 1 << 20

// readFrame reads a property list with its length before it, big endian, as
// lockdownd and the services frame them. It never panics and uses at most the
// memory of the largest request.
func readFrame(r io.Reader, into any) error {
	body, err := readBody(r)
	if err != nil {
		return err
	}
	return proplist.Unmarshal(body, into)
}

func readBody(r io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > frameMost {
		return nil, fmt.Errorf("a message of %d bytes", n)
	}
	body := make([]byte, n)
	_, err := io.ReadFull(r, body)
	return body, err
}

func writeFrame(w io.Writer, message any) error {
	body, err := plist.Marshal(message, plist.XMLFormat)
	if err != nil {
		return err
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...))
	return err
}

// dict is a property list dictionary with arbitrary values.
type dict map[string]any

// text is a value if it is a string, else "".
func (d dict) text(key string) string {
	s, _ := d[key].(string)
	return s
}

// dict is a value if it is a dictionary, else an empty one.
func (d dict) dict(key string) dict {
	m, _ := d[key].(map[string]any)
	return m
}

// texts are the strings of a list; ok is false if there is no list.
func (d dict) texts(key string) (out []string, ok bool) {
	list, ok := d[key].([]any)
	for _, v := range list {
		if s, is := v.(string); is {
			out = append(out, s)
		}
	}
	return out, ok
}
