package cmd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const reportedSuite = `version: 1
name: reported
cases:
  - {name: wrong, do: share text, args: hello, expect: {elapsedMs: {max: -1}}, screenshot: always}
  - {name: right, do: share text, args: hello}
`

// TestAllureFolder: the folder holds a result for each attempt with its files,
// and nothing else is left beside it.
func TestAllureFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("suite.yaml", []byte(reportedSuite), 0o600); err != nil {
		t.Fatal(err)
	}
	f, _, errOut := testFactory(t, "", nil)
	args := []string{"run", "suite.yaml", "--device", "virtual:android?count=2", "--out", "run", "--report", "allure=results"}
	if code := Run(t.Context(), f, args); code != 5 {
		t.Fatalf("exit %d: %s", code, errOut())
	}
	results, err := filepath.Glob(filepath.Join("results", "*-result.json"))
	if err != nil || len(results) != 4 {
		t.Fatalf("%q, %v", results, err)
	}
	statuses, pictures, files := map[string]int{}, 0, len(results)
	for _, name := range results {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var r struct {
			Status      string
			Attachments []struct{ Source, Type string }
		}
		if err := json.Unmarshal(text, &r); err != nil {
			t.Fatal(err)
		}
		statuses[r.Status]++
		for _, a := range r.Attachments {
			files++
			data, err := os.ReadFile(filepath.Join("results", a.Source))
			if err != nil {
				t.Error(err)
			}
			if a.Type == "image/png" && strings.HasPrefix(string(data), "\x89PNG") {
				pictures++
			}
		}
	}
	if statuses["failed"] != 2 || statuses["passed"] != 2 || pictures != 2 {
		t.Errorf("%v with %d pictures", statuses, pictures)
	}
	if all, err := os.ReadDir("results"); err != nil || len(all) != files {
		t.Errorf("%d files, want %d (%v)", len(all), files, err)
	}
	if left, err := filepath.Glob(".*wxctl-*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}
