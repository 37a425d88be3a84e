package oauth_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// No code that handles secrets formats a whole struct: %+v of a request, a URL
// or a client would put them into logs.
func TestNoStructIsFormatted(t *testing.T) {
	whole := regexp.MustCompile(`%[+#]v|httputil\.Dump|\bspew\.`)
	checked := 0
	for _, pattern := range []string{"*.go", "*/*.go", "../cmd/auth*.go", "../cmd/credentials.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if match, _ := filepath.Match("*_test.go", filepath.Base(file)); match {
				continue
			}
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			checked++
			if found := whole.Find(source); found != nil {
				t.Errorf("%s: %s", file, found)
			}
		}
	}
	if checked < 20 {
		t.Errorf("only %d files were found to check", checked)
	}
}
