package natslab_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/lab"
	"github.com/wxctl/wxctl/device/lab/natslab"
	"github.com/wxctl/wxctl/device/lab/natslab/natsserver"
	"github.com/wxctl/wxctl/fixtures/labtest"
	"github.com/wxctl/wxctl/fixtures/wait"
)

// secured starts a server with keys and TLS, and returns how to dial it with a
// role's key.
func secured(t *testing.T) func(role string) natslab.Access {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "lab")
	if err := natsserver.Init(dir, []string{"127.0.0.1"}, t.TempDir(), time.Now()); err != nil {
		t.Fatal(err)
	}
	s, err := natsserver.Start(t.Context(), natsserver.Options{Listen: "127.0.0.1:0", Store: t.TempDir(), Config: natsserver.ConfigFile(dir, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return func(role string) natslab.Access {
		return natslab.Access{URL: s.URL, Key: natsserver.KeyFile(dir, role), CA: natsserver.CAFile(dir), Name: role}
	}
}

func dial(t *testing.T, a natslab.Access) *natslab.Lab {
	t.Helper()
	l, err := natslab.Dial(t.Context(), a)
	if err != nil {
		t.Fatalf("%s: %v", a.Name, err)
	}
	t.Cleanup(l.Close)
	return l
}

// TestQueueWithKeys: the keys permit everything that a queue does.
func TestQueueWithKeys(t *testing.T) {
	t.Parallel()
	labtest.Queue(t, func(t *testing.T, record lab.Record) (lab.Queue, lab.Source) {
		access := secured(t)
		ctx, cancel := context.WithCancel(context.Background())
		t.Cleanup(cancel)
		q, err := dial(t, access(natsserver.Runner)).Own(ctx, natslab.Run{ID: "run", Owner: "test"}, natslab.Owner{Record: record})
		if err != nil {
			t.Fatal(err)
		}
		s, err := dial(t, access(natsserver.Agent)).Source(ctx, "agent", "")
		if err != nil {
			t.Fatal(err)
		}
		return q, s
	})
}

// TestDenied: what a key may not do is an error that says so, at once.
func TestDenied(t *testing.T) {
	access := secured(t)
	dial(t, access(natsserver.Runner)) // it sets the lab up
	own := func(l *natslab.Lab) error {
		_, err := l.Own(t.Context(), natslab.Run{ID: "forged"}, natslab.Owner{Record: func(lab.Update) error { return nil }})
		return err
	}
	agent, viewer := dial(t, access(natsserver.Agent)), dial(t, access(natsserver.Viewer))
	for _, test := range []struct {
		name string
		err  func() error
		want string
	}{
		{"an agent owns a run", func() error { return own(agent) }, "may not lease phones"},
		{"a viewer owns a run", func() error { return own(viewer) }, "may not lease phones"},
		{"a viewer lends phones", func() error { return viewer.Lend(t.Context(), natslab.Agent{Name: "x"}) }, "may not lend phones"},
		{"a viewer holds a phone", func() error { return viewer.MarkPhone(t.Context(), "x", natslab.Mark{Kind: natslab.Held}, time.Minute) },
			"may not hold, drain, quarantine or release phones"},
		{"a viewer keeps files", func() error { return viewer.Put(t.Context(), "x", []byte("x")) }, "may not keep files"},
	} {
		began := time.Now()
		err := test.err()
		var denied *natslab.DeniedError
		if !errors.As(err, &denied) || !strings.Contains(denied.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
		if took := time.Since(began); took > wait.Plenty {
			t.Errorf("%s took %s", test.name, took)
		}
	}
	if _, err := viewer.State(t.Context()); err != nil {
		t.Errorf("a viewer can't read: %v", err)
	}
	if _, err := agent.Source(t.Context(), "a", ""); err != nil {
		t.Errorf("an agent can't see runs: %v", err)
	}
}

// TestDeniedIsOfOneOperation: a denial is reported to the operation that caused
// it, and to no other of the same connection.
func TestDeniedIsOfOneOperation(t *testing.T) {
	access := secured(t)
	dial(t, access(natsserver.Runner)) // it sets the lab up
	viewer := dial(t, access(natsserver.Viewer))
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			var denied *natslab.DeniedError
			err := viewer.MarkPhone(t.Context(), fmt.Sprint("phone-", i), natslab.Mark{Kind: natslab.Held}, time.Minute)
			if !errors.As(err, &denied) || denied.Subject != fmt.Sprint("$KV.wx-marks.phone-", i) {
				t.Errorf("phone %d: %+v", i, err)
			}
		})
		all.Go(func() {
			if _, err := viewer.State(t.Context()); err != nil {
				t.Errorf("a permitted operation fails because of another one: %v", err)
			}
		})
	}
	all.Wait()
}

