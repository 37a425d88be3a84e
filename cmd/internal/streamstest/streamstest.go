// Package streamstest makes streams for tests.
package streamstest

import (
	"bytes"
	"strings"

	"github.com/wxctl/wxctl/cmd/internal/streams"
)

// New returns streams on buffers, without terminals: the given stdin, and the
// buffers that stdout and stderr are written to.
func New(stdin string) (s *streams.Streams, out, errOut *bytes.Buffer) {
	out, errOut = &bytes.Buffer{}, &bytes.Buffer{}
	return &streams.Streams{In: strings.NewReader(stdin), Out: out, Err: errOut}, out, errOut
}
