package natslab_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/lab"
	"github.com/wxctl/wxctl/device/lab/natslab"
	"github.com/wxctl/wxctl/fixtures/wait"
)

// onlook is an onlooker that is independent of wxctl: a plain client of NATS
// that receives all messages. The returned function gives what it has received.
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
		_ = nc.Flush() // earlier messages have arrived
		mu.Lock()
		defer mu.Unlock()
		return all.String()
	}
}

// asset is a row of the page's table of what is in the server.
type asset struct {
	kind, name string // kind: KV, stream, object store, or empty for plain subjects
	about      string // its first cell
	subjects   []string
	states     []string // words that are not subjects
}

var (
	ticked = regexp.MustCompile("`([^`]+)`")
	hole   = regexp.MustCompile(`<[a-z0-9]+>`)
)

// documented returns the rows of docs/lab.md.
func documented(t *testing.T) []asset {
	t.Helper()
	text, err := os.ReadFile("../../../docs/lab.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(text), "## What is in the server")
	if !ok {
		t.Fatal("the page has no such section")
	}
	var all []asset
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 4 || !strings.Contains(cells[1], "`") {
			continue
		}
		a := asset{about: strings.TrimSpace(cells[1])}
		prefix := ""
		for _, kind := range []string{"KV", "stream", "object store"} {
			if strings.HasPrefix(a.about, kind+" ") {
				a.kind, a.name = kind, ticked.FindStringSubmatch(a.about)[1]
			}
		}
		cell := cells[2]
		switch a.kind {
		case "KV":
			prefix = "$KV." + a.name + "."
		case "object store":
			prefix = "file "
		case "":
			cell = cells[1]
		}
		for _, word := range ticked.FindAllStringSubmatch(cell, -1) {
			if strings.Contains(word[1], "<") {
				a.subjects = append(a.subjects, prefix+word[1])
			} else {
				a.states = append(a.states, word[1])
			}
		}
		all = append(all, a)
	}
	return all
}

// pattern matches the subjects that a subject on the page stands for.
func pattern(subject string) *regexp.Regexp {
	text := regexp.QuoteMeta(subject)
	return regexp.MustCompile("^" + hole.ReplaceAllStringFunc(text, func(h string) string {
		if h == "<job>" || strings.HasPrefix(subject, "file ") { // they may have dots in them
			return ".+"
		}
		return "[^.]+"
	}) + "$")
}

// TestOnlooker: a client of NATS that only knows docs/lab.md finds in the
// server what the page says, all of it and nothing else.
func TestOnlooker(t *testing.T) {
	url := serve(t)
	everything(t, url)
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	pages := documented(t)
	if len(pages) < 9 {
		t.Fatalf("the page has %d rows", len(pages))
	}
	seen := map[string]bool{}
	streams := map[string]jetstream.StreamConfig{}
	for info := range js.ListStreams(t.Context()).Info() {
		streams[info.Config.Name] = info.Config
		for _, m := range messages(t, js, info.Config.Name) {
			seen[m.subject] = true
			if name, ok := strings.CutPrefix(info.Config.Name, "KV_"); ok && len(m.data) > 0 && !json.Valid(m.data) {
				t.Errorf("a value of %s is not JSON: %.100q", name, m.data)
			}
		}
	}
	if len(said(t, url)) == 0 {
		t.Fatal("nothing was reported")
	}
	for _, subject := range said(t, url) {
		seen[subject] = true
	}
	blobs, err := js.ObjectStore(t.Context(), "wx-blobs")
	if err != nil {
		t.Fatal(err)
	}
	files, err := blobs.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		seen["file "+f.Name] = true
	}
	for _, a := range pages {
		checkAsset(t, a, streams)
		for _, p := range a.subjects {
			if !slices.ContainsFunc(slices.Collect(maps.Keys(seen)), pattern(p).MatchString) {
				t.Errorf("%s: %s is not seen", a.about, p)
			}
		}
	}
	for name := range streams {
		t.Errorf("the page lacks %s", name)
	}
	for subject := range seen {
		if strings.HasPrefix(subject, "$O.") {
			continue // a file's name is checked instead
		}
		if !slices.ContainsFunc(pages, func(a asset) bool {
			return slices.ContainsFunc(a.subjects, func(p string) bool { return pattern(p).MatchString(subject) })
		}) {
			t.Errorf("the page lacks %s", subject)
		}
	}
	checkStates(t, js, pages)
}

// checkAsset compares a stream or bucket with the page, and removes it from
// those that are left.
func checkAsset(t *testing.T, a asset, streams map[string]jetstream.StreamConfig) {
	t.Helper()
	name := map[string]string{"KV": "KV_", "object store": "OBJ_"}[a.kind] + a.name
	if a.kind == "" {
		return
	}
	c, ok := streams[name]
	if !ok {
		t.Errorf("%s is not there", a.about)
		return
	}
	delete(streams, name)
	for _, fact := range []struct {
		word string
		is   bool
	}{
		{"TTL 15 s", c.MaxAge == 15*time.Second}, {"TTL 30 s", c.MaxAge == 30*time.Second}, {"7 days", c.MaxAge == 7*24*time.Hour},
		{"1 day", c.MaxAge == 24*time.Hour}, {"work queue", c.Retention == jetstream.WorkQueuePolicy},
	} {
		if strings.Contains(a.about, fact.word) != fact.is {
			t.Errorf("%s: %q is %v of it", a.about, fact.word, fact.is)
		}
	}
}