// TestAccess: a missing or wrong key is reported.
func TestAccess(t *testing.T) {
	access := secured(t)
	good := access(natsserver.Runner)
	stray, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := stray.Seed()
	if err != nil {
		t.Fatal(err)
	}
	strayFile := filepath.Join(t.TempDir(), "stray.nk")
	if err := os.WriteFile(strayFile, seed, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, want string
		a          natslab.Access
	}{
		{"a key of another lab", "refused the key", natslab.Access{URL: good.URL, CA: good.CA, Key: strayFile}},
		{"no key", "wants a key", natslab.Access{URL: good.URL, CA: good.CA}},
		{"no such file", "can't be read", natslab.Access{URL: good.URL, CA: good.CA, Key: "nothing.nk"}},
		{"no key in the file", "holds no key", natslab.Access{URL: good.URL, CA: good.CA, Key: good.CA}},
		{"no such authority", "can't be read", natslab.Access{URL: good.URL, CA: "nothing.pem", Key: good.Key}},
		{"a password", "no password", natslab.Access{URL: "nats://a:b@127.0.0.1:1"}},
		{"no address", "invalid address", natslab.Access{URL: "127.0.0.1:4222"}},
		{"nobody there", "no lab answers", natslab.Access{URL: "nats://127.0.0.1:1"}},
		{"plain to a server without TLS, beyond this machine", "has no TLS", natslab.Access{URL: "tls://" + strings.TrimPrefix(serve(t), "nats://")}},
	} {
		_, err := natslab.Dial(t.Context(), test.a)
		var access *natslab.AccessError
		if !errors.As(err, &access) || !strings.Contains(access.Message, test.want) || access.Hint == "" {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

// world is a lab with an owner and an agent.
type world struct {
	url    string
	source *natslab.Source
	lab    *natslab.Lab
}

func ignore(lab.Update) error { return nil }

func newWorld(t *testing.T, runs ...natslab.Run) (*world, []*natslab.Queue) {
	t.Helper()
	w := &world{url: serve(t)}
	w.lab = open(t, w.url)
	var queues []*natslab.Queue
	for _, r := range runs {
		q, err := w.lab.Own(t.Context(), r, natslab.Owner{Record: ignore})
		if err != nil {
			t.Fatal(err)
		}
		queues = append(queues, q)
	}
	var err error
	if w.source, err = open(t, w.url).Source(t.Context(), "agent", ""); err != nil {
		t.Fatal(err)
	}
	return w, queues
}

func every(string) bool { return true }

func (w *world) lease(t *testing.T, phone string) lab.Lease {
	t.Helper()
	l, err := w.source.Lease(t.Context(), phone, "agent", every)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Release(context.Background()) })
	return l
}

func next(t *testing.T, l lab.Lease) lab.Claim {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), wait.Plenty)
	defer cancel()
	c, err := l.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func submit(t *testing.T, w *world, q *natslab.Queue, jobs ...lab.Job) {
	t.Helper()
	if err := q.Submit(t.Context(), jobs...); err != nil {
		t.Fatal(err)
	}
	wait.For(t, "the jobs to be offered", func() bool { return w.source.Wanted("A", every) })
}

// TestPriority: the run with the higher priority comes first, then the one that
// drives fewer phones.
func TestPriority(t *testing.T) {
	t.Parallel()
	w, q := newWorld(t, natslab.Run{ID: "low"}, natslab.Run{ID: "high", Priority: 1}, natslab.Run{ID: "other"})
	submit(t, w, q[0], lab.Job{ID: "1"}, lab.Job{ID: "2"}, lab.Job{ID: "3"})
	submit(t, w, q[1], lab.Job{ID: "1"})
	submit(t, w, q[2], lab.Job{ID: "1"}, lab.Job{ID: "2"})
	wait.For(t, "all runs to be offered", func() bool {
		_, ok := w.source.Run("other")
		return ok
	})
	time.Sleep(200 * time.Millisecond) // the watched values have arrived
	if c := next(t, w.lease(t, "A")); natslab.RunOf(c) != "high" {
		t.Errorf("A serves %s first", natslab.RunOf(c))
	}
	served := map[string]int{}
	for _, phone := range []string{"B", "C", "D", "E"} {
		served[natslab.RunOf(next(t, w.lease(t, phone)))]++
		time.Sleep(200 * time.Millisecond) // the watched values have arrived
	}
	if served["low"] != 2 || served["other"] != 2 {
		t.Errorf("the phones serve %v", served)
	}
}

