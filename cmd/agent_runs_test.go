package cmd

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/wxctl/wxctl/intents/suite"
)

// TestRunsOfAgentReadNoFilesOfTheHost: a run of a lab gets at the files that its
// owner brought, whatever it names.
func TestRunsOfAgentReadNoFilesOfTheHost(t *testing.T) {
	dir := t.TempDir()
	brought := filepath.Join(dir, "files", "abc", "image.png")
	r := &suiteRun{plan: &suite.Plan{Dir: dir}, owner: &runOwner{files: map[string]string{"/home/me/image.png": brought, "image.png": brought}}}
	for name, want := range map[string]string{
		"image.png": brought, "/home/me/image.png": brought,
		"absent.png": "absent.png", "https://example.com/a.png": "https://example.com/a.png", "-": "-", "com.example.app": "com.example.app",
	} {
		if got := r.file(name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"/etc/passwd", "../../etc/passwd", "/", "a/../../b", ".."} {
		got := r.file(name)
		if rel, err := filepath.Rel(dir, got); err != nil || !filepath.IsLocal(rel) {
			t.Errorf("%q is %q, outside the run's folder", name, got)
		}
	}
	if got := (&suiteRun{}).file("/etc/hosts"); got != "/etc/hosts" {
		t.Errorf("a run of this host reads %q", got)
	}
}

// TestAgentForgetsRuns: what no job asked for in a long time goes, but not the
// files that another run has, too.
func TestAgentForgetsRuns(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(full, 0o700); err != nil {
			t.Fatal(err)
		}
		return full
	}
	run := func(name string, age time.Duration, files ...string) *keptRun {
		of := map[string]string{}
		for _, f := range files {
			of[f] = file(f)
		}
		return &keptRun{suiteRun: &suiteRun{plan: &suite.Plan{Dir: file(name)}, owner: &runOwner{files: of}}, used: time.Now().Add(-age)}
	}
	r := &agentRuns{dir: dir, runs: map[string]*keptRun{
		"old": run("old", 2*keepRuns, "shared", "own"), "new": run("new", 0, "shared"),
	}}
	r.forget()
	if len(r.runs) != 1 || r.runs["new"] == nil {
		t.Errorf("kept: %v", r.runs)
	}
	for name, want := range map[string]bool{"old": false, "own": false, "new": true, "shared": true} {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != want {
			t.Errorf("%s: %v, want it there: %v", name, err, want)
		}
	}
}
