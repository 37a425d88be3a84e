package natslab_test

import (
	"context"
	"testing"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/wxctl/wxctl/device/lab"
	"github.com/wxctl/wxctl/device/lab/natslab"
	"github.com/wxctl/wxctl/device/lab/natslab/natsserver"
	"github.com/wxctl/wxctl/fixtures/labtest"
	"github.com/wxctl/wxctl/fixtures/wait"
)

func TestMain(m *testing.M) {
	wait.Parallel()
	// nats.go leaks this goroutine if a small file is stored before it has
	// begun: jetstream/object.go removes what it waits for.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/nats-io/nats.go/jetstream.(*jetStream).resetPendingAcksOnReconnect"))
}

// serve starts a server that ends with the test.
func serve(t testing.TB) string {
	t.Helper()
	s, err := natsserver.Start(t.Context(), natsserver.Options{Listen: "127.0.0.1:0", Store: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s.URL
}

// open connects to a lab until the test ends.
func open(t testing.TB, url string) *natslab.Lab {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	l, err := natslab.Open(t.Context(), nc, nil)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestQueue runs the tests of every queue on the lab. The owner and the agent
// have connections of their own, as on two hosts.
func TestQueue(t *testing.T) {
	t.Parallel()
	labtest.Queue(t, func(t *testing.T, record lab.Record) (lab.Queue, lab.Source) {
		url := serve(t)
		ctx, cancel := context.WithCancel(context.Background())
		t.Cleanup(cancel)
		q, err := open(t, url).Own(ctx, natslab.Run{ID: "run.1", Owner: "test"}, natslab.Owner{Record: record})
		if err != nil {
			t.Fatal(err)
		}
		s, err := open(t, url).Source(ctx, "agent", "")
		if err != nil {
			t.Fatal(err)
		}
		return q, s
	})
}
