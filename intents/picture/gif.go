package picture

import (
	"bytes"
	"compress/lzw"
	"io"
)

// repairGIF writes a file that holds only the first frame. Missing pixels get
// the background colour. It returns nil if there is no frame (GIF89a
// specification, sections 18 to 22).
func repairGIF(b []byte) (repaired []byte, flaw string) {
	const head = 13
	if len(b) < head {
		return nil, ""
	}
	colours := func(flags byte) int { return 3 << (flags&7 + 1) }
	at := head
	if b[10]&0x80 != 0 {
		at += colours(b[10])
	}
	var control []byte
	for at < len(b) {
		switch b[at] {
		case '!': // an extension
			start := at
			for at += 2; at < len(b) && b[at] != 0; at += 1 + int(b[at]) {
			}
			if at++; at <= len(b) && start+1 < len(b) && b[start+1] == 0xf9 {
				control = b[start:at]
			}
		case ',':
			return firstFrame(b, at, control, colours)
		default:
			return nil, ""
		}
	}
	return nil, ""
}

func firstFrame(b []byte, at int, control []byte, colours func(byte) int) (repaired []byte, flaw string) {
	const descriptor = 10
	if at+descriptor > len(b) {
		return nil, ""
	}
	desc := bytes.Clone(b[at : at+descriptor])
	data := at + descriptor
	if desc[9]&0x80 != 0 {
		data += colours(desc[9])
	}
	if data >= len(b) {
		return nil, ""
	}
	width, height := int(desc[5])|int(desc[6])<<8, int(desc[7])|int(desc[8])<<8
	if checkSize(GIF, width, height) != nil {
		return nil, ""
	}
	bits := int(b[data])
	if bits < 1 || bits > 8 {
		return nil, ""
	}
	var packed []byte
	for from := data + 1; from < len(b) && b[from] != 0; {
		end := min(from+1+int(b[from]), len(b))
		packed = append(packed, b[from+1:end]...)
		from = end
	}
	pixels := bytes.Repeat([]byte{b[11] & (1<<bits - 1)}, width*height)
	decoded := make([]byte, len(pixels))
	n, _ := io.ReadFull(lzw.NewReader(bytes.NewReader(packed), lzw.LSB, max(bits, 2)), decoded)
	copy(pixels, decoded[:n])
	if n == 0 {
		return nil, ""
	}
	var out bytes.Buffer
	out.Write(b[:6])
	// The screen gets the frame's size, wherever the frame is placed.
	screen := []byte{desc[5], desc[6], desc[7], desc[8]}
	copy(desc[1:5], []byte{0, 0, 0, 0})
	out.Write(screen)
	out.Write(b[10:at0(b, colours)])
	out.Write(control)
	out.Write(desc)
	out.Write(b[at+descriptor : data+1])
	var z bytes.Buffer
	w := lzw.NewWriter(&z, lzw.LSB, max(bits, 2))
	_, err := w.Write(pixels)
	if err != nil || w.Close() != nil {
		return nil, ""
	}
	for rest := z.Bytes(); len(rest) > 0; {
		n := min(len(rest), 255)
		out.WriteByte(byte(n))
		out.Write(rest[:n])
		rest = rest[n:]
	}
	out.WriteString("\x00;")
	if n < len(pixels) {
		return out.Bytes(), flawCut
	}
	return out.Bytes(), flawDamaged
}

// at0 is where the blocks begin, after the global colour table.
func at0(b []byte, colours func(byte) int) int {
	if b[10]&0x80 != 0 {
		return min(13+colours(b[10]), len(b))
	}
	return 13
}
