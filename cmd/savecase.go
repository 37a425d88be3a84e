package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/files"
	"github.com/wxctl/wxctl/cmd/internal/language"
	"github.com/wxctl/wxctl/cmd/internal/media"
	"github.com/wxctl/wxctl/intents/suite"
)

// addSaveCase adds the flag --save-case, which appends the typed command to a
// suite, with its result as the expectation.
func (o *requestOptions) addSaveCase(cmd *cobra.Command) {
	var file string
	cmd.Flags().StringVar(&file, "save-case", "", "append this command as a case to the suite `file` of wxctl run")
	run := cmd.RunE
	cmd.RunE = func(c *cobra.Command, args []string) error {
		if err := given(c, "save-case"); err != nil {
			return err
		}
		if info, err := os.Stat(file); err == nil {
			if err := files.Check(info.Mode()); err != nil {
				return files.Unwritable(file, err)
			}
		}
		err := run(c, args)
		code := exit.OK
		if err != nil {
			code = describe(err).ExitCode
		}
		if file == "" || code == exit.Usage || code == exit.Interrupted || code == exit.Terminated {
			return err // nothing that could become a case
		}
		return o.f.alsoPrinted(err, o.saveCase(c, args, file, code))
	}
}

// saveCase appends the case. If that fails, the suite is unchanged.
func (o *requestOptions) saveCase(c *cobra.Command, args []string, file string, code int) error {
	old, err := files.Read(file, maxSuite)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return exit.Usagef("name another file with --save-case", "the suite %q can't be read: %v", file, err)
	}
	v := suiteVocabulary(o.f)
	name := caseName(c, args)
	text, indent := old, "  "
	if len(bytes.TrimSpace(old)) == 0 {
		title := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
		text = fmt.Appendf(nil, "version: 1\nname: %s\ncases:\n", strconv.Quote(title))
	} else {
		plan, err := o.suiteIn(file, old, v)
		if err != nil {
			return err
		}
		name = unusedName(plan, name)
		indent = strings.Repeat(" ", max(0, plan.Cases[len(plan.Cases)-1].Pos.Column-3))
	}
	added, err := (&suite.Case{Name: name, On: suite.On{}, Steps: []suite.Step{o.stepOf(c, args, file, code, v)}}).CaseYAML()
	if err != nil {
		return err
	}
	if !bytes.HasSuffix(text, []byte("\n")) {
		text = append(bytes.Clone(text), '\n')
	}
	for line := range strings.SplitAfterSeq(string(added), "\n") {
		if line != "" {
			text = append(bytes.Clone(text), indent+line...)
		}
	}
	plan, err := o.suiteIn(file, text, v)
	if err != nil || plan.Cases[len(plan.Cases)-1].Name != name {
		return exit.Usagef("make cases the last key of the suite, with each case on lines of its own",
			"the case can't be appended to %q: its cases don't end the file", file)
	}
	if err := replaceFile(file, text); err != nil {
		return exit.Usagef("name another file with --save-case", "the suite %q can't be written: %v", file, err)
	}
	o.f.Streams.Note("saved as the case %s of %s: wxctl run %s", safe(strconv.Quote(name)), safe(strconv.Quote(file)),
		safe(suite.Quote(file)))
	return nil
}

// suiteIn reads a suite; its variables need no values here.
func (o *requestOptions) suiteIn(file string, text []byte, v *suite.Vocabulary) (*suite.Plan, error) {
	plan, problems := suite.Load(file, text, v, suite.Given{Env: func(string) (string, bool) { return "x", true }})
	if len(problems) > 0 {
		return nil, exit.Usagef("wxctl run "+suite.Quote(file)+" --list shows all its errors", "the case can't be appended: %s", problems[0])
	}
	return plan, nil
}

// caseName describes a command in a few words.
func caseName(c *cobra.Command, args []string) string {
	name := strings.TrimPrefix(c.CommandPath(), c.Root().Name()+" ")
	for _, flag := range []string{"title", "text", "user-name", "scope", "template-id", "err-code"} {
		if f := c.Flags().Lookup(flag); f != nil && f.Changed && f.Value.String() != "" {
			return name + " " + oneLine(f.Value.String())
		}
	}
	if len(args) > 0 && strings.TrimSpace(args[0]) != "" {
		return name + " " + oneLine(args[0])
	}
	return name
}

func oneLine(s string) string { return language.Cut(strings.Join(strings.Fields(safe(s)), " "), 60) }

func unusedName(plan *suite.Plan, name string) string {
	for i := 2; ; i++ {
		if plan.Find(name) == nil {
			return name
		}
		name = strings.TrimSuffix(name, fmt.Sprintf(" (%d)", i-1)) + fmt.Sprintf(" (%d)", i)
	}
}

// fileFlags name files; in a suite, they are relative to its directory.
var fileFlags = []string{"file", "thumb", "hd-image", "from", "fs-root", "widget-root"}

// stepOf is the typed command, and its result, as a step. What the run sets
// itself is omitted.
func (o *requestOptions) stepOf(c *cobra.Command, args []string, file string, code int, v *suite.Vocabulary) suite.Step {
	step := suite.Step{Do: strings.TrimPrefix(c.CommandPath(), c.Root().Name()+" ")}
	command := v.Command(step.Do)
	c.Flags().Visit(func(f *pflag.Flag) {
		if command == nil || command.Refused[f.Name] != "" {
			return
		}
		value := f.Value.String()
		if slices.Contains(fileFlags, f.Name) {
			value = fromSuite(file, value)
		}
		step.With = append(step.With, suite.Flag{Name: f.Name, Value: escapeNames(value)})
	})
	for _, arg := range args {
		if step.Do != "share text" {
			arg = fromSuite(file, arg)
		}
		step.Args = append(step.Args, escapeNames(arg))
	}
	want := suite.Expectation{Path: "exit", Match: suite.Matcher{Is: []byte(strconv.Itoa(int(code)))}}
	if code == exit.OK && !o.dryRun {
		want = suite.Expectation{Path: "state", AtLeast: o.until}
	}
	step.Expect = []suite.Expectation{want}
	return step
}

func escapeNames(s string) string { return strings.ReplaceAll(s, "${", "$${") }

// fromSuite is a file's name relative to the suite's directory.
func fromSuite(file, name string) string {
	if name == "" || name == "-" || filepath.IsAbs(name) || media.IsURL(name) || strings.Contains(name, "://") {
		return name
	}
	dir, errDir := filepath.Abs(filepath.Dir(file))
	full, errName := filepath.Abs(name)
	rel, err := filepath.Rel(dir, full)
	if errors.Join(errDir, errName, err) != nil {
		return name
	}
	return filepath.ToSlash(rel)
}

// replaceFile writes a file atomically.
func replaceFile(file string, text []byte) error {
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(file); err == nil {
		mode = info.Mode().Perm()
	}
	temporary, err := os.CreateTemp(filepath.Dir(file), ".wxctl-suite-*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // does nothing after the rename
	_, err = temporary.Write(text)
	if err := errors.Join(err, temporary.Chmod(mode), temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), file)
}
