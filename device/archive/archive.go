// Package archive reads single files from a ZIP archive of any size, on a disk
// or on a phone, with few reads and little memory. It treats archives as
// hostile: APKs and IPAs come from anywhere.
package archive

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// archive/zip is not used: it keeps the whole directory in memory, however
// large, and does not say where the directory begins, which is where an APK's
// signatures end.

// Limits of what is accepted. An APK of 2 GB with 100000 files is below them.
const (
	maxDirectory = 24 << 20
	maxKept      = 1 << 16
	maxTail      = 1<<16 + 22 + 20 // the longest comment, the end record, a ZIP64 locator
)

// errNotZIP is returned for a file that is not a ZIP archive, or was truncated.
var errNotZIP = errors.New("not a ZIP archive, or a file that was cut off")

// entry is a file in the archive.
type entry struct {
	method       uint16
	packed, size int64
	header       int64 // offset of its local header
}

// Directory is the part of an archive's directory that was kept.
type Directory struct {
	r       io.ReaderAt
	start   int64 // of the central directory
	entries map[string]entry
	// unpacked is what Section unpacked last: APKs have many files of code, of
	// which one at a time is looked at.
	unpacked bytes.Buffer
}

// ReadAt reads the archive itself.
func (d *Directory) ReadAt(p []byte, at int64) (int, error) { return d.r.ReadAt(p, at) }

// Start is where the directory begins, and the files before it end.
func (d *Directory) Start() int64 { return d.start }

// Names returns the names of the files that were kept, sorted.
func (d *Directory) Names() []string { return slices.Sorted(maps.Keys(d.entries)) }

// Has reports whether a file of that name was kept.
func (d *Directory) Has(name string) bool {
	_, ok := d.entries[name]
	return ok
}

const methodStored = 0

// Open reads the directory of an archive of that size, and keeps the files for
// whose names keep returns true.
func Open(r io.ReaderAt, size int64, keep func(name string) bool) (*Directory, error) {
	r = newPages(r, size)
	tail := make([]byte, min(size, maxTail))
	if err := ReadFull(r, tail, size-int64(len(tail))); err != nil {
		return nil, err
	}
	end, err := findEnd(r, tail, size)
	if err != nil {
		return nil, err
	}
	if end.length > maxDirectory {
		return nil, fmt.Errorf("its directory has %d MB, of which %d are read", end.length>>20, maxDirectory>>20)
	}
	d := &Directory{r: r, start: end.start, entries: map[string]entry{}}
	data := make([]byte, end.length)
	if at := end.start - (size - int64(len(tail))); at >= 0 {
		copy(data, tail[at:])
	} else if err := ReadFull(r, data, end.start); err != nil {
		return nil, err
	}
	for range end.count {
		name, e, n, err := parseEntry(data)
		if err != nil {
			return nil, err
		}
		data = data[n:]
		if !keep(name) {
			continue
		}
		if _, twice := d.entries[name]; twice {
			return nil, fmt.Errorf("it has two files named %q", name)
		}
		if e.header < 0 || e.header > end.start || e.packed > end.start-e.header {
			return nil, fmt.Errorf("its file %q lies outside of it", name)
		}
		if len(d.entries) == maxKept {
			return nil, fmt.Errorf("it has more than %d files that matter", maxKept)
		}
		d.entries[name] = e
	}
	return d, d.disjoint()
}

// disjoint refuses entries that overlap, which let a small archive unpack to
// any size.
func (d *Directory) disjoint() error {
	names := d.Names()
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(d.entries[a].header, d.entries[b].header) })
	for i := 1; i < len(names); i++ {
		before, after := d.entries[names[i-1]], d.entries[names[i]]
		if before.header == after.header || before.header+before.packed > after.header {
			return fmt.Errorf("its files %q and %q overlap", names[i-1], names[i])
		}
	}
	return nil
}

// end is the content of the end record: where the directory is, and how many
// entries it has.
type end struct {
	start, length int64
	count         uint64
}

// findEnd searches for the end record: backwards, as Android does, for one
// whose comment extends to the end of the file.
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
		before := size - int64(len(rec)) // what precedes the record
		if at >= 20 && bytes.HasPrefix(tail[at-20:], []byte("PK\x06\x07")) {
			var err error
			if e, err = findEnd64(r, int64(binary.LittleEndian.Uint64(tail[at-12:])), before-20); err != nil {
				return end{}, err
			}
		}
		if e.start < 0 || e.length < 0 || e.start > before || e.length > before-e.start || e.count > uint64(e.length/46) {
			return end{}, errNotZIP
		}
		return e, nil
	}
	return end{}, errNotZIP
}

// findEnd64 reads the end record of ZIP64.
func findEnd64(r io.ReaderAt, at, before int64) (end, error) {
	if at < 0 || at > before-56 {
		return end{}, errNotZIP
	}
	var rec [56]byte
	if err := ReadFull(r, rec[:], at); err != nil {
		return end{}, err
	}
	if !bytes.HasPrefix(rec[:], []byte("PK\x06\x06")) {
		return end{}, errNotZIP
	}
	return end{
		count:  binary.LittleEndian.Uint64(rec[32:]),
		length: int64(binary.LittleEndian.Uint64(rec[40:])),
		start:  int64(binary.LittleEndian.Uint64(rec[48:])),
	}, nil
}

