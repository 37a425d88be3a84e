package picture

// huffman is a table of codes (ITU-T T.81, annex C).
type huffman struct {
	// first is, for each length, the first code less the index of its symbol;
	// past is the first code that is too large.
	first, past [17]int32
	symbols     []byte
}

// newHuffman builds a table from the number of codes of each length from 1 to
// 16, and the symbols.
func newHuffman(counts, symbols []byte) *huffman {
	h := &huffman{symbols: symbols}
	code, index := int32(0), int32(0)
	for length := 1; length <= 16; length++ {
		n := int32(counts[length-1])
		h.first[length] = code - index
		code, index = code+n, index+n
		h.past[length] = code
		code <<= 1
	}
	return h
}

// decode reads one symbol. A missing table has none.
func (h *huffman) decode(b *jpegBits) (byte, bool) {
	if h == nil {
		return 0, false
	}
	code := int32(0)
	for length := 1; length <= 16; length++ {
		code = code<<1 | int32(b.bit())
		if code < h.past[length] {
			i := code - h.first[length]
			if i < 0 || int(i) >= len(h.symbols) {
				return 0, false
			}
			return h.symbols[i], true
		}
	}
	return 0, false
}

// jpegBits reads the bits of a scan. After a marker or the file's end, all bits
// are zero.
type jpegBits struct {
	data []byte
	at   int
	acc  uint32
	n    int
	past int // bits read after the end
}

func (b *jpegBits) bit() uint32 {
	for b.n == 0 {
		switch {
		case b.at >= len(b.data):
			b.past++
			return 0
		case b.data[b.at] != 0xff:
			b.acc, b.n = uint32(b.data[b.at]), 8
			b.at++
		case b.at+1 < len(b.data) && b.data[b.at+1] == 0:
			b.acc, b.n = 0xff, 8
			b.at += 2
		case b.at+1 < len(b.data) && b.data[b.at+1] == 0xff: // fill byte
			b.at++
		default: // a marker
			b.past++
			return 0
		}
	}
	b.n--
	return b.acc >> b.n & 1
}

// over reports whether more bits were read than there are: a few extra zeros
// still decode to a picture, many don't.
func (b *jpegBits) over() bool { return b.past > 0 }

func (b *jpegBits) number(bits uint) int {
	n := 0
	for range bits {
		n = n<<1 | int(b.bit())
	}
	return n
}

// extended reads a signed number (ITU-T T.81, F.2.2.1, EXTEND).
func (b *jpegBits) extended(bits uint) int {
	n := b.number(bits)
	if bits > 0 && n < 1<<(bits-1) {
		n += -1<<bits + 1
	}
	return n
}

// resync moves past the next restart marker; it returns false if there is none
// in this scan.
func (b *jpegBits) resync() bool {
	b.n, b.past = 0, 0
	for ; b.at+1 < len(b.data); b.at++ {
		if b.data[b.at] != 0xff {
			continue
		}
		switch m := b.data[b.at+1]; {
		case m == 0 || m == 0xff || m < 0xc0: // not a marker, or not one that ends a scan
		case m >= 0xd0 && m <= 0xd7:
			b.at += 2
			return true
		default:
			return false
		}
	}
	return false
}
