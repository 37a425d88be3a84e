package android

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/wxctl/wxctl/device"
)

// remoteFile reads a file on a phone in ranges, all over one shell: an APK may
// have 300 MB, of which 100 KB matter.
type remoteFile struct {
	ctx  context.Context
	sh   *shell
	size int64
}

// block is what dd counts in. It skips by whole blocks.
const block = 4096

// openFile opens a file on the phone. Reads end with ctx.
func (s Server) openFile(ctx context.Context, serial, path string) (*remoteFile, error) {
	quoted := shellQuote(path)
	sh, err := s.openShell(ctx, serial, fmt.Sprintf("stat -c %%s %[1]s && while read -r skip count; do dd if=%[1]s "+
		"bs=%[2]d skip=$skip count=$count 2>/dev/null || exit 1; done", quoted, block))
	if err != nil {
		return nil, err
	}
	f := &remoteFile{ctx: ctx, sh: sh}
	var line strings.Builder
	err = f.collect(func() bool { return strings.HasSuffix(line.String(), "\n") }, func(b []byte) {
		if line.Len() < 64 {
			line.Write(b)
		}
	})
	if err == nil {
		f.size, err = strconv.ParseInt(strings.TrimSpace(line.String()), 10, 64)
	}
	if err != nil || f.size < 0 {
		sh.Close()
		return nil, device.Errorf(device.Failed, "the phone does not let %q be read", device.Printable(path))
	}
	return f, nil
}

// collect takes output until done.
func (f *remoteFile) collect(done func() bool, out func([]byte)) error {
	return f.sh.during(f.ctx, func() error {
		for !done() {
			if err := f.sh.next(out, func([]byte) {}); err != nil {
				return err
			}
		}
		return nil
	})
}

// ReadAt implements io.ReaderAt.
func (f *remoteFile) ReadAt(p []byte, at int64) (int, error) {
	if at < 0 || at >= f.size {
		return 0, io.EOF
	}
	whole := len(p)
	p = p[:min(int64(len(p)), f.size-at)]
	first, last := at/block, (at+int64(len(p))+block-1)/block
	if err := f.sh.writeIn(f.ctx, fmt.Appendf(nil, "%d %d\n", first, last-first)); err != nil {
		return 0, err
	}
	// What comes is whole blocks, but for the file's end.
	left := min(last*block, f.size) - first*block
	drop, n := at-first*block, 0
	err := f.collect(func() bool { return left <= 0 }, func(b []byte) {
		left -= int64(len(b))
		skipped := min(drop, int64(len(b)))
		drop -= skipped
		n += copy(p[n:], b[skipped:])
	})
	switch {
	case err != nil:
		return n, err
	case n < whole:
		return n, io.EOF
	}
	return n, nil
}

// Close ends the shell.
func (f *remoteFile) Close() error { return f.sh.Close() }

// classTime bounds how long the code of an app is read from a phone: what it
// tells is worth less than all the rest, and a large app takes long.
const classTime = 6 * time.Second