// parseEntry reads one entry of the directory, and returns its length there.
func parseEntry(data []byte) (name string, e entry, n int, err error) {
	if len(data) < 46 || !bytes.HasPrefix(data, []byte("PK\x01\x02")) {
		return "", e, 0, errNotZIP
	}
	le := binary.LittleEndian
	length, extra, comment := int(le.Uint16(data[28:])), int(le.Uint16(data[30:])), int(le.Uint16(data[32:]))
	n = 46 + length + extra + comment
	if n > len(data) {
		return "", e, 0, errNotZIP
	}
	e = entry{
		method: le.Uint16(data[10:]),
		packed: int64(le.Uint32(data[20:])), size: int64(le.Uint32(data[24:])), header: int64(le.Uint32(data[42:])),
	}
	wide := func(v *int64, field *[]byte) {
		if *v == 0xffffffff && len(*field) >= 8 {
			*v = int64(le.Uint64(*field))
			*field = (*field)[8:]
		}
	}
	for rest := data[46+length : 46+length+extra]; len(rest) >= 4; {
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
		return "", e, 0, errNotZIP
	}
	return string(data[46 : 46+length]), e, n, nil
}

// body returns a file's entry and its bytes, still compressed.
func (d *Directory) body(name string) (entry, *io.SectionReader, error) {
	e, ok := d.entries[name]
	if !ok {
		return e, nil, fmt.Errorf("it has no %s", name)
	}
	var head [30]byte
	if err := ReadFull(d.r, head[:], e.header); err != nil {
		return e, nil, err
	}
	if !bytes.HasPrefix(head[:], []byte("PK\x03\x04")) {
		return e, nil, fmt.Errorf("its file %q is not where its directory says", name)
	}
	at := e.header + 30 + int64(binary.LittleEndian.Uint16(head[26:])) + int64(binary.LittleEndian.Uint16(head[28:]))
	if at > d.start || e.packed > d.start-at {
		return e, nil, fmt.Errorf("its file %q lies outside of it", name)
	}
	return e, io.NewSectionReader(d.r, at, e.packed), nil
}

// unpack decompresses a file while it is read.
func (d *Directory) unpack(name string) (entry, io.Reader, error) {
	e, body, err := d.body(name)
	if err != nil {
		return e, nil, err
	}
	var source io.Reader = bufio.NewReaderSize(body, 1<<18)
	if e.method != methodStored { // Android treats any other method as deflate
		source = flate.NewReader(source)
	}
	return e, source, nil
}

// Stream decompresses a file while it is read, up to the size in the directory,
// which it returns too.
func (d *Directory) Stream(name string) (io.Reader, int64, error) {
	e, source, err := d.unpack(name)
	if err != nil {
		return nil, 0, err
	}
	return io.LimitReader(source, e.size), e.size, nil
}

// Read decompresses a file of at most that many bytes; it must have the size
// that the directory says.
func (d *Directory) Read(name string, most int64) ([]byte, error) {
	var data bytes.Buffer
	err := d.read(name, most, &data)
	return data.Bytes(), err
}

func (d *Directory) read(name string, most int64, into *bytes.Buffer) error {
	e, source, err := d.unpack(name)
	if err != nil {
		return err
	}
	if e.size > most {
		return fmt.Errorf("its file %q has %d bytes, of which %d are read", name, e.size, most)
	}
	into.Reset()
	if need := int(e.size) + bytes.MinRead; into.Cap() < need {
		*into = *bytes.NewBuffer(make([]byte, 0, need)) // Grow would copy, and keep more
	}
	switch _, err := into.ReadFrom(io.LimitReader(source, e.size+1)); {
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("its file %q can't be unpacked: %w", name, err)
	case err != nil || int64(into.Len()) != e.size:
		return fmt.Errorf("its file %q unpacks to another size than its directory says", name)
	}
	return nil
}

// Section gives random access to a file: in place if it is stored; otherwise
// decompressed in memory, if it has at most that many bytes, until the next call.
func (d *Directory) Section(name string, most int64) (io.ReaderAt, int64, error) {
	e, body, err := d.body(name)
	if err != nil {
		return nil, 0, err
	}
	if e.method == methodStored {
		return body, e.packed, nil
	}
	if err := d.read(name, most, &d.unpacked); err != nil {
		return nil, 0, err
	}
	return bytes.NewReader(d.unpacked.Bytes()), int64(d.unpacked.Len()), nil
}

// ReadFull reads all of p at an offset.
func ReadFull(r io.ReaderAt, p []byte, at int64) error {
	if len(p) == 0 {
		return nil
	}
	n, err := r.ReadAt(p, at)
	switch {
	case n == len(p):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return errNotZIP
	}
	return err
}
