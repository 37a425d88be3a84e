package android

import (
	"context"
	"io"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
)

// remoteFile reads ranges of a file on a phone, through its agent: an APK may
// have 300 MB, of which 100 KB are needed.
type remoteFile struct {
	ctx  context.Context
	p    *Phone
	path string
	size int64
}

// openFile opens a file on the phone. Reads end with ctx.
func (p *Phone) openFile(ctx context.Context, path string) (*remoteFile, error) {
	f := &remoteFile{ctx: ctx, p: p, path: path}
	part, err := f.part(0, 0)
	if err != nil {
		return nil, err
	}
	f.size = part.Size
	return f, nil
}

func (f *remoteFile) part(at int64, count int) (part agent.Part, err error) {
	read := &ask{Request: agent.Request{Verb: agent.Read, Path: f.path, At: at, Count: count}, into: &part}
	if err := f.p.do(f.ctx, read); err != nil {
		return part, err
	}
	if read.err != nil {
		return part, device.Errorf(device.Failed, "the phone does not let %q be read: %w", device.Printable(f.path), read.err)
	}
	return part, nil
}

// ReadAt implements io.ReaderAt.
func (f *remoteFile) ReadAt(p []byte, at int64) (n int, err error) {
	if at < 0 || at >= f.size {
		return 0, io.EOF
	}
	for n < len(p) && at+int64(n) < f.size {
		part, err := f.part(at+int64(n), min(len(p)-n, agent.MaxPart))
		if err != nil {
			return n, err
		}
		if len(part.Data) == 0 {
			return n, io.ErrUnexpectedEOF
		}
		n += copy(p[n:], part.Data)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// classTime limits how long an app's code is read from a phone: it is less
// important than everything else, and a large app takes long.
const classTime = 6 * time.Second
