package suite

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxLine bounds one event: the plan of ten thousand cases fits.
const maxLine = 64 << 20

// ReadEvents calls each with every event of events.ndjson, and returns how many
// bytes of complete lines there were: what follows them is the beginning of a
// line that a crash cut off. A line in the middle that can't be read is an
// error that names it.
func ReadEvents(r io.Reader, each func(Event) error) (whole int64, err error) {
	buf := bufio.NewReaderSize(r, 64<<10)
	for n := 1; ; n++ {
		line, err := readLine(buf)
		if errors.Is(err, io.EOF) {
			return whole, nil // with or without a torn line
		}
		if err != nil {
			return whole, fmt.Errorf("line %d: %w", n, err)
		}
		if text := bytes.TrimSpace(line); len(text) > 0 {
			var e Event
			if err := json.Unmarshal(text, &e); err != nil {
				return whole, fmt.Errorf("line %d: %w", n, err)
			}
			if err := each(e); err != nil {
				return whole, fmt.Errorf("line %d: %w", n, err)
			}
		}
		whole += int64(len(line))
	}
}

// readLine reads up to a line break; io.EOF if there is none.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxLine:
			return nil, fmt.Errorf("longer than %d MiB", maxLine>>20)
		case !errors.Is(err, bufio.ErrBufferFull):
			return line, err
		}
	}
}
