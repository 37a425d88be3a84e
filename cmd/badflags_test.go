package cmd

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// internals are words of Go and its packages that no user should read. A value
// that the user gave is quoted, and not looked at.
var internals = regexp.MustCompile(`strconv|\btime: (?:missing|unknown|invalid)|\bjson: |\bparsing\b|unexpected (?:end|EOF|newline)|invalid character|%!|0x[0-9a-f]{6,}|\bEOF\b|\bdial (?:tcp|unix)\b|` +
	`\blookup \b|goroutine|panic|\bnil\b pointer|<nil>|\*errors|invalid syntax|out of range|missing unit|\bopen /|no such host`)

// someArguments are what a command needs besides its flags, if anything.
var someArguments = map[string][]string{
	"wxctl share text": {"hello"}, "wxctl share images": {"a.png", "b.png"}, "wxctl run": {"suite.yaml"}, "wxctl report": {"run"},
	"wxctl screenshot": {"new.png"}, "wxctl record": {"new.mp4", "--for", "1s"}, "wxctl config get": {"app-id"}, "wxctl config set": {"app-id", "wx0123456789abcdef"},
	"wxctl config import": {"config.xml"}, "wxctl lab init": {"lab"}, "wxctl lab hold": {"p"}, "wxctl lab drain": {"p"}, "wxctl lab release": {"p"},
	"wxctl lab quarantine": {"p"},
}

// stays matches commands that run until they are interrupted, if a value is fine
// after all.
var stays = regexp.MustCompile(`^wxctl (?:virtual|agent|lab serve|devices|watch)`)

// TestBadFlags gives each flag values that can't be right, and expects plain
// words.
func TestBadFlags(t *testing.T) {
	values := []string{"x", "-1", "", "99999999999999999999", "0x1F", "host:99999", "http://%zz", "%d%s", "a=b", "[", "\x1b[31m"}
	t.Chdir(t.TempDir()) // some values name files that are written
	if err := os.WriteFile("suite.yaml", []byte("version: 1\ncases: [{name: a, do: share text}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, _, _ := testFactory(t, "", nil)
	root := NewCmdRoot(f)
	shared := map[string]bool{}
	walk(root, func(c *cobra.Command) {
		if !c.Runnable() || strings.HasPrefix(c.CommandPath(), "wxctl completion") {
			return
		}
		c.Flags().VisitAll(func(flag *pflag.Flag) {
			// What many commands share is tried with one of them.
			key := flag.Name + flag.Usage
			if shared[key] || flag.Hidden || flag.Name == "help" {
				return
			}
			shared[key] = true
			path := c.CommandPath()
			t.Run(strings.ReplaceAll(path, " ", "-")+"--"+flag.Name, func(t *testing.T) {
				t.Parallel()
				for _, value := range values {
					tryFlag(t, path, flag.Name, value)
				}
			})
		})
	})
}

func tryFlag(t *testing.T, path, flag, value string) {
	t.Helper()
	f, out, errOut := testFactory(t, "", nil)
	args := append(strings.Fields(path)[1:], someArguments[path]...)
	args = append(args, "--"+flag+"="+value)
	patient := patience
	if stays.MatchString(path) {
		patient = 100 * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	code := Run(ctx, f, args)
	said := errOut()
	if code == 0 {
		said = ""
	} else if out() != "" && strings.Contains(out(), internals.FindString(out())) {
		said += out()
	}
	plain := regexp.MustCompile(`"(?:[^"\\]|\\.)*"`).ReplaceAllString(said, `""`)
	if found := internals.FindString(plain); found != "" {
		t.Errorf("%q: exit %d, says %q: %s", args, code, found, said)
	}
	if strings.Contains(said, "\x1b") {
		t.Errorf("%q: escapes in %q", args, said)
	}
	if code == 2 && strings.Count(said, "\n") > 0 && !strings.Contains(said, "hint:") {
		t.Errorf("%q: no hint in %q", args, said)
	}
}
