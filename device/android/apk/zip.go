package apk

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// archive/zip is not used here: it reads the directory in small pieces, each
// of which is a round trip where the file is on a phone, keeps all of it, and
// does not say where the directory begins, which is where an APK's signatures
// end.

// Bounds of what is believed. An APK of 2 GB with 100000 files is below them.
const (
	maxDirectory = 24 << 20
	maxTail      = 1<<16 + 22 + 20 // the longest comment, the end record, a ZIP64 locator
	maxEntry     = 1 << 30         // of an entry that is read in ranges
)

// ErrNotZIP is a file that is no ZIP archive, or a cut one.
var ErrNotZIP = errors.New("not a ZIP archive, or a file that was cut off")

// An entry is a file in the archive.
type entry struct {
	name         string
	method       uint16
	packed, size int64
	header       int64 // offset of its local header
}

// directory is what is kept of a ZIP archive's directory.
type directory struct {
	r       io.ReaderAt
	start   int64 // of the central directory
	entries map[string]entry
}

const methodStored = 0

// readDirectory reads the directory of an archive of that size, and keeps the
// entries whose names keep agrees to.
func readDirectory(r io.ReaderAt, size int64, keep func(name string) bool) (*directory, error) {
	tail := make([]byte, min(size, maxTail))
	if err := readFull(r, tail, size-int64(len(tail))); err != nil {
		return nil, err
	}
	end, err := findEnd(r, tail, size)
	if err != nil {
		return nil, err
	}
	if end.length > maxDirectory {
		return nil, fmt.Errorf("its directory has %d MB, of which %d are read", end.length>>20, maxDirectory>>20)
	}
	d := &directory{r: r, start: end.start, entries: map[string]entry{}}
	data := make([]byte, end.length)
	if at := end.start - (size - int64(len(tail))); at >= 0 {
		copy(data, tail[at:])
	} else if err := readFull(r, data, end.start); err != nil {
		return nil, err
	}
	for range end.count {
		e, n, err := parseEntry(data)
		if err != nil {
			return nil, err
		}
		data = data[n:]
		if !keep(e.name) {
			continue
		}
		if _, twice := d.entries[e.name]; twice {
			return nil, fmt.Errorf("it has two files named %q", e.name)
		}
		if e.header < 0 || e.header > end.start || e.packed > end.start-e.header {
			return nil, fmt.Errorf("its file %q lies outside of it", e.name)
		}
		d.entries[e.name] = e
	}
	return d, d.disjoint()
}

// disjoint refuses entries that share bytes, by which a small archive unpacks
// to any size.
func (d *directory) disjoint() error {
	for a, x := range d.entries {
		for b, y := range d.entries {
			if a != b && x.header <= y.header && y.header < x.header+x.packed {
				return fmt.Errorf("its files %q and %q overlap", a, b)
			}
		}
	}
	return nil
}

// end is what the end record tells: where the directory is, and how many
// entries it has.
type end struct {
	start, length int64
	count         uint64
}

// findEnd looks for the end record: backwards, as Android does, for one whose
// comment fills the rest of the file.
func findEnd(r io.ReaderAt, tail []byte, size int64) (end, error) {
	for at := len(tail) - 22; at >= 0; at-- {
		if !bytes.HasPrefix(tail[at:], []byte("PK\x05\x06")) {
			continue
		}
		rec := tail[at:]
		if int(binary.LittleEndian.Uint16(rec[20:])) != len(rec)-22 {
			continue
		}
		e := end{
			count:  uint64(binary.LittleEndian.Uint16(rec[10:])),
			length: int64(binary.LittleEndian.Uint32(rec[12:])),
			start:  int64(binary.LittleEndian.Uint32(rec[16:])),
		}
		before := size - int64(len(rec)) // what lies before the record
		if at >= 20 && bytes.HasPrefix(tail[at-20:], []byte("PK\x06\x07")) {
			var err error
			if e, err = findEnd64(r, int64(binary.LittleEndian.Uint64(tail[at-12:])), before-20); err != nil {
				return end{}, err
			}
		}
		if e.start < 0 || e.length < 0 || e.start > before || e.length > before-e.start || e.count > uint64(e.length/46) {
			return end{}, ErrNotZIP
		}
		return e, nil
	}
	return end{}, ErrNotZIP
}

