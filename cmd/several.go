package cmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/output"
	"github.com/wxctl/wxctl/device"
)

// chosen is the result of a selector: one phone, or all that are ready and
// those that are not.
type chosen struct {
	device.Selection
	several       bool
	allowNotReady bool
}

// one is the chosen phone if there is exactly one.
func (c *chosen) one() device.Info { return c.Phones[0] }

// waitPause is the pause of --wait between two looks at the phones.
const waitPause = 250 * time.Millisecond

// choose finds the phones that sel means. With --wait it tries again until they
// are connected and ready, or the time is over; the rest of that time can be
// used to wait for a busy phone. It reports problems of phones that were meant
// and aren't ready.
func (f *Factory) choose(ctx context.Context, fleet *device.Fleet, flags *phoneFlags, sel device.Selector) (*chosen, error) {
	if flags.allowNotReady && !sel.All {
		return nil, exit.Usagef("add --all, or omit it", "--allow-not-ready needs --all")
	}
	fleet.WaitUntil = time.Now().Add(flags.wait)
	c := &chosen{several: sel.All, allowNotReady: flags.allowNotReady}
	err := f.patiently(ctx, flags.wait, func() (again bool, err error) {
		c.Selection, err = fleet.Select(ctx, sel)
		return worthWaiting(err, sel.All, c.Selection), err
	})
	if err != nil {
		f.explain(err)
		return nil, err
	}
	if c.several {
		f.sayNotReady(c.Selection)
	}
	return c, nil
}

// sayNotReady names the phones that were meant and can't be used, how to fix
// each, and the servers that could not be asked.
func (f *Factory) sayNotReady(s device.Selection) {
	if len(s.Phones) == 0 {
		return // the error says it
	}
	for _, server := range s.Missing {
		f.Streams.Warn("%s, so its phones are left out", safe(server.Message))
	}
	for _, phone := range s.NotReady {
		f.Streams.Warn("phone %s is not ready: %s; %s", phone.Label(), phone.State, phone.FixNow())
	}
}

// patiently looks again, as long as that may help, until the time is over. It
// returns the last error.
func (f *Factory) patiently(ctx context.Context, patience time.Duration, look func() (again bool, err error)) error {
	until := time.Now().Add(patience)
	for said := false; ; said = true {
		again, err := look()
		if !again || patience == 0 {
			return err
		}
		if !said {
			f.Streams.Note("waiting for the phone, %s at most", patience)
		}
		if !time.Now().Before(until) {
			return err
		}
		select {
		case <-time.After(min(waitPause, time.Until(until))):
		case <-ctx.Done():
			return err
		}
	}
}

// worthWaiting reports whether a phone that is meant may be connected, or
// become ready.
func worthWaiting(err error, several bool, s device.Selection) bool {
	var e *device.Error
	if !errors.As(err, &e) {
		return err == nil && several && len(s.NotReady) > 0
	}
	return e.Code == device.NoPhone || e.Code == device.NoServer || e.Code == device.PhoneNotReady
}

// each does something with all phones, and summarizes the errors.
func (f *Factory) each(ctx context.Context, c *chosen, jobs int, do func(context.Context, device.Info) error) error {
	return summarize(ctx, f, c, device.Each(ctx, c.Phones, jobs, do))
}

// summarize prints the summary for several phones, given the error of each.
func summarize(ctx context.Context, f *Factory, c *chosen, errs []error) error {
	failed := 0
	var first error
	code := exit.OK
	for _, err := range errs {
		if err == nil {
			continue
		}
		failed++
		switch c := describe(err).ExitCode; {
		case first == nil:
			first, code = err, c
		case c != code:
			code = exit.SomeFailed
		}
	}
	notReady := len(c.NotReady)
	forgotten := notReady > 0 && !c.allowNotReady
	if failed > 0 && failed < len(errs) || forgotten {
		code = exit.SomeFailed
	}
	var signal *exit.Signal
	if errors.As(context.Cause(ctx), &signal) {
		code = signal.Code // the process's exit code, whatever the phones' results
	}
	if f.Printer().JSON() {
		if err := f.Printer().Line(struct {
			Type          string `json:"type"`
			SchemaVersion int    `json:"schemaVersion"`
			Phones        int    `json:"phones"`
			OK            int    `json:"ok"`
			Failed        int    `json:"failed"`
			NotReady      int    `json:"notReady"`
			ExitCode      int    `json:"exitCode"`
		}{"summary", output.SchemaVersion, len(errs), len(errs) - failed, failed, notReady, code}); err != nil {
			return err
		}
	}
	sentence := fmt.Sprintf("%d of %d phones failed", failed, len(errs))
	switch {
	case failed == 0 && notReady == 0:
		sentence = fmt.Sprintf("all %d phones: ok", len(errs))
	case failed == 0 && code == exit.OK:
		sentence = fmt.Sprintf("all %d phones: ok; %d more not ready", len(errs), notReady)
	case failed == 0:
		sentence = fmt.Sprintf("all %d ready phones: ok; %d more not ready", len(errs), notReady)
	case notReady > 0:
		sentence = fmt.Sprintf("%d of %d phones failed; %d more not ready", failed, len(errs), notReady)
	}
	switch {
	case signal != nil:
		return signal
	case code == exit.OK:
		f.Streams.Note("%s", sentence)
		return nil
	case failed == 0:
		return &device.Error{Code: "some_failed", Exit: code, Message: sentence,
			Hint: "make them ready, wait for them with --wait, or skip them with --allow-not-ready"}
	}
	name := device.Code("some_failed")
	if code != exit.SomeFailed {
		name = describe(first).Code
	}
	return &device.Error{Code: name, Exit: code, Message: sentence,
		Hint: "the lines above say why for each", Err: first}
}
