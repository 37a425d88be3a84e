package cmd

import (
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/wxctl/wxctl/cmd/internal/exit"
)

// newCmdGenDocs makes the hidden command that writes the reference and the
// man pages. Nothing of the moment or of this machine gets into them, so that
// CI can compare.
func newCmdGenDocs(f *Factory) *cobra.Command {
	var man, markdown string
	cmd := &cobra.Command{
		Use:     "gen-docs",
		Short:   "Write the reference and the man pages",
		Long:    long("Write the reference as Markdown and the man pages, each into a directory."),
		Example: examples("wxctl gen-docs --help"),
		Args:    cobra.NoArgs,
		Hidden:  true,
		RunE: func(c *cobra.Command, _ []string) error {
			if man == "" && markdown == "" {
				return exit.Usagef("wxctl gen-docs --markdown docs/reference", "gen-docs has no directory to write to")
			}
			root := c.Root()
			root.DisableAutoGenTag = true
			root.InitDefaultCompletionCmd()
			if markdown != "" {
				if err := emptyDir(markdown, "*.md"); err != nil {
					return err
				}
				if err := doc.GenMarkdownTree(root, markdown); err != nil {
					return err
				}
			}
			if man != "" {
				if err := emptyDir(man, "*.1"); err != nil {
					return err
				}
				date := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
				header := &doc.GenManHeader{Section: "1", Source: "wxctl", Manual: "wxctl manual", Date: &date}
				return doc.GenManTreeFromOpts(root, doc.GenManTreeOptions{Header: header, Path: man, CommandSeparator: "-"})
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&man, "man", "", "directory for man pages")
	cmd.Flags().StringVar(&markdown, "markdown", "", "directory for the reference")
	return cmd
}

// emptyDir makes dir and removes the pages of commands that are no more.
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
