package cmd

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/fixtures/wait"
)

// comingBackend has two phones; the second is ready in the third list.
type comingBackend struct{ asked atomic.Int32 }

func (*comingBackend) Platform() device.Platform { return device.Android }

func (b *comingBackend) List(context.Context, string) ([]device.Info, error) {
	second := device.Info{ID: "S2", Platform: device.Android, State: device.Ready, Transport: device.USB}
	if b.asked.Add(1) < 3 {
		second.State = device.Offline
	}
	return []device.Info{{ID: "S1", Platform: device.Android, State: device.Ready, Transport: device.USB}, second}, nil
}

func (*comingBackend) Watch(context.Context, func([]device.Info)) error { return nil }

func (*comingBackend) Open(_ context.Context, info device.Info) (device.Phone, error) {
	return nil, device.Errorf(device.PhoneLost, "phone %s was opened", info.Label())
}

// lastListing is a backend with a phone that is offline; the time ends during its
// second listing.
type lastListing struct {
	scriptedPhones
	end func()
}

func (l *lastListing) List(ctx context.Context, _ string) ([]device.Info, error) {
	if l.n++; l.n > 1 {
		l.end()
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return []device.Info{{ID: "A", Platform: device.Android, State: device.Offline, Transport: device.Virtual}}, nil
}

// TestWaitEndsWhileListing: the time of --wait-for ends while the phones are
// listed: what they were before is said.
func TestWaitEndsWhileListing(t *testing.T) {
	ctx, pass := wait.Deadline(t)
	f, _, errOut := testFactory(t, "", nil)
	phones := &lastListing{end: pass}
	f.Phones = func(context.Context, *Factory, *phoneFlags, device.Selector) (*device.Fleet, func(), error) {
		return &device.Fleet{Backends: []device.Backend{phones}}, func() {}, nil
	}
	if code := Run(ctx, f, []string{"devices", "--wait-for", "ready"}); code != 18 || !strings.Contains(errOut(), `phone "A" to be ready: it is offline`) {
		t.Errorf("exit %d: %s", code, errOut())
	}
}

// TestWait: --wait waits for a phone to be ready, and with --all for every one.
func TestWait(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args  []string
		asked int32
		want  string
	}{
		{[]string{"--device", "S1"}, 1, `"S1" was opened`},
		{[]string{"--device", "S2"}, 3, `"S2" was opened`},
		{[]string{"--all"}, 3, `"S2" was opened`},
	} {
		backend := &comingBackend{}
		f, out, errOut := testFactory(t, "", nil)
		f.Phones = func(context.Context, *Factory, *phoneFlags, device.Selector) (*device.Fleet, func(), error) {
			return &device.Fleet{Backends: []device.Backend{backend}}, func() {}, nil
		}
		code := Run(t.Context(), f, append([]string{"installed", "--wait", "1m"}, tt.args...))
		if said := out() + errOut(); code != 16 || backend.asked.Load() != tt.asked || !strings.Contains(said, tt.want) || strings.Contains(said, "not ready") {
			t.Errorf("%v: exit %d, asked %d times, said %q", tt.args, code, backend.asked.Load(), said)
		}
	}
}
