package cmd

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/fixtures/wait"
)

// TestRunWeb: the page of a run is updated until the run ends, for those who
// have the token; it shows the pictures of attempts, and no other file.
func TestRunWeb(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "suite.yaml")
	const text = "version: 1\nname: live\ncases:\n" +
		"  - {name: one, do: share text, args: [hi], expect: {state: delivered}}\n" +
		"  - {name: <b>two</b>, do: share text, args: [hi], with: {until: replied}, expect: {reply.errCode: 1}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, _, _ := testFactory(t, "", map[string]string{"WXCTL_STATE_DIR": dir, "WXCTL_CONFIG_DIR": dir})
	said := &lockedText{}
	f.Streams.Err = said
	ended := make(chan int, 1)
	go func() {
		ended <- int(Run(t.Context(), f, []string{"run", file, "--device", "virtual:android?think=2s", "--web", "127.0.0.1:0", "--out",
			filepath.Join(dir, "run")}))
	}()
	var link string
	wait.For(t, "the page's address", func() bool {
		link = regexp.MustCompile(`http://127\.0\.0\.1:\d+/\w+/`).FindString(said.String())
		return link != ""
	})
	client := &http.Client{}
	defer client.CloseIdleConnections()
	get := func(url string, change ...func(*http.Request)) (int, string, http.Header) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range change {
			c(r)
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(body), answer.Header
	}
	if status, page, _ := get(link); status != 200 || !strings.Contains(page, "connect-src &#39;self&#39;") || strings.Contains(page, "<b>two") {
		t.Errorf("%d: %s", status, page)
	}
	root := link[:strings.LastIndex(strings.TrimSuffix(link, "/"), "/")+1]
	for what, got := range map[string]func() int{
		"no token":      func() int { s, _, _ := get(root); return s },
		"another token": func() int { s, _, _ := get(root + "AAAA/"); return s },
		"another host": func() int {
			s, _, _ := get(link, func(r *http.Request) { r.Host = "evil.example" })
			return s
		},
		"another site": func() int {
			s, _, _ := get(link+"events", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") })
			return s
		},
		"a method that writes": func() int { s, _, _ := get(link, func(r *http.Request) { r.Method = http.MethodPost }); return s },
	} {
		if status := got(); status < 400 {
			t.Errorf("%s: %d", what, status)
		}
	}
	answer, err := client.Get(link + "events")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var last struct {
		Live     struct{ Ended bool }
		Pictures []string
		Results  []struct{ Status string }
	}
	seen := map[string]bool{}
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		last.Results, last.Pictures = nil, nil
		if err := json.Unmarshal([]byte(data), &last); err != nil {
			t.Fatal(err)
		}
		for _, r := range last.Results {
			seen[r.Status] = true
		}
		if len(last.Pictures) > 0 && !last.Live.Ended {
			status, picture, head := get(link + strings.TrimPrefix(last.Pictures[0], "./"))
			if status != 200 || head.Get("Content-Type") != "image/png" || !strings.HasPrefix(picture, "\x89PNG") {
				t.Errorf("%d %s for %s", status, head.Get("Content-Type"), last.Pictures[0])
			}
			for _, other := range []string{"files/0/events.ndjson", "files/0/plan.json", "files/0/../../../etc/passwd", "files/1/x", "files/-1/x"} {
				if status, _, _ := get(link + other); status != 404 {
					t.Errorf("%s: %d", other, status)
				}
			}
		}
	}
	if !last.Live.Ended || !seen["running"] || !seen["passed"] || !seen["failed"] {
		t.Errorf("ended: %t, seen: %v", last.Live.Ended, seen)
	}
	if code := <-ended; code != 5 {
		t.Errorf("exit %d: %s", code, said.String())
	}
	f, _, errOut := testFactory(t, "", nil)
	if code := Run(t.Context(), f, []string{"run", file, "--web", "0.0.0.0:80"}); code != 2 || !strings.Contains(errOut(), "127.0.0.1:0") {
		t.Errorf("exit %d: %s", code, errOut())
	}
}
