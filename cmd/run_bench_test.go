package cmd

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// BenchmarkRunCases runs a hundred cases: on one phone, compared with as many
// single calls of the program, and on twenty phones, whose users are slow.
func BenchmarkRunCases(b *testing.B) {
	const n = 100
	dir := b.TempDir()
	write := func(name, scene, more string) string {
		var text strings.Builder
		text.WriteString("version: 1\nname: bench\ncases:\n")
		for i := range n {
			fmt.Fprintf(&text, "  - {name: case %d, do: share text, args: [hi], with: {scene: %s}%s}\n", i, scene, more)
		}
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
			b.Fatal(err)
		}
		return file
	}
	program := func(b *testing.B, args ...string) {
		c := exec.Command("wxctl", args...)
		c.Env = append(os.Environ(), "WXCTL_STATE_DIR="+dir, "WXCTL_CONFIG_DIR="+dir)
		if out, err := c.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
	}
	b.Run("one phone", func(b *testing.B) {
		file := write("one.yaml", "session", "")
		for b.Loop() {
			began := time.Now()
			program(b, "run", file, "--device", "virtual:android", "--out", filepath.Join(b.TempDir(), "run"))
			run := time.Since(began)
			began = time.Now()
			for range n {
				program(b, "share", "text", "hi", "--scene", "session", "--device", "virtual:android", "--json")
			}
			b.ReportMetric(float64(run)/float64(time.Since(began)), "of-single-calls")
		}
	})
	b.Run("twenty phones", func(b *testing.B) {
		file := write("twenty.yaml", "session, until: replied", ", on: any")
		for b.Loop() {
			began := time.Now()
			program(b, "run", file, "--device", "virtual:android?think=200ms", "--out", filepath.Join(b.TempDir(), "run"))
			one := time.Since(began)
			began = time.Now()
			program(b, "run", file, "--device", "virtual:android?think=200ms&count=20", "--out", filepath.Join(b.TempDir(), "run"))
			b.ReportMetric(float64(one)/float64(time.Since(began)), "times-as-fast")
		}
	})
}

// BenchmarkSuiteVocabulary makes what `wxctl run` needs first: the vocabulary
// of the whole command tree.
func BenchmarkSuiteVocabulary(b *testing.B) {
	f := System()
	for b.Loop() {
		suiteVocabulary(f)
	}
}
