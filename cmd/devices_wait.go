package cmd

import (
	"context"
	"time"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device"
)

// gone is the state of a phone that no server knows.
const gone device.State = "disconnected"

// waitForTimeout limits --wait-for: a phone that restarts takes about a minute.
const waitForTimeout = 5 * time.Minute

// checkState refuses a state that phones never have.
func checkState(state string) error {
	if s := device.State(state); s != gone && !s.Known() {
		return exit.Usagef("wait for ready, offline, unauthorized, locked, disconnected, or another state that wxctl "+
			"devices shows", "invalid --wait-for %q", state)
	}
	return nil
}

// devicesWaitFor lists the phones that sel means as soon as all of them are in a
// state.
func devicesWaitFor(ctx context.Context, f *Factory, fleet *device.Fleet, sel device.Selector, state device.State) error {
	var phones []device.Info // as the last listing had them that the end of the time didn't cut short
	for {
		found, err := fleet.Discover(ctx, sel.Text)
		if ctx.Err() == nil {
			phones = device.Matching(found.Phones, sel)
			if allIn(phones, state) && (state != gone || err == nil) {
				return printDevices(f, append([]device.Info{}, phones...), nil)
			}
		}
		select {
		case <-time.After(waitPause):
			continue
		case <-ctx.Done():
		}
		if cause := context.Cause(ctx); cause != context.DeadlineExceeded {
			return cause
		}
		return notInState(phones, sel, state)
	}
}

// allIn reports whether phones are in a state, all of them.
func allIn(phones []device.Info, state device.State) bool {
	for _, phone := range phones {
		if phone.State != state {
			return false
		}
	}
	if state == gone {
		return len(phones) == 0
	}
	return len(phones) > 0
}

func notInState(phones []device.Info, sel device.Selector, state device.State) error {
	for _, phone := range phones {
		if phone.State != state {
			return device.Errorf(device.NotSeen, "timed out waiting for phone %s to be %s: it is %s", phone.Label(), state, phone.State).
				WithHint("%s", phone.FixNow())
		}
	}
	const hint = "run `wxctl devices` to see the phones, or increase --timeout"
	if sel.Text == "" {
		return device.Errorf(device.NoPhone, "timed out waiting for a phone").WithHint(hint)
	}
	return device.Errorf(device.NoPhone, "timed out waiting for a phone that matches %q", sel.Text).WithHint(hint)
}
