// Command gen writes the reference, the man pages and the shell completions
// from the command tree, and doctor.md, beside the reference, in both languages from
// the table of checks. It is a program of its own, so that wxctl does not
// carry a Markdown parser.
//
//	go run ./docs/gen -markdown docs/reference -man docs/man
//	go run ./docs/gen -completions build/completions
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra/doc"

	"github.com/wxctl/wxctl/cmd"
)

func main() {
	markdown := flag.String("markdown", "", "directory for the reference")
	man := flag.String("man", "", "directory for the man pages")
	completions := flag.String("completions", "", "directory for the shells' completions")
	flag.Parse()
	if err := errors.Join(generate(*markdown, *man), complete(*completions)); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// generate writes what has a directory. The output has no dates and nothing of
// this machine, so that CI can compare it.
func generate(markdown, man string) error {
	root := cmd.NewCmdRoot(cmd.System())
	root.DisableAutoGenTag = true
	root.InitDefaultCompletionCmd()
	if markdown != "" {
		if err := emptyDir(markdown, "*.md"); err != nil {
			return err
		}
		if err := doc.GenMarkdownTree(root, markdown); err != nil {
			return err
		}
		page := "# The format of suites\n\n" +
			"Made from the table that `wxctl run` checks suites with. What it means: [suites](../suites.md).\n\n" +
			cmd.SuiteReference()
		if err := os.WriteFile(filepath.Join(markdown, "suite_format.md"), []byte(page), 0o644); err != nil {
			return err
		}
		page = "# Options of virtual phones\n\n" +
			"Made from the tables that read them: `--device 'virtual:android?KEY=VALUE&KEY=VALUE'`, " +
			"or the flags of `wxctl virtual android` and `ios`.\n" +
			cmd.VirtualReference() +
			"\nA phone of a maker has the properties of one of the maker's phones, and Android's own rules otherwise. " +
			"That real phones ask which of two WeChats is meant is in their logs; " +
			"whether they ask as well when the shell starts WeChat is not known, and these don't.\n"
		if err := os.WriteFile(filepath.Join(markdown, "virtual_options.md"), []byte(page), 0o644); err != nil {
			return err
		}
		if err := writeDoctor(filepath.Dir(markdown)); err != nil {
			return err
		}
	}
	if man == "" {
		return nil
	}
	if err := emptyDir(man, "*.1"); err != nil {
		return err
	}
	date := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	header := &doc.GenManHeader{Section: "1", Source: "wxctl", Manual: "wxctl manual", Date: &date}
	return doc.GenManTreeFromOpts(root, doc.GenManTreeOptions{Header: header, Path: man, CommandSeparator: "-"})
}

// complete writes what each shell sources, under the name that it looks for.
func complete(dir string) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root := cmd.NewCmdRoot(cmd.System())
	return cmp.Or(
		root.GenBashCompletionFileV2(filepath.Join(dir, "wxctl.bash"), true),
		root.GenZshCompletionFile(filepath.Join(dir, "_wxctl")),
		root.GenFishCompletionFile(filepath.Join(dir, "wxctl.fish"), true))
}

// emptyDir makes dir and removes the pages of commands that no longer exist.
func emptyDir(dir, pattern string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		return err
	}
	for _, path := range old {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}
