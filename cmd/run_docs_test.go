package cmd

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/wxctl/wxctl/cmd/internal/samples"
	"github.com/wxctl/wxctl/intents/suite"
)

// fenced are the blocks of a page between ``` and ```, by their language.
var fenced = regexp.MustCompile("(?s)```([a-z]*)\n(.*?)```")

// page reads a page of docs.
func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestSuitesPage: the suite on the page is valid, and does what the page says.
func TestSuitesPage(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"suites.md", "zh-CN/suites.md"} {
		t.Run(name, func(t *testing.T) { suitesPage(t, name) })
	}
}

func suitesPage(t *testing.T, name string) {
	n := 0
	for _, block := range fenced.FindAllStringSubmatch(page(t, name), -1) {
		if block[1] != "yaml" {
			continue
		}
		n++
		f, out, errOut := testFactory(t, block[2], nil)
		if code := Run(t.Context(), f, []string{"run", "-", "--device", "virtual:android", "--out", t.TempDir()}); code != 0 {
			t.Errorf("exit %d: %s\n%s", code, out(), errOut())
		}
		f, _, errOut = testFactory(t, block[2], nil)
		if code := Run(t.Context(), f, []string{"run", "-", "--dry-run"}); code != 0 {
			t.Errorf("dry run: exit %d: %s", code, errOut())
		}
	}
	if n != 1 {
		t.Errorf("%d suites on the page", n)
	}
	for _, s := range suite.Statuses() {
		if !strings.Contains(page(t, name), "| "+string(s)+" |") {
			t.Errorf("the page lacks the status %s", s)
		}
	}
}

// commandsOf finds the command lines of wxctl in an example of a CI system.
var commandsOf = regexp.MustCompile(`\bwxctl run [^'\n]+`)

// TestCIPage runs each command of the page as the CI system would, with its
// variables filled in, and reads its YAML.
func TestCIPage(t *testing.T) {
	t.Parallel()
	fill := strings.NewReplacer("${{ matrix.part }}", "2", "$CI_NODE_INDEX", "1", "$CI_NODE_TOTAL", "2")
	n := 0
	for _, block := range fenced.FindAllStringSubmatch(page(t, "ci.md"), -1) {
		if block[1] == "yaml" {
			var doc map[string]any
			if err := yaml.Unmarshal([]byte(block[2]), &doc); err != nil || len(doc) == 0 {
				t.Errorf("%v in\n%s", err, block[2])
			}
		}
		for _, line := range commandsOf.FindAllString(block[2], -1) {
			n++
			t.Run(line, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				if err := os.WriteFile(filepath.Join(dir, "smoke.yaml"), samples.Suite(), 0o600); err != nil {
					t.Fatal(err)
				}
				args, stdin := shellWords(t, fill.Replace(line))
				runIn(t, dir, stdin, args...)
			})
		}
	}
	if n < 6 {
		t.Errorf("%d commands on the page", n)
	}
}
