package language

import "testing"

// BenchmarkLoad measures what choosing Chinese costs.
func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := Load(Chinese); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkText measures the translation of a sentence with values, which is
// found by its words.
func BenchmarkText(b *testing.B) {
	c, err := Load(Chinese)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		c.Text(`phone "Pixel 7" (0a388e93) is not ready: unauthorized`)
	}
}
