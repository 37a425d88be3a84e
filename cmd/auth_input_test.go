package cmd

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/oauth/virtualoauth"
)

func TestReadStdin(t *testing.T) {
	long := strings.Repeat("x", 2049)
	for _, test := range []struct {
		name, stdin, value string
		exit               int
	}{
		{"plain", "CODE", "CODE", 0},
		{"line", "CODE\n", "CODE", 0},
		{"carriage return", "CODE\r\n", "CODE", 0},
		{"byte order mark", "\xef\xbb\xbfCODE\r\n", "CODE", 0},
		{"spaces", "  CODE \n\n", "CODE", 0},
		{"quotes", "\"CODE\"\n", "CODE", 0},
		{"single quotes", " 'CODE' ", "CODE", 0},
		{"all of ASCII", "!#$%&()*+,-./09:;<=>?@AZ[]^_az{|}~", "!#$%&()*+,-./09:;<=>?@AZ[]^_az{|}~", 0},
		{"empty", "", "", 0},
		{"only line ends", "\r\n\n", "", 0},
		{"only a byte order mark", "\xef\xbb\xbf", "", 0},
		{"longest", long[1:], long[1:], 0},
		{"too long", long, "", exit.Usage},
		{"much too long", strings.Repeat("x", 64<<10+1), "", exit.Usage},
		{"endless", strings.Repeat("\n", 1<<20), "", exit.Usage},
		{"two words", "CODE MORE", "", exit.Usage},
		{"two lines", "CODE\nMORE\n", "", exit.Usage},
		{"control", "CO\x00DE", "", exit.Usage},
		{"escape", "\x1b[31mCODE", "", exit.Usage},
		{"not ASCII", "代码", "", exit.Usage},
		{"full-width", "CODE\u3000", "CODE", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, _, _ := testFactory(t, test.stdin, nil)
			value, err := f.readStdin(t.Context(), "code")
			if test.exit == 0 && (err != nil || value.Reveal() != test.value) {
				t.Errorf("%q, %v", value.Reveal(), err)
			}
			if test.exit != 0 && (err == nil || describe(err).ExitCode != test.exit || strings.Contains(err.Error(), "MORE") || strings.Contains(err.Error(), "DE\x00")) {
				t.Errorf("error %v, want exit %d and nothing of the input", err, test.exit)
			}
		})
	}
}

// A pipe that is neither written to nor closed does not block wxctl.
func TestStdinThatStaysOpen(t *testing.T) {
	r := newAuthRun(t, virtualoauth.Options{})
	silent, writer := io.Pipe()
	defer writer.Close()
	f, _, stderr := testFactory(t, "", r.env)
	f.Streams.In, f.OAuthTransport = silent, r.f.OAuthTransport
	code := Run(t.Context(), f, []string{"auth", "exchange", "--timeout", "50ms"})
	if code != 1 || !strings.Contains(stderr(), "waiting for the code on stdin") {
		t.Errorf("exit %d: %s", code, stderr())
	}
	f, _, stderr = testFactory(t, "", nil)
	f.Streams.In = silent
	if code := Run(t.Context(), f, []string{"share", "text", "-", "--dry-run", "--timeout", "50ms"}); code != 1 || !strings.Contains(stderr(), "waiting for the text on stdin") {
		t.Errorf("exit %d: %s", code, stderr())
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(&exit.Signal{Code: exit.Interrupted})
	f, _, _ = testFactory(t, "", r.env)
	f.Streams.In = silent
	if code := Run(ctx, f, []string{"auth", "exchange"}); code != 130 {
		t.Errorf("interrupted: exit %d", code)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("SENTINEL") }

func TestStdinThatBreaks(t *testing.T) {
	f, _, _ := testFactory(t, "", nil)
	f.Streams.In = brokenReader{}
	if _, err := f.readStdin(t.Context(), "code"); describe(err).ExitCode != exit.Usage {
		t.Error(err)
	}
}
