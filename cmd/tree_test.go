package cmd

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/shlex"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/wxctl/wxctl/cmd/internal/streams"
	"go.uber.org/goleak"
)

// testFactory is a factory on buffers, with an environment that has nothing
// but the given variables and directories of its own.
func testFactory(t *testing.T, stdin string, env map[string]string) (*Factory, func() string, func() string) {
	t.Helper()
	s, out, errOut := buffers(stdin)
	f := System()
	f.Streams = s
	f.IPhoneKeys = iPhoneKeys()
	f.Keyring = noKeyring{} // tests must not use the developer's own
	dir := t.TempDir()
	f.Getenv = func(k string) string {
		if v, ok := env[k]; ok {
			return v
		}
		switch k {
		case "WXCTL_CONFIG_DIR", "WXCTL_STATE_DIR":
			return dir
		case "ANDROID_ADB_SERVER_PORT":
			return "1"
		case "USBMUXD_SOCKET_ADDRESS":
			return filepath.Join(dir, "no-usbmuxd")
		}
		return ""
	}
	f.Now = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	return f, func() string { return out.String() }, func() string { return errOut.String() }
}

func walk(c *cobra.Command, visit func(*cobra.Command)) {
	visit(c)
	for _, sub := range c.Commands() {
		walk(sub, visit)
	}
}

// TestTree checks the rules of help, which make the commands consistent.
func TestTree(t *testing.T) {
	f, _, _ := testFactory(t, "", nil)
	root := NewCmdRoot(f)
	walk(root, func(c *cobra.Command) {
		path := c.CommandPath()
		topic := !c.Runnable() && !c.HasSubCommands()
		first := []rune(c.Short)
		if len(first) == 0 || !unicode.IsUpper(first[0]) || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: short help %q: a capital first, no full stop", path, c.Short)
		}
		if c.Long == "" {
			t.Errorf("%s: no long help", path)
		}
		if c.Run != nil {
			t.Errorf("%s: commands return errors: RunE, not Run", path)
		}
		if !topic {
			if !strings.Contains(c.Long, "EXIT STATUS") {
				t.Errorf("%s: long help lacks EXIT STATUS", path)
			}
			if c.Example == "" {
				t.Errorf("%s: no example", path)
			}
		}
		seen := map[string]bool{}
		c.LocalNonPersistentFlags().VisitAll(func(flag *pflag.Flag) {
			if root.PersistentFlags().Lookup(flag.Name) != nil {
				t.Errorf("%s: --%s hides the global flag", path, flag.Name)
			}
			if seen[flag.Name] {
				t.Errorf("%s: --%s twice", path, flag.Name)
			}
			seen[flag.Name] = true
			if flag.Usage == "" || strings.HasPrefix(flag.Usage, ":") {
				t.Errorf("%s: --%s has no help", path, flag.Name)
			}
		})
	})
}

// TestExamplesRun runs every example of every command against virtual phones:
// an outdated example fails.
func TestExamplesRun(t *testing.T) {
	f, _, _ := testFactory(t, "", nil)
	walk(NewCmdRoot(f), func(c *cobra.Command) {
		for line := range strings.SplitSeq(c.Example, "\n") {
			line = strings.TrimSpace(line)
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			t.Run(line, func(t *testing.T) { runExample(t, line) })
		}
	})
}

// TestRootForAgrees compares partial command trees with the whole one.
func TestRootForAgrees(t *testing.T) {
	f, _, _ := testFactory(t, "", nil)
	names := map[string]bool{}
	for _, sub := range subcommands("") {
		names[sub.name] = true
		c, _, err := rootFor(f, []string{sub.name}).Find([]string{sub.name})
		if err != nil || c.Name() != sub.name {
			t.Errorf("%s: %v", sub.name, err)
		}
	}
	for _, sub := range shares() {
		args := []string{"share", sub.name}
		part, _, err := rootFor(f, args).Find(args)
		if err != nil || part.CommandPath() != "wxctl share "+sub.name || len(part.Parent().Commands()) != 1 {
			t.Errorf("share %s: %s, %v", sub.name, part.CommandPath(), err)
		}
	}
	if n := len(rootFor(f, []string{"share", "--json", "text"}).Commands()[0].Commands()); n != len(shares()) {
		t.Errorf("%d shares for a line that names none in the second place, want %d", n, len(shares()))
	}
	for _, c := range NewCmdRoot(f).Commands() {
		if c.Runnable() && !names[c.Name()] {
			t.Errorf("%s is not in the table", c.Name())
		}
	}
}

func TestVersionLeavesNothingBehind(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	f, out, errOut := testFactory(t, "", nil)
	f.Phones = nil // touching phones would panic
	if code := Run(context.Background(), f, []string{"version"}); code != 0 || !strings.HasPrefix(out(), "wxctl ") || errOut() != "" {
		t.Errorf("exit %d, stdout %q, stderr %q", code, out(), errOut())
	}
}

// shellWords splits an example; a pipe's left side must be printf or echo,
// whose text becomes stdin.
func shellWords(t *testing.T, line string) (args []string, stdin string) {
	t.Helper()
	if left, right, ok := strings.Cut(line, " | wxctl "); ok {
		words, err := shlex.Split(left)
		if err != nil || len(words) < 2 || words[0] != "echo" {
			t.Fatalf("%q: only `echo TEXT | wxctl …` is understood", line)
		}
		stdin = strings.Join(words[1:], " ") + "\n"
		line = "wxctl " + right
	}
	args, err := shlex.Split(line)
	if err != nil || len(args) == 0 || args[0] != "wxctl" {
		t.Fatalf("%q is not a command line of wxctl (%v)", line, err)
	}
	return args[1:], stdin
}

// buffers are streams without terminals: the given stdin, and the buffers that
// stdout and stderr are written to.
func buffers(stdin string) (s *streams.Streams, out, errOut *bytes.Buffer) {
	out, errOut = &bytes.Buffer{}, &bytes.Buffer{}
	return &streams.Streams{In: strings.NewReader(stdin), Out: out, Err: errOut}, out, errOut
}
