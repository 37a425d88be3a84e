package cmd

import (
	"context"
	"testing"
)

// BenchmarkVersion measures what every start of wxctl costs inside main: making
// the commands, and running one that does nothing else.
func BenchmarkVersion(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		f := System()
		f.Streams, _, _ = buffers("")
		if code := Run(context.Background(), f, []string{"version"}); code != 0 {
			b.Fatal(code)
		}
	}
}
