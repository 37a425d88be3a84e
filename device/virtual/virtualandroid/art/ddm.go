package art

import (
	"encoding/binary"
	"unicode/utf16"
)

// DDMS's chunks: a type of four letters, a length, the data; strings are
// UTF-16 with their length in characters before them, where noted
// (android.ddm.DdmHandleHello, DdmHandleAppName).

func chunk(kind string, data []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte(kind), uint32(len(data))), data...)
}

func utf16Text(s string) []byte {
	var b []byte
	for _, c := range utf16.Encode([]rune(s)) {
		b = binary.BigEndian.AppendUint16(b, c)
	}
	return b
}

func counted(b []byte, texts ...string) []byte {
	for _, s := range texts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(utf16.Encode([]rune(s)))))
	}
	for _, s := range texts {
		b = append(b, utf16Text(s)...)
	}
	return b
}

// appName is APNM: the process's name and the Android user.
func (s *session) appName() []byte {
	o := s.machine.options
	return chunk("APNM", binary.BigEndian.AppendUint32(counted(nil, o.Process), uint32(o.User)))
}

// ddm answers a chunk. A chunk that the framework does not know gets an empty
// answer, and none from ART's own JDWP. A process without a name doesn't belong
// to an app: it has no framework.
func ddm(c *call) {
	b := c.in.b
	o := c.machine.options
	var kind string
	if len(b) >= 8 && o.Process != "" {
		kind = string(b[:4])
	}
	switch kind {
	case "HELO":
		// Protocol version 1, the pid, the VM and the process, the user.
		data := binary.BigEndian.AppendUint32(nil, 1)
		data = binary.BigEndian.AppendUint32(data, uint32(o.PID))
		data = counted(data, "Dalvik v2.1.0", o.Process)
		data = binary.BigEndian.AppendUint32(data, uint32(o.User))
		c.out.b = chunk("HELO", data)
	case "FEAT":
		c.out.b = chunk("FEAT", binary.BigEndian.AppendUint32(nil, 0))
	default:
		c.later = o.API < 28
	}
}
