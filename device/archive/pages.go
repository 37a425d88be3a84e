package archive

import "io"

// pageSize is how many bytes are read at once. On a phone each read is a round
// trip, and a page takes about as long as its first byte.
const (
	pageSize = 32 << 10
	maxPages = 256
)

// pages turns many small reads into few large ones, and reads nothing twice.
type pages struct {
	r    io.ReaderAt
	size int64
	have map[int64][]byte
}

func newPages(r io.ReaderAt, size int64) *pages {
	return &pages{r: r, size: size, have: map[int64][]byte{}}
}

// ReadAt implements io.ReaderAt.
func (p *pages) ReadAt(b []byte, at int64) (int, error) {
	if at < 0 || at > p.size {
		return 0, io.EOF
	}
	if len(b) >= pageSize {
		return p.r.ReadAt(b, at)
	}
	done := 0
	for done < len(b) {
		number := (at + int64(done)) / pageSize
		page, err := p.page(number)
		if err != nil {
			return done, err
		}
		n := copy(b[done:], page[min(int64(len(page)), at+int64(done)-number*pageSize):])
		if n == 0 {
			return done, io.EOF
		}
		done += n
	}
	return done, nil
}

func (p *pages) page(number int64) ([]byte, error) {
	if page, ok := p.have[number]; ok {
		return page, nil
	}
	start := number * pageSize
	page := make([]byte, max(0, min(pageSize, p.size-start)))
	if err := ReadFull(p.r, page, start); err != nil {
		return nil, err
	}
	if len(p.have) >= maxPages {
		clear(p.have)
	}
	p.have[number] = page
	return page, nil
}
