package cmd

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// linked finds what a page links to: [text](target).
var linked = regexp.MustCompile(`\]\(([^)#\s]+)(#[^)\s]*)?\)`)

// TestLinks: the targets of links inside the project exist.
func TestLinks(t *testing.T) {
	n := 0
	for path, text := range pages(t) {
		for _, link := range linked.FindAllStringSubmatch(text, -1) {
			if strings.Contains(link[1], "://") || strings.HasPrefix(link[1], "mailto:") {
				continue
			}
			n++
			if _, err := os.Stat(filepath.Join("..", filepath.Dir(path), link[1])); err != nil {
				t.Errorf("%s links to %s: %v", path, link[1], err)
			}
		}
	}
	if n < 40 {
		t.Errorf("%d links", n)
	}
}
