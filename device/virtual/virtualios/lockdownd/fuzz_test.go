package lockdownd

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// FuzzFrame feeds arbitrary data to the decoder of requests: it never panics,
// and what it accepts can be written.
func FuzzFrame(f *testing.F) {
	for _, message := range []any{dict{"Request": "GetValue", "Key": "x"}, dict{"Request": "Pair", "PairRecord": dict{"HostID": "H"}}, []any{"DLMessageDisconnect", 1}} {
		var b bytes.Buffer
		if err := writeFrame(&b, message); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	bomb := bomb(12)
	f.Add(append(binary.BigEndian.AppendUint32(nil, uint32(len(bomb))), bomb...))
	f.Add([]byte("\x00\x00\x00\x04<!--"))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, raw []byte) {
		var list []any
		_ = readFrame(bytes.NewReader(raw), &list)
		var q dict
		if readFrame(bytes.NewReader(raw), &q) != nil {
			return
		}
		q.text("Request")
		q.dict("PairRecord").text("HostID")
		q.texts("ReturnAttributes")
	})
}

// bomb is a binary property list of few bytes: arrays of arrays, each of which
// has the next one 14 times.
func bomb(levels int) []byte {
	const times = 14
	objects := make([][]byte, 0, levels+1)
	for i := range levels {
		objects = append(objects, append([]byte{0xa0 | times}, bytes.Repeat([]byte{byte(i + 1)}, times)...))
	}
	objects = append(objects, []byte{0x51, 'x'})
	out, offsets := []byte("bplist00"), []byte{}
	for _, o := range objects {
		offsets = append(offsets, byte(len(out)))
		out = append(out, o...)
	}
	table := len(out)
	out = append(append(out, offsets...), 0, 0, 0, 0, 0, 0, 1, 1)
	for _, n := range []int{len(objects), 0, table} {
		out = binary.BigEndian.AppendUint64(out, uint64(n))
	}
	return out
}

// TestBomb: a small list that would become 14 to the 12th elements.
func TestBomb(t *testing.T) {
	raw := bomb(12)
	raw = append(binary.BigEndian.AppendUint32(nil, uint32(len(raw))), raw...)
	var q any
	if err := readFrame(bytes.NewReader(raw), &q); err == nil {
		t.Error("taken")
	}
}
