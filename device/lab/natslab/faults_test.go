package natslab_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wxctl/wxctl/device/lab"
	"github.com/wxctl/wxctl/device/lab/natslab"
	"github.com/wxctl/wxctl/device/lab/natslab/natsserver"
	"github.com/wxctl/wxctl/fixtures/labtest"
	"github.com/wxctl/wxctl/fixtures/tier"
	"github.com/wxctl/wxctl/fixtures/wait"
)

// told collects the updates for an owner.
type told struct {
	mu  sync.Mutex
	all map[string][]string
}

func (o *told) record(u lab.Update) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all[u.Job.ID] = append(o.all[u.Job.ID], string(u.State)+"@"+u.Phone)
	return nil
}

func (o *told) of(id string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.all[id], " ")
}

// cutWorld is a lab whose agent is behind a link.
func cutWorld(t *testing.T) (*natslab.Lab, *natslab.Queue, *told, *labtest.Link, *natslab.Source, *natslab.Source) {
	t.Helper()
	url := serve(t)
	fresh := natslab.Defaults(1)
	fresh.LeaseTTL = 2 * time.Second
	first, err := natslab.Dial(t.Context(), natslab.Access{URL: url, New: &fresh})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(first.Close)
	o := &told{all: map[string][]string{}}
	q, err := first.Own(t.Context(), natslab.Run{ID: "run"}, natslab.Owner{Record: o.record})
	if err != nil {
		t.Fatal(err)
	}
	l := labtest.NewLink(t, url)
	far, err := dial(t, natslab.Access{URL: l.URL()}).Source(t.Context(), "far", "")
	if err != nil {
		t.Fatal(err)
	}
	near, err := dial(t, natslab.Access{URL: url}).Source(t.Context(), "near", "")
	if err != nil {
		t.Fatal(err)
	}
	return first, q, o, l, far, near
}

func leaseOf(t *testing.T, s *natslab.Source, phone string) lab.Lease {
	t.Helper()
	l, err := s.Lease(t.Context(), phone, "x", every)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Release(context.Background()) })
	return l
}

// TestStateOfACutLab: reading the state of a lab behind a cut link ends by
// itself.
func TestStateOfACutLab(t *testing.T) {
	t.Parallel()
	link := labtest.NewLink(t, serve(t))
	l := dial(t, natslab.Access{URL: link.URL()})
	if _, err := l.State(t.Context()); err != nil {
		t.Fatal(err)
	}
	link.Set(true)
	ended := make(chan error, 1)
	go func() {
		_, err := l.State(context.Background())
		ended <- err
	}()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("a lab that can't be reached has a state")
		}
	case <-time.After(wait.Plenty):
		t.Error("it is waited for without end")
	}
}

// TestStateOfASilentLab: reading the state over a connection that stays open
// and brings nothing ends by itself, and the connection is used again after
// that.
func TestStateOfASilentLab(t *testing.T) {
	t.Parallel()
	link := labtest.NewLink(t, serve(t))
	l := dial(t, natslab.Access{URL: link.URL()})
	l.SetStateTime(100 * time.Millisecond)
	link.Pause(true)
	if _, err := l.State(context.Background()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the state of a silent lab: %v", err)
	}
	if _, err := l.Late(context.Background(), "run"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the late results of a silent lab: %v", err)
	}
	link.Pause(false)
	l.SetStateTime(wait.Plenty)
	if _, err := l.State(t.Context()); err != nil {
		t.Errorf("after that: %v", err)
	}
}

// TestShortCut: an agent whose link is cut for less than the TTL goes on.
func TestShortCut(t *testing.T) {
	t.Parallel()
	_, q, o, link, far, _ := cutWorld(t)
	if err := q.Submit(t.Context(), lab.Job{ID: "1"}); err != nil {
		t.Fatal(err)
	}
	c := next(t, leaseOf(t, far, "A"))
	if err := c.Firing(t.Context()); err != nil {
		t.Fatal(err)
	}
	link.Set(true)
	time.Sleep(300 * time.Millisecond) // the cut
	link.Set(false)
	if err := c.Done(t.Context(), nil); err != nil {
		t.Error(err)
	}
	wait.For(t, "the end to be told", func() bool { return o.of("1") == "claimed@A firing@A done@A" })
}

