package cmd

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// pages are the Markdown files of the project, by their path from its root.
func pages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git" || entry.Name() == ".venv" || entry.Name() == "testdata"):
			return fs.SkipDir
		case !strings.HasSuffix(path, ".md") && path != "llms.txt":
			return nil
		}
		text, err := fs.ReadFile(root, path)
		found[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestSkillCommands runs every command of skills/wxctl/SKILL.md, in a folder
// with the suite that it names, and checks that the other commands exist.
func TestSkillCommands(t *testing.T) {
	text := pages(t)["skills/wxctl/SKILL.md"]
	var head struct{ Name, Description string }
	_, front, _ := strings.Cut(text, "---\n")
	front, _, _ = strings.Cut(front, "\n---\n")
	if err := yaml.Unmarshal([]byte(front), &head); err != nil || head.Name != "wxctl" || head.Description == "" {
		t.Errorf("front matter: %+v, %v", head, err)
	}
	ran := 0
	for _, block := range fenced.FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(block[2]) {
			if command, ok := strings.CutPrefix(strings.TrimSpace(line), "$ "); ok {
				ran++
				t.Run(command, func(t *testing.T) { runExample(t, command) })
			}
		}
	}
	if ran < 8 {
		t.Errorf("%d commands", ran)
	}
	for _, inline := range regexp.MustCompile("`wxctl ([^`]*)`").FindAllStringSubmatch(text, -1) {
		f, _, _ := testFactory(t, "", nil)
		root := NewCmdRoot(f)
		args, _ := shellWords(t, "wxctl "+inline[1])
		if c, _, err := root.Find(args); err != nil || c == root {
			t.Errorf("`wxctl %s` is not a command: %v", inline[1], err)
		}
	}
}

// TestContributingTiers: the page describes each tier.
func TestContributingTiers(t *testing.T) {
	scripts, err := filepath.Glob(filepath.Join("..", ".ci", "tiers", "*.sh"))
	if err != nil || len(scripts) == 0 {
		t.Fatal(err, scripts)
	}
	text := pages(t)["CONTRIBUTING.md"]
	for _, script := range scripts {
		if name := strings.TrimSuffix(filepath.Base(script), ".sh"); !strings.Contains(text, "`"+name+"`") {
			t.Errorf("CONTRIBUTING.md does not name the tier %s", name)
		}
	}
}

// TestIssueTemplates: GitHub reads forms as YAML with a name and a body.
func TestIssueTemplates(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", ".github", "ISSUE_TEMPLATE", "*.yml"))
	if err != nil || len(files) < 3 {
		t.Fatal(err, files)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var form struct {
			Name, Description string
			Body              []struct{ Type, ID string }
		}
		err = yaml.Unmarshal(text, &form)
		if filepath.Base(file) != "config.yml" && (form.Name == "" || form.Description == "" || len(form.Body) == 0) || err != nil {
			t.Errorf("%s: %+v, %v", file, form, err)
		}
	}
}
