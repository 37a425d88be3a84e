package picture

import (
	"bytes"
	"encoding/binary"
)

// jpegOrientation returns the orientation (1 to 8) in a JPEG's EXIF segment, 1
// if there is none (Exif 2.32, section 4.6.4, tag 0x0112).
func jpegOrientation(b []byte) int {
	for at := 2; at+4 <= len(b) && b[at] == 0xff; {
		marker := b[at+1]
		if marker == 0xff { // fill byte
			at++
			continue
		}
		if marker == 0xda || marker == 0xd9 { // start of scan, end of image
			break
		}
		size := int(binary.BigEndian.Uint16(b[at+2:]))
		if size < 2 || at+2+size > len(b) {
			break
		}
		if segment := b[at+4 : at+2+size]; marker == 0xe1 && bytes.HasPrefix(segment, []byte("Exif\x00")) && len(segment) > 6 {
			if o := tiffOrientation(segment[6:]); o > 1 {
				return o
			}
		}
		at += 2 + size
	}
	return 1
}

// exifOrientation is the orientation in an EXIF block, which some writers begin
// with the JPEG segment's name.
func exifOrientation(b []byte) int {
	return tiffOrientation(bytes.TrimPrefix(b, []byte("Exif\x00\x00")))
}

// tiffOrientation reads the tag in the first directory of a TIFF, whatever
// integer type a writer chose for it.
func tiffOrientation(b []byte) int {
	if len(b) < 8 {
		return 1
	}
	var order binary.ByteOrder
	switch string(b[:2]) {
	case "II":
		order = binary.LittleEndian
	case "MM":
		order = binary.BigEndian
	default:
		return 1
	}
	if order.Uint16(b[2:]) != 42 {
		return 1
	}
	at := int64(order.Uint32(b[4:]))
	if at+2 > int64(len(b)) {
		return 1
	}
	entries := b[at+2:]
	for range order.Uint16(b[at:]) {
		if len(entries) < 12 {
			break
		}
		if order.Uint16(entries) == 0x0112 {
			return orientationValue(order, order.Uint16(entries[2:]), entries[8:12], b)
		}
		entries = entries[12:]
	}
	return 1
}

// orientationValue reads a value of any type that TIFF 6.0 (section 2) or EXIF
// defines; an ASCII value is a digit.
func orientationValue(order binary.ByteOrder, kind uint16, value, file []byte) int {
	var n uint64
	switch kind {
	case 1, 6, 7: // BYTE, SBYTE, UNDEFINED
		n = uint64(value[0])
	case 2: // ASCII
		n = uint64(value[0] - '0')
	case 3, 8: // SHORT, SSHORT
		n = uint64(order.Uint16(value))
	case 4, 9, 13: // LONG, SLONG, IFD
		n = uint64(order.Uint32(value))
	case 5, 10, 16, 17: // RATIONAL, SRATIONAL, LONG8, SLONG8: elsewhere in the file
		at := int64(order.Uint32(value))
		if at+8 > int64(len(file)) {
			return 1
		}
		if n = uint64(order.Uint32(file[at:])); kind >= 16 {
			n = order.Uint64(file[at:])
		}
	}
	if n < 1 || n > 8 {
		return 1
	}
	return int(n)
}
