package cmd

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/cmd/internal/exit"
)

// TestConfigInitAsks: on a terminal, what is missing is asked for; Ctrl-C ends
// that at once and leaves nothing written.
func TestConfigInitAsks(t *testing.T) {
	f, out, errOut := testFactory(t, "wrong\nwx0123456789abcdef\ncom.example.app\n\n\n\n\n\nsession\n\n", nil)
	f.Streams.InTTY, f.Streams.ErrTTY = true, true
	if code := Run(t.Context(), f, []string{"config", "init"}); code != 0 {
		t.Fatalf("exit %d: %s", code, errOut())
	}
	if !strings.Contains(errOut(), `invalid AppID "wrong"`) || !strings.Contains(out(), "app-id\twx0123456789abcdef\tprofile default") || !strings.Contains(out(), "scene\tsession\tprofile default") {
		t.Errorf("said %s\n%s", out(), errOut())
	}

	f, out, _ = testFactory(t, "", nil)
	silent, writer := io.Pipe()
	defer writer.Close()
	f.Streams.In, f.Streams.InTTY, f.Streams.ErrTTY = silent, true, true
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(20*time.Millisecond, func() { cancel(&exit.Signal{Code: exit.Interrupted}) })
	if code := Run(ctx, f, []string{"config", "init"}); code != 130 || out() != "" {
		t.Errorf("exit %d: %s", code, out())
	}
	if code := Run(t.Context(), f, []string{"config", "get", "app-id"}); code != 1 {
		t.Errorf("something was written: exit %d", code)
	}
}
