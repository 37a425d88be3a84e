package cmd

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device/virtual/local"
	"github.com/wxctl/wxctl/intents/suite"
	"github.com/wxctl/wxctl/intents/suite/report"
)

// checkWeb validates the address of --web.
func checkWeb(address string) error {
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return exit.Usagef("use --web 127.0.0.1:0", "invalid --web %q: it must be an address of this machine", address)
	}
	return nil
}

// serveWeb serves a page at the address of --web, under a token of its own, and
// returns the URL to open.
func serveWeb(ctx context.Context, address string, handler func(token string) http.Handler) (*http.Server, string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, "", busyPort(err)
	}
	token := rand.Text()
	server := &http.Server{Handler: handler(token), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }() // ends with Close
	return server, "http://" + listener.Addr().String() + "/" + token + "/", nil
}

// webView is the live page of a run: the current report, updated as events
// come. It is read-only, and ends with the run.
type webView struct {
	server *http.Server

	mu      sync.Mutex
	runs    []*webRun
	changed chan struct{} // closed and replaced when there is more to show
	ended   chan struct{} // closed when there is no more to come
}

// webRun is one of the runs that a page shows.
type webRun struct {
	fold  suite.Fold
	files *os.Root
}

// startWeb begins to serve the page, if --web asks for it.
func (o *runOptions) startWeb(ctx context.Context) (*webView, error) {
	if o.web == "" {
		return nil, nil
	}
	v := &webView{changed: make(chan struct{}), ended: make(chan struct{})}
	server, link, err := serveWeb(ctx, o.web, func(token string) http.Handler {
		return local.Only(local.Behind(token, v.behind()))
	})
	if err != nil {
		return nil, err
	}
	v.server = server
	o.f.Streams.Note("watch the run in a browser: %s", link)
	return v, nil
}

// follow adds a run, whose folder may contain earlier events.
func (v *webView) follow(r *suiteRun, folder *runFolder) error {
	if v == nil {
		return nil
	}
	files, err := os.OpenRoot(folder.dir)
	if err != nil {
		return err
	}
	run := &webRun{files: files}
	if r.before != nil {
		err := func() error {
			events, err := files.Open(eventsFile)
			if err != nil {
				return err
			}
			defer events.Close()
			_, err = suite.ReadEvents(events, run.fold.Add)
			return err
		}()
		if err != nil {
			return errors.Join(err, files.Close())
		}
	}
	v.mu.Lock()
	v.runs = append(v.runs, run)
	v.mu.Unlock()
	r.writer.Watch(func(e suite.Event, _ []byte) {
		v.mu.Lock()
		defer v.mu.Unlock()
		_ = run.fold.Add(e) // it was checked when it was created
		v.wake()
	})
	return nil
}

func (v *webView) wake() {
	close(v.changed)
	v.changed = make(chan struct{})
}

// close tells the open pages how the run ended, and stops serving.
func (v *webView) close() {
	if v == nil {
		return
	}
	close(v.ended)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if v.server.Shutdown(ctx) != nil {
		_ = v.server.Close() // a browser that does not read
	}
	for _, r := range v.runs {
		_ = r.files.Close()
	}
}

// sources are the runs in their current state; v.mu is held.
func (v *webView) sources() []report.Source {
	var all []report.Source
	for i, r := range v.runs {
		if run := r.fold.Run(); run != nil {
			all = append(all, report.Source{Run: run, Link: "files/" + strconv.Itoa(i)})
		}
	}
	return all
}

// behind serves what is below the token: the page, its events, and the files of
// attempts.
func (v *webView) behind() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		var page bytes.Buffer
		v.mu.Lock()
		err := report.Live(&page, v.sources())
		v.mu.Unlock()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(page.Bytes()) // the browser disconnected
	})
	mux.HandleFunc("GET /events", v.events)
	mux.HandleFunc("GET /files/{run}/{path...}", v.file)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Frame-Options", "DENY")
		mux.ServeHTTP(w, r)
	})
}

// webPause is the shortest interval between updates of a page.
const webPause = 500 * time.Millisecond

// events sends what the page shows, again after each change.
func (v *webView) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w)
	for {
		ended := false
		select {
		case <-v.ended:
			ended = true
		default:
		}
		v.mu.Lock()
		changed := v.changed
		data, err := report.LiveData(v.sources(), ended)
		v.mu.Unlock()
		if err == nil {
			_, err = fmt.Fprintf(w, "data: %s\n\n", data)
		}
		if errors.Join(err, flush.Flush()) != nil || ended {
			return
		}
		select {
		case <-changed:
		case <-v.ended:
		case <-r.Context().Done():
			return
		}
		select { // more may come immediately
		case <-time.After(webPause):
		case <-v.ended:
		case <-r.Context().Done():
			return
		}
	}
}

// file serves a file of an attempt, and no other.
func (v *webView) file(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.PathValue("run"))
	name := path.Clean(r.PathValue("path"))
	v.mu.Lock()
	var kept *suite.Artifact
	if err == nil && n >= 0 && n < len(v.runs) {
		kept = v.runs[n].artifact(name)
	}
	v.mu.Unlock()
	if kept == nil {
		http.NotFound(w, r)
		return
	}
	file, err := v.runs[n].files.Open(name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer file.Close()
	w.Header().Set("Content-Type", kept.MIME)
	w.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
	_, _ = io.Copy(w, file) // the browser disconnected
}

// artifact is the entry of a file; nil if it doesn't belong to an attempt.
func (r *webRun) artifact(name string) *suite.Artifact {
	run := r.fold.Run()
	if run == nil {
		return nil
	}
	for _, result := range run.Results {
		all := result.Artifacts()
		if i := slices.IndexFunc(all, func(a suite.Artifact) bool { return a.Path == name }); i >= 0 {
			return &all[i]
		}
	}
	return nil
}
