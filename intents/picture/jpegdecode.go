package picture

import (
	"bytes"
	"errors"
	"image"
	"math"
	"sync"
)

// jpegDecoder reads what image/jpeg refuses (ITU-T T.81): any sampling factors,
// truncated files, data between segments. Like browsers, it keeps what it has
// read when something is wrong.
type jpegDecoder struct {
	data          []byte
	at            int
	width, height int
	progressive   bool
	comps         []component
	maxH, maxV    int
	quant         [4][64]int32
	tables        [2][4]*huffman // DC, AC
	restart       int
	adobe         int // the transform of Adobe's segment, -1 without one
	jfif          bool
	bits          jpegBits
	eobRun        int
	scans         int
	flaws         []string
}

// zigzag is the order of coefficients in a file (ITU-T T.81, figure A.6).
var zigzag = [64]byte{
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
}

// Markers (ITU-T T.81, table B.1).
const (
	markerSOF0, markerSOF1, markerSOF2 = 0xc0, 0xc1, 0xc2
	markerDHT, markerDAC, markerEOI    = 0xc4, 0xcc, 0xd9
	markerSOS, markerDQT, markerDNL    = 0xda, 0xdb, 0xdc
	markerDRI, markerAPP0, markerAPP14 = 0xdd, 0xe0, 0xee
)

// next finds the next marker and its segment and skips everything else.
func (d *jpegDecoder) next() (marker byte, segment []byte, ok bool) {
	for d.at+1 < len(d.data) {
		if d.data[d.at] != 0xff || d.data[d.at+1] == 0xff || d.data[d.at+1] == 0 {
			d.at++
			continue
		}
		marker = d.data[d.at+1]
		d.at += 2
		if marker >= 0xd0 && marker <= 0xd9 || marker == 0x01 { // RST, SOI, EOI, TEM
			if marker == markerEOI {
				return marker, nil, true
			}
			continue
		}
		if d.at+2 > len(d.data) {
			return 0, nil, false
		}
		size := int(d.data[d.at])<<8 | int(d.data[d.at+1])
		if size < 2 {
			continue
		}
		end := min(d.at+size, len(d.data))
		segment = d.data[min(d.at+2, end):end]
		d.at = end
		return marker, segment, true
	}
	return 0, nil, false
}

func isFrame(marker byte) bool {
	return marker >= markerSOF0 && marker <= 0xcf && marker != markerDHT && marker != 0xc8 && marker != markerDAC
}

// size reads the picture's size and returns to the file's beginning.
func (d *jpegDecoder) size() (width, height int) {
	defer func() { d.at = 0 }()
	for {
		marker, s, ok := d.next()
		switch {
		case !ok || marker == markerSOS || marker == markerEOI:
			return 0, 0
		case isFrame(marker) && len(s) >= 5:
			return int(s[3])<<8 | int(s[4]), int(s[1])<<8 | int(s[2])
		}
	}
}

