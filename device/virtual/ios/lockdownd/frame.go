package lockdownd

import (
	"encoding/binary"
	"fmt"
	"io"

	"howett.net/plist"
)

// frameMost is far above any request, of which the largest have a pair record.
const frameMost = 1 << 20

// readFrame reads a property list with its length before it, big endian, as
// lockdownd and the services frame them. It never panics and takes no more
// memory than a request may have.
func readFrame(r io.Reader, into any) (err error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > frameMost {
		return fmt.Errorf("a message of %d bytes", n)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return err
	}
	defer func() { // the library is known to panic on some lists
		if r := recover(); r != nil {
			err = fmt.Errorf("the property list can't be read: %v", r)
		}
	}()
	_, err = plist.Unmarshal(body, into)
	return err
}

func writeFrame(w io.Writer, message any) error {
	body, err := plist.Marshal(message, plist.XMLFormat)
	if err != nil {
		return err
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...))
	return err
}

// dict is a property list dictionary of which every key may be anything.
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