// TestLongCut: an agent whose link is cut for longer stops by itself; the job
// on its phone is lost, jobs that it had not fired go to others, and late
// results are refused.
func TestLongCut(t *testing.T) {
	t.Parallel()
	first, q, o, link, far, near := cutWorld(t)
	if err := q.Submit(t.Context(), lab.Job{ID: "1", Phone: "A"}); err != nil {
		t.Fatal(err)
	}
	a, b := leaseOf(t, far, "A"), leaseOf(t, far, "B")
	fired := next(t, a)
	// A is busy, so B does the second job.
	if err := q.Submit(t.Context(), lab.Job{ID: "2"}); err != nil {
		t.Fatal(err)
	}
	waiting := next(t, b)
	if err := fired.Firing(t.Context()); err != nil {
		t.Fatal(err)
	}
	link.Set(true)
	for _, l := range []lab.Lease{a, b} {
		select {
		case <-l.Ended():
		case <-time.After(wait.Plenty):
			t.Fatal("a lease that can't be renewed does not end")
		}
	}
	if err := waiting.Firing(t.Context()); err == nil {
		t.Error("an agent without its lease fires")
	}
	wait.For(t, "the loss to be told", func() bool { return o.of("1") == "claimed@A firing@A lost@A" })
	c := next(t, leaseOf(t, near, "C"))
	if c.Job().ID != "2" {
		t.Errorf("another phone has %s", c.Job().ID)
	}
	link.Set(false)
	if err := fired.Done(t.Context(), json.RawMessage(`"late"`)); err == nil {
		t.Error("a late end is accepted")
	}
	if err := c.Done(t.Context(), nil); err != nil {
		t.Error(err)
	}
	wait.For(t, "the end to be told", func() bool { return o.of("2") == "claimed@B returned@B claimed@C done@C" })
	wait.For(t, "what came late to be told", func() bool { return o.of("1") == "claimed@A firing@A lost@A late@A" })
	// It stays in the lab, for an owner that is not there any more.
	late, err := first.Late(t.Context(), "run")
	if err != nil || len(late) != 1 || late[0].State != lab.Late || late[0].Job.ID != "1" || late[0].Phone != "A" ||
		string(late[0].Data) != `"late"` {
		t.Errorf("late: %+v, %v", late, err)
	}
	if late, err := first.Late(t.Context(), "another"); err != nil || len(late) != 0 {
		t.Errorf("late results of another run: %+v, %v", late, err)
	}
}

// TestFullStore: files beyond the limit are refused, and nothing else.
func TestFullStore(t *testing.T) {
	fresh := natslab.Defaults(1)
	fresh.MaxBlobs = 1 << 20
	l := dial(t, natslab.Access{URL: serve(t), New: &fresh})
	if err := l.Put(t.Context(), "run/small", make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	if err := l.Put(t.Context(), "run/large", make([]byte, 4<<20)); err == nil {
		t.Error("a file above the limit was stored")
	}
	if data, err := l.Get(t.Context(), "run/small"); err != nil || len(data) != 1000 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}

// stock starts nats-server itself until the test ends.
func stock(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command(tier.Need(t, "lab", "nats-server")[0], args...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill() // it may have ended
		_ = c.Wait()
	})
	return c
}