// TestMarks: a phone that is held, and an agent that is drained, get no jobs.
func TestMarks(t *testing.T) {
	t.Parallel()
	w, _ := newWorld(t, natslab.Run{ID: "run"})
	if err := w.lab.MarkPhone(t.Context(), "A", natslab.Mark{Kind: natslab.Held}, time.Second); err != nil {
		t.Fatal(err)
	}
	wait.For(t, "the mark to be seen", func() bool { return w.source.Mark("A") != nil })
	if _, err := w.lease(t, "A").Next(t.Context()); err == nil {
		t.Error("a phone that is held takes a job")
	}
	wait.For(t, "the hold to end by itself", func() bool { return w.source.Mark("A") == nil })
	if err := w.lab.MarkAgent(t.Context(), "agent", natslab.Mark{Kind: natslab.Drained}); err != nil {
		t.Fatal(err)
	}
	wait.For(t, "the drain to be seen", func() bool { return w.source.Mark("B") != nil })
	if had, err := w.lab.UnmarkAgent(t.Context(), "agent"); err != nil || !had {
		t.Errorf("%v, %v", had, err)
	}
	wait.For(t, "the drain to be over", func() bool { return w.source.Mark("B") == nil })
}

// TestSameRunTwice: a run has one owner, and an id has one run.
func TestSameRunTwice(t *testing.T) {
	t.Parallel()
	url := serve(t)
	fresh := natslab.Defaults(1)
	fresh.LeaseTTL = 2 * time.Second
	first := dial(t, natslab.Access{URL: url, New: &fresh})
	ctx, end := context.WithCancel(t.Context())
	q, err := first.Own(ctx, natslab.Run{ID: "run", Owner: "me"}, natslab.Owner{Record: ignore})
	if err != nil {
		t.Fatal(err)
	}
	own := func(resume bool) error {
		_, err := open(t, url).Own(t.Context(), natslab.Run{ID: "run", Owner: "you"}, natslab.Owner{Record: ignore, Resume: resume})
		return err
	}
	for _, resume := range []bool{false, true} {
		var held *lab.HeldError
		if err := own(resume); !errors.As(err, &held) || held.Holder != "me" {
			t.Errorf("a second owner, resuming %v: %v", resume, err)
		}
	}
	if err := q.Close(); err != nil {
		t.Error(err)
	}
	end()
	// The run has ended: its id still is its own, but it can be resumed.
	wait.For(t, "the first owner's lease to end", func() bool {
		var held *lab.HeldError
		err = own(false)
		return !errors.As(err, &held)
	})
	var exists *natslab.RunExistsError
	if !errors.As(err, &exists) || exists.ID != "run" {
		t.Errorf("a second run of that id: %v", err)
	}
	if err := own(true); err != nil {
		t.Errorf("resumed: %v", err)
	}
}

// TestSealed: what an agent asks the owner, and the answer, is nowhere unencrypted.
func TestSealed(t *testing.T) {
	url := serve(t)
	l := open(t, url)
	_, err := l.Own(t.Context(), natslab.Run{ID: "run"}, natslab.Owner{Record: ignore,
		Answer: func(_ context.Context, text []byte) ([]byte, error) { return []byte("answer to " + string(text)), nil }})
	if err != nil {
		t.Fatal(err)
	}
	seen := onlook(t, url)
	s, err := open(t, url).Source(t.Context(), "agent", "")
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.Ask(t.Context(), "run", []byte("the code 0a1b2c"))
	if err != nil || string(answer) != "answer to the code 0a1b2c" {
		t.Fatalf("%s, %v", answer, err)
	}
	wait.For(t, "the onlooker to see the question", func() bool { return strings.Contains(seen(), "wx.oauth.run") })
	if strings.Contains(seen(), "0a1b2c") {
		t.Error("an onlooker sees the code")
	}
}

// TestState: what agents lend is listed, and removed again.
func TestState(t *testing.T) {
	l := open(t, serve(t))
	a := natslab.Agent{Name: "rack.3", Version: "1.2.3", Labels: []string{"rack=3"}, Phones: []natslab.Phone{
		{Key: "SERIAL", Info: device.Info{ID: "SERIAL", Platform: device.Android, State: device.Ready}},
		{Key: natslab.PhoneKey(device.Info{ID: "emulator-5554", Transport: device.Emulator, Hardware: "x"}, "rack.3")}}}
	if err := l.Lend(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	state, err := l.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(state.Agents) != 1 || state.Agents[0].Name != "rack.3" || len(state.Agents[0].Phones) != 2 ||
		state.Agents[0].Phones[1].Key != "emulator-5554@rack.3" || state.Agents[0].Protocol != natslab.Protocol {
		t.Errorf("%+v", state.Agents)
	}
	if err := l.Leave(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if state, err = l.State(t.Context()); err != nil || len(state.Agents) != 0 {
		t.Errorf("%+v, %v", state.Agents, err)
	}
}
