package lockdownd

import (
	"bytes"
	"testing"
)

// FuzzFrame feeds the decoder of requests whatever comes: it never panics, and
// what it takes it can write.
func FuzzFrame(f *testing.F) {
	for _, message := range []any{dict{"Request": "GetValue", "Key": "x"}, dict{"Request": "Pair", "PairRecord": dict{"HostID": "H"}}, []any{"DLMessageDisconnect", 1}} {
		var b bytes.Buffer
		if err := writeFrame(&b, message); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Add([]byte("\x00\x00\x00\x04<!--"))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, raw []byte) {
		var q dict
		if readFrame(bytes.NewReader(raw), &q) != nil {
			return
		}
		q.text("Request")
		q.dict("PairRecord").text("HostID")
		q.texts("ReturnAttributes")
	})
}
