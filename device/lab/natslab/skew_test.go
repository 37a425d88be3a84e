package natslab_test

import (
	"testing"

	"github.com/wxctl/wxctl/device/lab"
	"github.com/wxctl/wxctl/device/lab/natslab"
	"github.com/wxctl/wxctl/fixtures/wait"
)

func TestSkew(t *testing.T) {
	const now = natslab.Protocol
	for _, test := range []struct {
		protocol      int
		agent, asking string
		want          string
	}{
		{now, "v1.2.3", "1.9.0", ""}, {now, "v9.0.0", "v10.0.0", "too old"}, {now, "10.0.0", "9.9.9", "too new"},
		{now, "(devel)", "v3.0.0", ""}, {now, "v3.0.0", "(devel)", ""}, {now, "", "", ""},
		{now - 1, "v1.0.0", "v1.0.0", "too old"}, {now + 1, "v1.0.0", "v1.0.0", "too new"}, {now - 1, "v2.0.0", "v1.0.0", "too old"},
	} {
		a := natslab.Agent{Protocol: test.protocol, Version: test.agent}
		if got := a.Skew(test.asking); got != test.want {
			t.Errorf("%+v for %s: %q, want %q", a, test.asking, got, test.want)
		}
	}
}

// TestSkewedAgentTakesNothing: an agent of another major version is offered no
// jobs of a run, whether or not the owner knows its version.
func TestSkewedAgentTakesNothing(t *testing.T) {
	w, q := newWorld(t, natslab.Run{ID: "new", Version: "v2.1.0"}, natslab.Run{ID: "old", Version: "v1.0.0"})
	submit(t, w, q[0], lab.Job{ID: "1"})
	submit(t, w, q[1], lab.Job{ID: "1"})
	for version, run := range map[string]string{"v2.0.0": "new", "v1.4.0": "old", "v3.0.0": ""} {
		s, err := open(t, w.url).Source(t.Context(), "agent-"+version, version)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"new", "old"} {
			wait.For(t, "the runs and their targets to be seen", func() bool { r, ok := s.Run(id); return ok && len(r.Targets) > 0 })
		}
		if got, want := s.Wanted("A", every), run != ""; got != want {
			t.Errorf("an agent of %s is offered jobs: %v, want %v", version, got, want)
		}
		if run == "" {
			continue
		}
		l, err := s.Lease(t.Context(), "phone-"+version, "agent", every)
		if err != nil {
			t.Fatal(err)
		}
		if c := next(t, l); natslab.RunOf(c) != run {
			t.Errorf("an agent of %s has a job of the run %s", version, natslab.RunOf(c))
		}
		if err := l.Release(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
