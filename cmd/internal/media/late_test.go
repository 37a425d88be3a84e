package media

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/fixtures/wait"
)

// A picture that does not arrive in time is reported as late, whether its
// server is silent from the start or in the middle; an interruption is reported
// as that.
func TestDownloadTooLate(t *testing.T) {
	interrupted := &exit.Signal{Code: exit.Interrupted}
	for _, begins := range []bool{false, true} {
		for _, signal := range []bool{false, true} {
			late, pass := wait.Deadline(t)
			ctx, cancel := context.WithCancelCause(late)
			release := make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if begins {
					w.Header().Set("Content-Length", "100")
					w.(http.Flusher).Flush()
				}
				if signal {
					cancel(interrupted)
				} else {
					pass()
				}
				<-release
			}))
			_, err := (&Loader{HTTP: server.Client}).Download(ctx, server.URL+"/a.png?token=secret", true)
			close(release)
			server.Close()
			cancel(nil)
			var own *device.Error
			switch {
			case signal && !errors.Is(err, interrupted):
				t.Errorf("begins %t: interrupted: %v", begins, err)
			case !signal && (!errors.As(err, &own) || own.Code != device.NotSeen || !strings.Contains(own.Message, "timed out") || strings.Contains(own.Message, "secret")):
				t.Errorf("begins %t: too late: %v", begins, err)
			}
		}
	}
}
