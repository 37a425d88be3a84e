package usbmuxd

import (
	"bytes"
	"testing"

	"howett.net/plist"
)

// FuzzRequest feeds arbitrary data to the decoder: it uses no more memory than
// the largest message, never panics, and what it accepts can be written.
func FuzzRequest(f *testing.F) {
	for _, message := range []any{
		map[string]any{"MessageType": "ListDevices", "ClientVersionString": "x", "kLibUSBMuxVersion": 3},
		map[string]any{"MessageType": "Connect", "DeviceID": 1, "PortNumber": 32498},
		map[string]any{"MessageType": "SavePairRecord", "PairRecordID": "A", "PairRecordData": []byte{1, 2}},
	} {
		var b bytes.Buffer
		if err := writeMessage(&b, 1, message); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Add([]byte{16, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0})
	f.Add([]byte("\x1c\x00\x00\x00\x01\x00\x00\x00\x08\x00\x00\x00\x01\x00\x00\x00bplist00\xd1\x01\x02"))
	control, err := plist.Marshal(map[string]any{"MessageType": "a\x01"}, plist.BinaryFormat)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append([]byte{byte(headerSize + len(control)), 0, 0, 0, versionXML, 0, 0, 0, kindPlist, 0, 0, 0, 1, 0, 0, 0}, control...))
	f.Fuzz(func(t *testing.T, raw []byte) {
		q, tag, err := readRequest(bytes.NewReader(raw))
		if err != nil {
			return
		}
		again := func(q request) (request, error) {
			var b bytes.Buffer
			if err := writeMessage(&b, tag, q); err != nil {
				t.Fatal(err)
			}
			q, tag2, err := readRequest(&b)
			if err == nil && tag2 != tag {
				t.Errorf("tag %d became %d", tag, tag2)
			}
			return q, err
		}
		// A binary list holds characters that XML can't, so the text is compared
		// after it was XML once.
		once, err := again(q)
		if err != nil {
			return
		}
		if twice, err := again(once); err != nil || twice.MessageType != once.MessageType {
			t.Errorf("%+v became %+v, %v", once, twice, err)
		}
	})
}