// TestStock: nats-server itself, with the configuration that `wxctl lab init`
// writes, works as well as `wxctl lab serve`.
func TestStock(t *testing.T) {
	tier.Need(t, "lab", "nats-server")
	labtest.Queue(t, func(t *testing.T, record lab.Record) (lab.Queue, lab.Source) {
		dir := filepath.Join(t.TempDir(), "lab")
		if err := natsserver.Init(dir, []string{"127.0.0.1"}, filepath.Join(t.TempDir(), "store"), time.Now()); err != nil {
			t.Fatal(err)
		}
		port := wait.Port(t)
		stock(t, "-c", natsserver.ConfigFile(dir, 1), "-a", "127.0.0.1", "-p", fmt.Sprint(port))
		access := func(role string) natslab.Access {
			return natslab.Access{URL: fmt.Sprintf("nats://127.0.0.1:%d", port), Key: natsserver.KeyFile(dir, role), CA: natsserver.CAFile(dir)}
		}
		wait.For(t, "nats-server", func() bool {
			l, err := natslab.Dial(t.Context(), access(natsserver.Runner))
			if err == nil {
				l.Close()
			}
			return err == nil
		})
		ctx, cancel := context.WithCancel(context.Background())
		t.Cleanup(cancel)
		q, err := dial(t, access(natsserver.Runner)).Own(ctx, natslab.Run{ID: "run"}, natslab.Owner{Record: record})
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

// TestCluster: three servers, of which the one that leads the claims is killed
// in the middle of a run: every job is done once.
func TestCluster(t *testing.T) {
	tier.Need(t, "lab", "nats-server")
	var urls, routes []string
	var ports, inner [3]int
	for i := range 3 {
		ports[i], inner[i] = wait.Port(t), wait.Port(t)
		urls = append(urls, fmt.Sprintf("nats://127.0.0.1:%d", ports[i]))
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", inner[i]))
	}
	servers := map[string]*exec.Cmd{}
	for i := range 3 {
		name := fmt.Sprint("lab-", i+1)
		servers[name] = stock(t, "-a", "127.0.0.1", "-p", fmt.Sprint(ports[i]), "-n", name, "-js", "-sd", t.TempDir(), "--cluster_name", "wxctl",
			"--cluster", routes[i], "--routes", strings.Join(routes, ","))
	}
	access := natslab.Access{URL: strings.Join(urls, ",")}
	var l *natslab.Lab
	wait.For(t, "the cluster", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		var err error
		l, err = natslab.Dial(ctx, access)
		return err == nil
	})
	t.Cleanup(l.Close)
	o := &told{all: map[string][]string{}}
	q, err := l.Own(t.Context(), natslab.Run{ID: "run"}, natslab.Owner{Record: o.record})
	if err != nil {
		t.Fatal(err)
	}
	s, err := dial(t, access).Source(t.Context(), "agent", "")
	if err != nil {
		t.Fatal(err)
	}
	const jobs, phones = 200, 10
	for i := range jobs {
		if err := q.Submit(t.Context(), lab.Job{ID: fmt.Sprint("job-", i)}); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	fired := map[string]int{}
	var workers sync.WaitGroup
	for i := range phones {
		lease := leaseOf(t, s, fmt.Sprint("phone-", i))
		workers.Go(func() {
			err := lab.Work(t.Context(), lease, func(ctx context.Context, c lab.Claim) error {
				if err := c.Firing(ctx); err != nil {
					return errors.Join(err, c.Return(ctx))
				}
				mu.Lock()
				fired[c.Job().ID]++
				mu.Unlock()
				time.Sleep(50 * time.Millisecond) // the phone
				return c.Done(ctx, nil)
			})
			if err != nil && t.Context().Err() == nil {
				t.Errorf("a phone stopped: %v", err)
			}
		})
	}
	ended := func() int {
		n := 0
		for i := range jobs {
			if strings.Contains(o.of(fmt.Sprint("job-", i)), "done") {
				n++
			}
		}
		return n
	}
	wait.For(t, "a quarter of the jobs", func() bool { return ended() > jobs/4 })
	leader := leaderOf(t, access.URL, "KV_wx-claims")
	_ = servers[leader].Process.Kill() // it leads, so it runs
	t.Logf("killed %s, the leader, after %d jobs", leader, ended())
	wait.For(t, "all jobs", func() bool { return ended() == jobs })
	if err := q.Close(); err != nil {
		t.Log(err) // a server is missing; the jobs are done
	}
	workers.Wait()
	for id, n := range fired {
		if n != 1 {
			t.Errorf("%s was fired %d times: %s", id, n, o.of(id))
		}
	}
}

// leaderOf asks, as any client of NATS can, who leads a stream.
func leaderOf(t *testing.T, url, stream string) string {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	info, err := s.Info(t.Context())
	if err != nil || info.Cluster == nil || len(info.Cluster.Replicas) != 2 {
		t.Fatalf("%+v, %v", info, err)
	}
	return info.Cluster.Leader
}

// TestLeaseEndsInTime: the phone of an agent that is gone is free within the
// TTL and a second. Only the server's clock is used: an onlooker reads the
// times of the last renewal and of the end.
func TestLeaseEndsInTime(t *testing.T) {
	const ttl = 2 * time.Second
	url := serve(t)
	fresh := natslab.Defaults(1)
	fresh.LeaseTTL = ttl
	gone, err := natslab.Dial(t.Context(), natslab.Access{URL: url, New: &fresh})
	if err != nil {
		t.Fatal(err)
	}
	s, err := gone.Source(t.Context(), "gone", "")
	if err != nil {
		t.Fatal(err)
	}
	leaseOf(t, s, "A")
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := js.OrderedConsumer(t.Context(), "KV_wx-leases", jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	var renewed time.Time
	for times := 0; ; times++ {
		m, err := consumer.Next(jetstream.FetchMaxWait(wait.Plenty))
		if err != nil {
			t.Fatal(err)
		}
		meta, err := m.Metadata()
		if err != nil {
			t.Fatal(err)
		}
		if m.Headers().Get("Nats-Marker-Reason") == "MaxAge" {
			if took := meta.Timestamp.Sub(renewed); took < ttl || took > ttl+time.Second {
				t.Errorf("the lease ended %s after it was renewed, its TTL is %s", took, ttl)
			}
			return
		}
		renewed = meta.Timestamp
		if times == 1 {
			gone.Close() // as kill -9 does
		}
	}
}
