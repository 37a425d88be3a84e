package jdwp

import (
	"bytes"
	"testing"
)

func FuzzPacket(f *testing.F) {
	f.Add(event(SuspendThread, 1, 2, 3))
	f.Add(replyTo(1, InvalidObject))
	f.Add(ddm("APNM", 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := readPacket(bytes.NewReader(b))
		if err == nil && len(p.data)+headSize > len(b) {
			t.Error("more data than there is")
		}
	})
}

func FuzzEvents(f *testing.F) {
	f.Add(event(SuspendThread, 1, 2, 3)[headSize:], byte(8))
	prepared := (&encoder{sizes: all8}).byte(1).int32(1).byte(byte(ClassPrepare)).int32(3).thread(1).byte(1).class(2).string("LA;").int32(7)
	f.Add(prepared.b, byte(8))
	f.Add((&encoder{sizes: all8}).byte(0).int32(1).byte(byte(MethodExitReturnValue)).int32(3).thread(1).location(Location{Type: TypeClass}).tagged(Bool(true)).b, byte(4))
	f.Fuzz(func(t *testing.T, b []byte, size byte) {
		n := int(size%8) + 1
		set, err := parseEvents(b, sizes{n, n, n, n, n})
		if err == nil && len(set.Events)*5 > len(b) {
			t.Errorf("%d events of %d bytes", len(set.Events), len(b))
		}
		set.Thread()
	})
}

// FuzzAnswers feeds every command that has a decoder an answer.
func FuzzAnswers(f *testing.F) {
	f.Add(idSizes8)
	f.Add([]byte{0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 7})
	f.Add((&encoder{sizes: all8}).tagged(Ref(4)).tagged(Null()).b)
	f.Add((&encoder{sizes: all8}).byte('B').int32(3).byte(1).byte(2).byte(3).b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := parseSizes(b); err == nil && len(b) < 20 {
			t.Error("sizes of nothing")
		}
		d := func() *decoder { return &decoder{b: b, sizes: all8} }
		if v, err := d().values(len(b)%5, "values"); err == nil && len(v) != len(b)%5 {
			t.Error("another number of values")
		}
		_ = d().string()
		_ = d().tagged().String()
		_ = d().location()
		_ = d().count(9)
	})
}