// checkStates compares the states of claims with the words of the page.
func checkStates(t *testing.T, js jetstream.JetStream, pages []asset) {
	t.Helper()
	i := slices.IndexFunc(pages, func(a asset) bool { return a.name == "wx-claims" })
	if i < 0 {
		t.Fatal("the page has no claims")
	}
	states := map[string]bool{}
	for _, m := range messages(t, js, "KV_wx-claims") {
		var c struct{ State string }
		if err := json.Unmarshal(m.data, &c); err != nil {
			t.Fatal(err)
		}
		states[c.State] = true
	}
	got, want := slices.Sorted(maps.Keys(states)), slices.Sorted(slices.Values(pages[i].states))
	if !slices.Equal(got, want) {
		t.Errorf("claims are %q, the page says %q", got, want)
	}
}

type kept struct {
	subject string
	data    []byte
}

// messages returns all messages of a stream. Those of a work queue are read
// without being taken.
func messages(t *testing.T, js jetstream.JetStream, stream string) []kept {
	t.Helper()
	s, err := js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	state := s.CachedInfo().State
	var all []kept
	for seq := state.FirstSeq; seq <= state.LastSeq && state.Msgs > 0; seq++ {
		m, err := s.GetMsg(t.Context(), seq)
		if err != nil {
			continue // it was deleted, or a newer value is there
		}
		all = append(all, kept{m.Subject, m.Data})
	}
	return all
}

// heard has the messages that were received while everything happened, by server.
var heard sync.Map

// said are the subjects of wxctl that were received at a server.
func said(t *testing.T, url string) []string {
	t.Helper()
	text, _ := heard.Load(url)
	var all []string
	for line := range strings.Lines(text.(func() string)()) {
		subject, _, _ := strings.Cut(line, " ")
		if strings.HasPrefix(subject, "wx.") || strings.HasPrefix(subject, "$KV.") {
			all = append(all, subject)
		}
	}
	return all
}

// everything makes everything happen that is stored or sent in a lab.
func everything(t *testing.T, url string) {
	t.Helper()
	l := open(t, url)
	heard.Store(url, onlook(t, url))
	o := &told{all: map[string][]string{}}
	q, err := l.Own(t.Context(), natslab.Run{ID: "2026.1", Owner: "me"}, natslab.Owner{Record: o.record,
		Answer: func(_ context.Context, text []byte) ([]byte, error) { return text, nil }})
	if err != nil {
		t.Fatal(err)
	}
	s, err := open(t, url).Source(t.Context(), "rack", "")
	if err != nil {
		t.Fatal(err)
	}
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ok(l.Lend(t.Context(), natslab.Agent{Name: "rack", Phones: []natslab.Phone{{Key: "A", Info: device.Info{ID: "A"}}}}))
	ok(l.MarkPhone(t.Context(), "X", natslab.Mark{Kind: natslab.Held}, 0))
	ok(l.MarkAgent(t.Context(), "other", natslab.Mark{Kind: natslab.Drained}))
	name, err := l.PutFile(t.Context(), []byte("a picture"))
	ok(err)
	ok(l.Put(t.Context(), "2026.1/artifacts/case/1/screen.png", []byte(name)))
	ok(q.Submit(t.Context(), lab.Job{ID: "case.1", Phone: "A"}, lab.Job{ID: "2", Selector: "B"}, lab.Job{ID: "3"}, lab.Job{ID: "4", Phone: "nobody"}))
	a, err := s.Lease(t.Context(), "A", "rack", func(sel string) bool { return sel == "" })
	ok(err)
	c := next(t, a)
	ok(c.Firing(t.Context()))
	ok(c.Report(t.Context(), json.RawMessage(`{"what":"opened"}`)))
	ok(c.Done(t.Context(), json.RawMessage(`{}`)))
	_, err = s.Ask(t.Context(), "2026.1", []byte("hello"))
	ok(err)
	c = next(t, a)
	ok(c.Firing(t.Context()))
	ok(a.Release(t.Context())) // it is lost
	b, err := s.Lease(t.Context(), "B", "rack", func(sel string) bool { return sel == "" || sel == "B" })
	ok(err)
	ok(next(t, b).Return(t.Context()))
	wait.For(t, "the owner to know", func() bool {
		return strings.Contains(o.of("3")+o.of("case.1"), "lost") && strings.Contains(o.of("2"), "returned")
	})
	_, err = q.Drain(t.Context())
	ok(err)
	// B's lease still exists, so that the onlooker sees it. It has nothing more
	// to do.
	if _, err := b.Next(t.Context()); err != io.EOF {
		t.Fatal(fmt.Errorf("%w, want io.EOF", err))
	}
	t.Cleanup(func() { _ = b.Release(context.Background()) })
}