// decode reads the file as far as it goes.
func (d *jpegDecoder) decode() (image.Image, []string, error) {
	whole := false
	for !whole {
		marker, s, ok := d.next()
		if !ok {
			break
		}
		var err error
		switch {
		case marker == markerEOI:
			whole = true
		case marker == markerDAC:
			err = notReadHere(JPEG, nil, "%s is a JPEG with arithmetic coding, which is not supported")
		case marker == markerDHT:
			d.huffmanTables(s)
		case marker == markerDQT:
			d.quantTables(s)
		case marker == markerDRI && len(s) >= 2:
			d.restart = int(s[0])<<8 | int(s[1])
		case marker == markerAPP0 && bytes.HasPrefix(s, []byte("JFIF\x00")):
			d.jfif = true
		case marker == markerAPP14 && bytes.HasPrefix(s, []byte("Adobe")) && len(s) >= 12:
			d.adobe = int(s[11])
		case isFrame(marker) && d.comps == nil:
			err = d.frame(marker, s)
		case marker == markerSOS && d.comps != nil:
			if scanErr := d.scan(s); scanErr != nil {
				d.flaw(flawDamaged)
			}
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if d.comps == nil || d.scans == 0 {
		return nil, nil, notReadHere(JPEG, nil, "%s is a JPEG file that ends before its picture")
	}
	if !whole {
		d.flaw(flawCut)
	}
	return d.picture(), d.flaws, nil
}

// flawDamaged describes data that can't be read.
const flawDamaged = "some of its data are damaged"

func (d *jpegDecoder) flaw(s string) {
	for _, f := range d.flaws {
		if f == s {
			return
		}
	}
	d.flaws = append(d.flaws, s)
}

// frame reads a frame header (B.2.2).
func (d *jpegDecoder) frame(marker byte, s []byte) error {
	switch {
	case marker > markerSOF2:
		return notReadHere(JPEG, nil, "%s is a JPEG of a rare kind (lossless, hierarchical or arithmetic: SOF%d), which is not supported",
			marker&15)
	case len(s) < 6 || len(s) < 6+3*int(s[5]):
		return notReadHere(JPEG, nil, "%s is a JPEG file whose header is damaged")
	case s[0] != 8:
		return notReadHere(JPEG, nil, "%s is a JPEG of %d bits a sample, which is not supported", s[0])
	}
	d.progressive = marker == markerSOF2
	d.height, d.width = int(s[1])<<8|int(s[2]), int(s[3])<<8|int(s[4])
	if d.height == 0 {
		d.height = d.linesBehind()
	}
	if err := checkSize(JPEG, d.width, d.height); err != nil {
		return err
	}
	n := int(s[5])
	if n != 1 && n != 3 && n != 4 {
		return notReadHere(JPEG, nil, "%s is a JPEG of %d colours, which is not supported", n)
	}
	comps := make([]component, n)
	d.maxH, d.maxV = 1, 1
	for i := range comps {
		c, b := &comps[i], s[6+3*i:]
		c.id, c.h, c.v, c.quant = b[0], int(b[1]>>4), int(b[1]&15), b[2]&3
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 {
			return notReadHere(JPEG, nil, "%s is a JPEG file whose header is damaged")
		}
		if n == 1 { // there is nothing to interleave with (A.2.2)
			c.h, c.v = 1, 1
		}
		d.maxH, d.maxV = max(d.maxH, c.h), max(d.maxV, c.v)
	}
	mcusX, mcusY := ceil(d.width, 8*d.maxH), ceil(d.height, 8*d.maxV)
	for i := range comps {
		c := &comps[i]
		c.width, c.height = ceil(ceil(d.width*c.h, d.maxH), 8), ceil(ceil(d.height*c.v, d.maxV), 8)
		c.stride, c.rows = mcusX*c.h, mcusY*c.v
		c.coefficients = make([]int16, c.stride*c.rows*64)
	}
	d.comps = comps
	return nil
}

// linesBehind finds the height in a DNL segment, where an encoder puts it that
// did not know it at first (B.2.5).
func (d *jpegDecoder) linesBehind() int {
	if i := bytes.Index(d.data[d.at:], []byte{0xff, markerDNL, 0, 4}); i >= 0 && d.at+i+6 <= len(d.data) {
		return int(d.data[d.at+i+4])<<8 | int(d.data[d.at+i+5])
	}
	return 0
}

func ceil(a, b int) int { return (a + b - 1) / b }

func (d *jpegDecoder) quantTables(s []byte) {
	for len(s) > 0 {
		table, wide := s[0]&3, s[0]>>4 != 0
		s = s[1:]
		for i := range 64 {
			switch {
			case wide && len(s) >= 2:
				d.quant[table][zigzag[i]] = int32(s[0])<<8 | int32(s[1])
				s = s[2:]
			case !wide && len(s) >= 1:
				d.quant[table][zigzag[i]] = int32(s[0])
				s = s[1:]
			default:
				return
			}
		}
	}
}

func (d *jpegDecoder) huffmanTables(s []byte) {
	for len(s) >= 17 {
		n := 0
		for _, c := range s[1:17] {
			n += int(c)
		}
		if len(s) < 17+n {
			return
		}
		d.tables[s[0]>>4&1][s[0]&3] = newHuffman(s[1:17], s[17:17+n])
		s = s[17+n:]
	}
}

var errScan = errors.New("the scan is damaged")

// scanHeader is what a scan header says (B.2.3).
type scanHeader struct {
	comps      []*component
	start, end int
	high, low  uint
}

func (d *jpegDecoder) scanHeader(s []byte) (scanHeader, error) {
	var h scanHeader
	if len(s) < 1 || len(s) < 4+2*int(s[0]) {
		return h, errScan
	}
	for i := range int(s[0]) {
		id, tables := s[1+2*i], s[2+2*i]
		for j := range d.comps {
			if c := &d.comps[j]; c.id == id && (len(h.comps) == 0 || h.comps[len(h.comps)-1] != c) {
				c.dc, c.ac = int(tables>>4&3), int(tables&3)
				h.comps = append(h.comps, c)
				break
			}
		}
	}
	rest := s[1+2*int(s[0]):]
	h.end = 63
	if d.progressive {
		h.start, h.end, h.high, h.low = int(rest[0]), int(rest[1]), uint(rest[2]>>4), uint(rest[2]&15)
	}
	if len(h.comps) == 0 || h.start > h.end || h.end > 63 || h.low > 13 || h.start > 0 && len(h.comps) > 1 && d.progressive {
		return h, errScan
	}
	return h, nil
}

// scan reads one scan; on an error it keeps what was read.
func (d *jpegDecoder) scan(s []byte) error {
	h, err := d.scanHeader(s)
	if err != nil {
		return err
	}
	d.scans++
	d.bits = jpegBits{data: d.data, at: d.at}
	d.eobRun = 0
	defer func() { d.at = d.bits.at }()
	mcusX, mcusY := ceil(d.width, 8*d.maxH), ceil(d.height, 8*d.maxV)
	alone := len(h.comps) == 1
	if alone {
		mcusX, mcusY = h.comps[0].width, h.comps[0].height
	}
	for _, c := range h.comps {
		c.predicted = 0
	}
	var failure error
	for n := range mcusX * mcusY {
		if d.restart > 0 && n > 0 && n%d.restart == 0 {
			if !d.bits.resync() {
				return errScan
			}
			d.eobRun, failure = 0, nil
			for _, c := range h.comps {
				c.predicted = 0
			}
		}
		if failure != nil { // until the next restart
			if d.restart == 0 {
				break
			}
			continue
		}
		x, y := n%mcusX, n/mcusX
		for _, c := range h.comps {
			if alone {
				failure = d.block(c, c.block(x, y), h)
				continue
			}
			for i := 0; i < c.h*c.v && failure == nil; i++ {
				failure = d.block(c, c.block(x*c.h+i%c.h, y*c.v+i/c.h), h)
			}
		}
		if failure != nil && d.bits.at < len(d.data)-1 {
			d.flaw(flawDamaged)
		}
	}
	if d.bits.at >= len(d.data)-1 {
		return nil // that the end is missing is reported elsewhere
	}
	return failure
}

// block reads the bits that a scan has for one block (F.2.2, G.1.2).
func (d *jpegDecoder) block(c *component, block []int16, h scanHeader) error {
	if d.bits.over() {
		return errScan
	}
	dc, ac := d.tables[0][c.dc], d.tables[1][c.ac]
	switch {
	case h.start == 0 && h.high > 0:
		if d.bits.bit() == 1 {
			block[0] |= 1 << h.low
		}
	case h.start == 0:
		size, ok := dc.decode(&d.bits)
		if !ok || size > 15 {
			return errScan
		}
		c.predicted += d.bits.extended(uint(size))
		block[0] = int16(c.predicted << h.low)
	}
	first := max(h.start, 1)
	switch {
	case d.progressive && h.start == 0 || first > h.end:
		return nil
	case h.high > 0:
		return d.refine(ac, block, h)
	}
	if d.eobRun > 0 {
		d.eobRun--
		return nil
	}
	for k := first; k <= h.end; k++ {
		symbol, ok := ac.decode(&d.bits)
		if !ok {
			return errScan
		}
		run, size := int(symbol>>4), uint(symbol&15)
		if size == 0 {
			if run == 15 {
				k += 15
				continue
			}
			if d.progressive {
				d.eobRun = 1<<run - 1 + d.bits.number(uint(run))
			}
			return nil
		}
		if k += run; k > 63 {
			return errScan
		}
		block[zigzag[k]] = int16(d.bits.extended(size) << h.low)
	}
	return nil
}

// refine reads one more bit of the coefficients of a block (G.1.2.3).
func (d *jpegDecoder) refine(ac *huffman, block []int16, h scanHeader) error {
	plus, minus := int16(1)<<h.low, int16(-1)<<h.low
	more := func(c *int16) {
		if d.bits.bit() == 1 && *c&plus == 0 {
			if *c >= 0 {
				*c += plus
			} else {
				*c += minus
			}
		}
	}
	k := h.start
	if d.eobRun == 0 {
	coefficients:
		for ; k <= h.end; k++ {
			symbol, ok := ac.decode(&d.bits)
			if !ok {
				return errScan
			}
			run, value := int(symbol>>4), int16(0)
			switch {
			case symbol&15 != 0:
				if value = minus; d.bits.bit() == 1 {
					value = plus
				}
			case run < 15:
				d.eobRun = 1<<run + d.bits.number(uint(run))
				break coefficients
			}
			for ; k <= h.end; k++ {
				if c := &block[zigzag[k]]; *c != 0 {
					more(c)
				} else if run--; run < 0 {
					break
				}
			}
			if value != 0 && k <= h.end {
				block[zigzag[k]] = value
			}
		}
	}
	if d.eobRun > 0 {
		for ; k <= h.end; k++ {
			if c := &block[zigzag[k]]; *c != 0 {
				more(c)
			}
		}
		d.eobRun--
	}
	return nil
}

// cosines are those of the inverse DCT (A.3.3), each with its C(u)/2.
var cosines = sync.OnceValue(func() (t [8][8]float32) {
	for x := range 8 {
		for u := range 8 {
			c := 0.5
			if u == 0 {
				c = math.Sqrt2 / 4
			}
			t[x][u] = float32(c * math.Cos(float64(2*x+1)*float64(u)*math.Pi/16))
		}
	}
	return t
})

// inverseDCT computes samples, less 128, from a block's coefficients.
func inverseDCT(block []int16, quant, out *[64]int32) {
	var columns [64]float32
	cosines := cosines()
	for u := range 8 {
		var in [8]float32
		any := false
		for v := range 8 {
			in[v] = float32(int32(block[8*v+u]) * quant[8*v+u])
			any = any || v > 0 && in[v] != 0
		}
		for y := range 8 {
			sum := in[0] * cosines[y][0]
			for v := 1; any && v < 8; v++ {
				sum += in[v] * cosines[y][v]
			}
			columns[8*y+u] = sum
		}
	}
	for y := range 8 {
		row := columns[8*y : 8*y+8 : 8*y+8]
		for x := range 8 {
			sum := float32(0)
			for u, c := range row {
				sum += c * cosines[x][u]
			}
			out[8*y+x] = int32(math.Floor(float64(sum) + 0.5))
		}
	}
}
