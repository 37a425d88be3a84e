package natslab_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
)

// onlook is an onlooker that knows nothing of wxctl: a plain client of NATS that
// takes all that is said. What it returns is what it has heard.
func onlook(t *testing.T, url string) func() string {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	var mu sync.Mutex
	var all strings.Builder
	if _, err := nc.Subscribe(">", func(m *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		all.WriteString(m.Subject + " " + string(m.Data) + "\n")
	}); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return func() string {
		_ = nc.Flush() // what was said before has come
		mu.Lock()
		defer mu.Unlock()
		return all.String()
	}
}
