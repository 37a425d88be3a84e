package cmd

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/output"
	"github.com/wxctl/wxctl/device"
)

// TestSummarize: the summary agrees with the exit code.
func TestSummarize(t *testing.T) {
	lost, busy := device.Errorf(device.PhoneLost, ""), device.Errorf(device.PhoneBusy, "")
	terminated, cancel := context.WithCancelCause(t.Context())
	cancel(&exit.Signal{Code: exit.Terminated})
	for _, tt := range []struct {
		ctx  context.Context
		errs []error
		want int
	}{
		{t.Context(), []error{nil, nil}, exit.OK},
		{t.Context(), []error{lost}, exit.PhoneLost},
		{t.Context(), []error{lost, lost}, exit.PhoneLost},
		{t.Context(), []error{lost, busy, lost}, exit.SomeFailed},
		{t.Context(), []error{lost, nil}, exit.SomeFailed},
		{t.Context(), []error{nil, lost}, exit.SomeFailed},
		{terminated, []error{nil, lost, context.Canceled}, exit.Terminated},
	} {
		f, out, _ := testFactory(t, "", nil)
		var err error
		if f.printer, err = output.New(t.Context(), f.Streams, true, ""); err != nil {
			t.Fatal(err)
		}
		got := describe(summarize(tt.ctx, f, &chosen{}, tt.errs)).ExitCode
		if said := `"exitCode":` + itoa(int(tt.want)); got != tt.want || !strings.Contains(out(), said) {
			t.Errorf("%v: exit %d, want %d; summary %s", tt.errs, got, tt.want, out())
		}
	}
}

// TestHostileHint: a hint names phones, and a phone's serial is hostile.
func TestHostileHint(t *testing.T) {
	f, out, errOut := testFactory(t, "", nil)
	f.Phones = func(context.Context, *Factory, *phoneFlags, device.Selector) (*device.Fleet, func(), error) {
		e := device.Errorf(device.PhoneNotReady, "no")
		e.Hint = "choose one with --device 'E\x1b[31m'"
		e.Candidates = []device.Candidate{{Info: device.Info{ID: "E\x1b[31m", State: "st\x1b[32m"}}}
		f.explain(e)
		return nil, nil, e
	}
	if code := Run(t.Context(), f, []string{"installed"}); code != 12 {
		t.Errorf("exit %d", code)
	}
	if text := out() + errOut(); strings.Contains(text, "\x1b") || !strings.Contains(text, `\u001b[31m'`) {
		t.Errorf("said %q", text)
	}
}

// TestAlsoPrinted: a failed write to stdout doesn't hide why a phone failed.
func TestAlsoPrinted(t *testing.T) {
	f, _, errOut := testFactory(t, "", nil)
	lost := device.Errorf(device.PhoneLost, "the phone is gone")
	if err := f.alsoPrinted(lost, exit.Usagef("", "--jq failed")); !errors.Is(err, lost) || describe(err).ExitCode != exit.PhoneLost {
		t.Errorf("ended with %v", err)
	}
	if !strings.Contains(errOut(), "warning: --jq failed") {
		t.Errorf("said %q", errOut())
	}
	if err := f.alsoPrinted(nil, os.ErrClosed); !errors.Is(err, os.ErrClosed) {
		t.Errorf("ended with %v", err)
	}
}

// slowBackend has three phones that never answer.
type slowBackend struct{}

func (slowBackend) Platform() device.Platform { return device.Android }

func (slowBackend) List(context.Context, string) ([]device.Info, error) {
	var infos []device.Info
	for _, id := range []string{"S1", "S2", "S3"} {
		infos = append(infos, device.Info{ID: id, Platform: device.Android, State: device.Ready, Transport: device.USB})
	}
	return infos, nil
}

func (slowBackend) Watch(ctx context.Context, _ func([]device.Info)) error {
	<-ctx.Done()
	return ctx.Err()
}

func (slowBackend) Open(ctx context.Context, info device.Info) (device.Phone, error) {
	<-ctx.Done()
	return nil, device.Errorf(device.NotSeen, "phone %s did not answer in time", info.Label())
}

// TestAllHaveTheirLine: with --device all, each phone has its line, also those
// that were never reached.
func TestAllHaveTheirLine(t *testing.T) {
	for _, command := range [][]string{{"installed"}, {"share", "text", "hi"}, {"reply", "share"}} {
		f, out, _ := testFactory(t, "", nil)
		f.Phones = func(context.Context, *Factory, *phoneFlags, device.Selector) (*device.Fleet, func(), error) {
			return &device.Fleet{Backends: []device.Backend{slowBackend{}}}, func() {}, nil
		}
		code := Run(t.Context(), f, append(command, "--device", "all", "--jobs", "1", "--json", "--timeout", "50ms"))
		lines := strings.Split(strings.TrimSpace(out()), "\n")
		if code != 18 || len(lines) != 4 || strings.Count(out(), `"code":"not_seen","exitCode":18`) != 3 || !strings.Contains(lines[len(lines)-1], `"phones":3,"ok":0,"failed":3,"notReady":0,"exitCode":18`) {
			t.Errorf("%v: exit %d\n%s", command, code, out())
		}
	}
}

// TestWatchWithoutAList: a watch that got no list has failed, also if --timeout
// ended it.
func TestWatchWithoutAList(t *testing.T) {
	f, _, errOut := testFactory(t, "", nil)
	f.Phones = func(context.Context, *Factory, *phoneFlags, device.Selector) (*device.Fleet, func(), error) {
		return &device.Fleet{Backends: []device.Backend{slowBackend{}}}, func() {}, nil
	}
	if code := Run(t.Context(), f, []string{"devices", "--watch", "--timeout", "20ms"}); code != 1 {
		t.Errorf("exit %d, %s", code, errOut())
	}
}

// A code is hidden wherever the reply carries it; a refusal has no code to hide.
func TestMasked(t *testing.T) {
	for _, tt := range []struct{ code, url, wantCode, wantURL string }{
		{"C0DE", "wx0://oauth?code=C0DE&state=s", "***", "***"},
		{"C0DE", "", "***", ""},
		{"", "wx0://oauth?code=C0DE&state=s", "", "***"},
		{"", "wx0://oauth?state=s&code=authdeny&code=C0DE", "", "***"},
		{"", "wx0://oauth?code=authdeny&state=s", "", "wx0://oauth?code=authdeny&state=s"},
		{"", "", "", ""},
	} {
		r := &device.Reply{Code: tt.code, URL: tt.url}
		got, code := masked(r)
		if got.Code != tt.wantCode || got.URL != tt.wantURL || code != tt.code {
			t.Errorf("masked(%q, %q) = %q, %q, %q", tt.code, tt.url, got.Code, got.URL, code)
		}
		if r.Code != tt.code || r.URL != tt.url {
			t.Errorf("masked(%q, %q) changed its argument", tt.code, tt.url)
		}
	}
}