// findEnd64 reads the end record of ZIP64.
func findEnd64(r io.ReaderAt, at, before int64) (end, error) {
	if at < 0 || at > before-56 {
		return end{}, ErrNotZIP
	}
	var rec [56]byte
	if err := readFull(r, rec[:], at); err != nil {
		return end{}, err
	}
	if !bytes.HasPrefix(rec[:], []byte("PK\x06\x06")) {
		return end{}, ErrNotZIP
	}
	return end{
		count:  binary.LittleEndian.Uint64(rec[32:]),
		length: int64(binary.LittleEndian.Uint64(rec[40:])),
		start:  int64(binary.LittleEndian.Uint64(rec[48:])),
	}, nil
}

// parseEntry reads one entry of the directory, and says how long it is there.
func parseEntry(data []byte) (e entry, n int, err error) {
	if len(data) < 46 || !bytes.HasPrefix(data, []byte("PK\x01\x02")) {
		return e, 0, ErrNotZIP
	}
	le := binary.LittleEndian
	name, extra, comment := int(le.Uint16(data[28:])), int(le.Uint16(data[30:])), int(le.Uint16(data[32:]))
	n = 46 + name + extra + comment
	if n > len(data) {
		return e, 0, ErrNotZIP
	}
	e = entry{
		name: string(data[46 : 46+name]), method: le.Uint16(data[10:]),
		packed: int64(le.Uint32(data[20:])), size: int64(le.Uint32(data[24:])), header: int64(le.Uint32(data[42:])),
	}
	wide := func(v *int64, field *[]byte) {
		if *v == 0xffffffff && len(*field) >= 8 {
			*v = int64(le.Uint64(*field))
			*field = (*field)[8:]
		}
	}
	for rest := data[46+name : 46+name+extra]; len(rest) >= 4; {
		id, size := le.Uint16(rest), int(le.Uint16(rest[2:]))
		if size > len(rest)-4 {
			break // Android's zipalign pads with less than a header
		}
		if id == 1 {
			field := rest[4 : 4+size]
			wide(&e.size, &field)
			wide(&e.packed, &field)
			wide(&e.header, &field)
		}
		rest = rest[4+size:]
	}
	if e.size < 0 || e.packed < 0 || e.header < 0 {
		return e, 0, ErrNotZIP
	}
	return e, n, nil
}

// named returns an entry.
func (d *directory) named(name string) (entry, bool) {
	e, ok := d.entries[name]
	return e, ok
}

// body is where an entry's bytes are.
func (d *directory) body(e entry) (*io.SectionReader, error) {
	var head [30]byte
	if err := readFull(d.r, head[:], e.header); err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(head[:], []byte("PK\x03\x04")) {
		return nil, fmt.Errorf("its file %q is not where its directory says", e.name)
	}
	at := e.header + 30 + int64(binary.LittleEndian.Uint16(head[26:])) + int64(binary.LittleEndian.Uint16(head[28:]))
	if at > d.start || e.packed > d.start-at {
		return nil, fmt.Errorf("its file %q lies outside of it", e.name)
	}
	return io.NewSectionReader(d.r, at, e.packed), nil
}

// read unpacks an entry of at most that many bytes, which it also holds to the
// size that the directory tells.
func (d *directory) read(name string, most int64) ([]byte, error) {
	e, ok := d.named(name)
	if !ok {
		return nil, fmt.Errorf("it has no %s", name)
	}
	if e.size > most {
		return nil, fmt.Errorf("its file %q has %d bytes, of which %d are read", name, e.size, most)
	}
	body, err := d.body(e)
	if err != nil {
		return nil, err
	}
	var source io.Reader = bufio.NewReaderSize(body, 1<<18)
	if e.method != methodStored { // which Android takes for deflate, whatever it is
		source = flate.NewReader(source)
	}
	buffer := bytes.NewBuffer(make([]byte, 0, e.size))
	if _, err := io.CopyN(buffer, source, e.size+1); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("its file %q can't be unpacked: %w", name, err)
	}
	if int64(buffer.Len()) != e.size {
		return nil, fmt.Errorf("its file %q unpacks to another size than its directory says", name)
	}
	return buffer.Bytes(), nil
}

// numbered returns the entries base.ext, base2.ext, base3.ext … that there are.
func (d *directory) numbered(base, ext string, most int) []entry {
	var out []entry
	for i := 1; i <= most; i++ {
		name := base + ext
		if i > 1 {
			name = fmt.Sprintf("%s%d%s", base, i, ext)
		}
		e, ok := d.named(name)
		if !ok {
			break
		}
		out = append(out, e)
	}
	return out
}

// readFull reads all of p at an offset.
func readFull(r io.ReaderAt, p []byte, at int64) error {
	if len(p) == 0 {
		return nil
	}
	n, err := r.ReadAt(p, at)
	switch {
	case n == len(p):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return ErrNotZIP
	}
	return err
}

// hasSuffixFold is strings.HasSuffix without regard to case.
func hasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}
