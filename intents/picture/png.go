package picture

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"io"
)

// pngSignature begins every PNG (PNG specification, section 5.2).
const pngSignature = "\x89PNG\r\n\x1a\n"

// pngChunk is a chunk as it is in the file, possibly truncated.
type pngChunk struct {
	kind string
	data []byte
}

// pngChunks splits a file into chunks as far as possible. Checksums are
// ignored; whole is false if the file is truncated.
func pngChunks(b []byte) (chunks []pngChunk, whole bool) {
	for at := len(pngSignature); at+8 <= len(b); {
		size, kind := be32(b, at), string(b[at+4:at+8])
		data := b[at+8:]
		if size > int64(len(data)) {
			return append(chunks, pngChunk{kind, data}), false
		}
		chunks = append(chunks, pngChunk{kind, data[:size]})
		if kind == "IEND" {
			return chunks, true
		}
		at += 12 + int(size)
	}
	return chunks, false
}

func readPNG(b []byte) (*Picture, error) {
	chunks, whole := pngChunks(b)
	p := &Picture{}
	var header []byte
	for _, c := range chunks {
		switch {
		case c.kind == "IHDR" && header == nil && len(c.data) >= 13:
			header = c.data[:13]
		case c.kind == "eXIf":
			p.Orientation = exifOrientation(c.data)
		}
	}
	if header == nil {
		return nil, notReadHere(PNG, nil, "%s is a PNG file whose header is damaged")
	}
	width, height := be32(header, 0), be32(header, 4)
	if width > 1<<30 || height > 1<<30 {
		width, height = min(width, 1<<30), min(height, 1<<30)
	}
	if err := checkSize(PNG, int(width), int(height)); err != nil {
		return nil, err
	}
	var err error
	if p.Image, err = png.Decode(bytes.NewReader(b)); err == nil {
		return p, nil
	}
	repaired, apple, repairErr := repairPNG(chunks, header)
	if repairErr != nil {
		return nil, notReadHere(PNG, errors.Join(err, repairErr), "%s is a PNG file that is damaged")
	}
	if p.Image, err = png.Decode(bytes.NewReader(repaired)); err != nil {
		return nil, notReadHere(PNG, err, "%s is a PNG file that is damaged")
	}
	switch {
	case apple:
		p.Image = fromCgBI(p.Image)
		p.Flaws = append(p.Flaws, "it is in the form that only iPhones read (CgBI, made by Xcode)")
	case whole:
		p.Flaws = append(p.Flaws, "some of its checksums or data are wrong")
	}
	if !whole {
		p.Flaws = append(p.Flaws, flawCut)
	}
	return p, nil
}

// repairPNG writes the file again with what is needed to show it: header,
// palette, transparency and all pixels, missing ones as zeros. apple is set for
// Xcode's CgBI variant, whose deflate stream has no zlib header and whose
// pixels are BGRA.
func repairPNG(chunks []pngChunk, header []byte) (out []byte, apple bool, err error) {
	size, err := pngDataSize(header)
	if err != nil {
		return nil, false, err
	}
	if size > 4*maxPixels+1<<20 {
		return nil, false, errors.New("it is too large to be repaired")
	}
	var deflated, palette, transparency []byte
	for _, c := range chunks {
		switch c.kind {
		case "IDAT":
			deflated = append(deflated, c.data...)
		case "PLTE":
			palette = c.data[:min(len(c.data)/3*3, 768)]
		case "tRNS":
			transparency = c.data
		case "CgBI":
			apple = true
		}
	}
	raw, got := inflate(deflated, size)
	if got == 0 {
		return nil, false, errors.New("no pixel can be read")
	}
	fixFilters(raw, header)
	var b bytes.Buffer
	b.WriteString(pngSignature)
	writeChunk(&b, "IHDR", header)
	if palette != nil {
		writeChunk(&b, "PLTE", palette)
	}
	if kind := header[9]; transparency != nil && (kind == 0 && len(transparency) == 2 || kind == 2 && len(transparency) == 6 ||
		kind == 3 && len(transparency) <= len(palette)/3) {
		writeChunk(&b, "tRNS", transparency)
	}
	var z bytes.Buffer
	w, err := zlib.NewWriterLevel(&z, zlib.HuffmanOnly)
	if err == nil {
		_, err = w.Write(raw)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, false, err
	}
	writeChunk(&b, "IDAT", z.Bytes())
	writeChunk(&b, "IEND", nil)
	return b.Bytes(), apple, nil
}

func writeChunk(b *bytes.Buffer, kind string, data []byte) {
	binary.Write(b, binary.BigEndian, uint32(len(data)))
	start := b.Len()
	b.WriteString(kind)
	b.Write(data)
	binary.Write(b, binary.BigEndian, crc32.ChecksumIEEE(b.Bytes()[start:]))
}

// inflate reads at most size bytes; zlib's header and checksum are ignored.
func inflate(deflated []byte, size int) (raw []byte, got int) {
	raw = make([]byte, size)
	try := func(b []byte) int {
		n, _ := io.ReadFull(flate.NewReader(bytes.NewReader(b)), raw)
		return n
	}
	if len(deflated) > 2 && deflated[0]&15 == 8 && (int(deflated[0])<<8|int(deflated[1]))%31 == 0 {
		if n := try(deflated[2:]); n > 0 {
			return raw, n
		}
	}
	return raw, try(deflated)
}

// pngDataSize is how many bytes the pixels of a file have before compression,
// including the filter byte of each row (sections 7.2, 8.2).
func pngDataSize(header []byte) (int, error) {
	rows, err := pngRows(header)
	total := 0
	for _, r := range rows {
		total += r.count * (1 + r.bytes)
	}
	return total, err
}

// pngRow is a group of rows of the same length.
type pngRow struct{ count, bytes int }

func pngRows(header []byte) ([]pngRow, error) {
	samples := map[byte]int{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[header[9]]
	depth := int(header[8])
	if samples == 0 || depth < 1 || depth > 16 || depth&(depth-1) != 0 {
		return nil, errors.New("its colour type is unknown")
	}
	width, height := int(be32(header, 0)), int(be32(header, 4))
	row := func(w int) int { return (w*samples*depth + 7) / 8 }
	if header[12] == 0 {
		return []pngRow{{height, row(width)}}, nil
	}
	var rows []pngRow
	for _, pass := range [7][4]int{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}} {
		w, h := (width-pass[0]+pass[2]-1)/pass[2], (height-pass[1]+pass[3]-1)/pass[3]
		if w > 0 && h > 0 {
			rows = append(rows, pngRow{h, row(w)})
		}
	}
	return rows, nil
}

// fixFilters replaces unknown filter types of rows by "none".
func fixFilters(raw, header []byte) {
	rows, _ := pngRows(header)
	at := 0
	for _, r := range rows {
		for range r.count {
			if raw[at] > 4 {
				raw[at] = 0
			}
			at += 1 + r.bytes
		}
	}
}

// fromCgBI converts Xcode's BGRA, with colours premultiplied by alpha, to RGBA.
func fromCgBI(m image.Image) image.Image {
	bounds := m.Bounds()
	out := image.NewRGBA(bounds)
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			c, _ := color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA)
			out.SetRGBA(x, y, color.RGBA{min(c.B, c.A), min(c.G, c.A), min(c.R, c.A), c.A})
		}
	}
	return out
}
