package cmd

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/fixtures/tier"
)

// walkGolden has the exit code and the message of the command for each request
// in each condition.
var walkGolden = filepath.Join("..", "fixtures", "golden", "verdicts.txt")

// condition is a state of a phone and its WeChat in which a request is sent.
type condition struct {
	name         string
	android, ios string // options of the virtual phones
	flags        []string
	// refused is set if WeChat accepts no request then, so that none may succeed.
	refused bool
}

func conditions() []condition {
	same := func(name, option string, refused bool) condition {
		return condition{name: name, android: option, ios: option, refused: refused}
	}
	return []condition{
		same("send", "answer=send", false), same("cancel", "answer=cancel", false), same("deny", "answer=deny", false),
		same("stay", "answer=stay", false), same("fail", "answer=fail", false), same("unsupported", "answer=unsupported", true),
		same("signature", "signature=wrong", true), same("logged-out", "login=out", false), same("missing", "wechat=none", true),
		{name: "too-old", android: "wechat=6.5.0", ios: "wechat=7.0.0"}, // some requests don't need a newer one
		{name: "wrong-appid", flags: []string{"--app-id", "wxffffffffffffffff"}, refused: true},
	}
}

// walked is a request of TestVerdicts. Quick ones are tested in every run of
// the tests, the others in the tier "verdicts".
type walked struct {
	args  []string
	quick bool
}

func walkedRequests() []walked {
	var all []walked
	for _, kind := range []string{"text", "image", "music", "video", "webpage", "miniprogram", "file", "emoji"} {
		for _, scene := range []string{"session", "timeline", "favorite", "contact"} {
			args := []string{"share", kind, "--scene", scene}
			if scene == "contact" {
				args = append(args, "--to", "oFriend", "--openid", "oVirtual0000000000000000user")
			}
			all = append(all, walked{args, kind == "text" || scene == "timeline" && slices.Contains([]string{"miniprogram", "file", "emoji"}, kind)})
		}
	}
	return append(all,
		walked{[]string{"auth", "login", "--code-only"}, true},
		walked{[]string{"launch", "miniprogram", "--user-name", "gh_0123456789ab"}, true},
		walked{[]string{"subscribe", "--scene", "1", "--template-id", "T"}, true})
}

// row is one request in one condition.
type row struct {
	key     string
	args    []string
	phone   string
	refused bool
	// of a golden row
	late string // the last evidence, of a row that ends by its timeout
	want string
}

func walkRows(t *testing.T) []row {
	golden := map[string]string{}
	data, err := os.ReadFile(walkGolden)
	if err != nil && !*update {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if key, said, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " => "); ok {
			golden[key] = said
		}
	}
	full := *update || tier.Required("verdicts-all")
	var rows []row
	for _, on := range []string{"android", "ios"} {
		for _, request := range walkedRequests() {
			for _, c := range conditions() {
				for _, until := range []string{"opened", "replied"} {
					// Over USB an iPhone shows only that WeChat came to the front:
					// so only waiting for the reply makes sense there.
					if !full && (!request.quick || on == "ios" && until == "opened") {
						continue
					}
					options := c.android
					if on == "ios" {
						options = c.ios
					}
					r := row{key: strings.Join(append(append([]string{on}, request.args...), "until", until, c.name), " "), refused: c.refused}
					r.phone = "virtual:" + on + "?think=1ms&" + options
					r.args = append(append(append(r.args, request.args...), c.flags...), "--until", until, "-v", "--json")
					r.phone = strings.TrimSuffix(r.phone, "&")
					r.want = golden[r.key]
					if _, last, ok := strings.Cut(r.want, " last="); ok && strings.HasPrefix(r.want, "exit=18") {
						r.late = strings.Trim(last, `"`)
						// This evidence is derived at the end, from what came
						// before it.
						if strings.HasPrefix(r.late, "WeChat stayed on its entry screen") {
							r.late = "WeChat took the request"
						}
					}
					rows = append(rows, r)
				}
			}
		}
	}
	return rows
}

// walk runs one row and returns its result.
func (r *row) walk(t *testing.T) string {
	dir := t.TempDir()
	run := beside(t, map[string]string{"WXCTL_DEVICE": r.phone, "WXCTL_CONFIG_DIR": dir, "WXCTL_STATE_DIR": dir}, r.args...)
	code, ended, pause := 0, false, 20*time.Millisecond
	if *update {
		pause = 10 * time.Second
	}
	for !ended {
		before := run.errOut.String()
		select {
		case code = <-run.code:
			ended = true
		case <-time.After(pause):
			// The time of a row that ends by its timeout is ended as soon as
			// the last evidence was seen; or, when the golden is made, as soon
			// as nothing new comes.
			now := run.errOut.String()
			if r.late != "" && strings.Contains(now, r.late) || *update && now == before {
				code, ended = run.timeOut(t), true
			}
		}
	}
	var o device.Outcome
	if err := json.Unmarshal([]byte(run.out.String()), &o); err != nil {
		return fmt.Sprintf("exit=%d no JSON: %v: %s%s", code, err, run.out, run.errOut)
	}
	value := func(v any) string {
		text, _ := json.Marshal(v)
		return string(text)
	}
	said := fmt.Sprintf("exit=%d state=%s status=%s", code, value(o.State), value(o.Status))
	if o.Err != nil {
		said += fmt.Sprintf(" err=%d", o.Err.Code)
	} else {
		said += " err=null"
	}
	events := make([]string, len(o.Events))
	for i, e := range o.Events {
		events[i] = e.EventType
	}
	last := ""
	if n := len(o.Evidence); n > 0 {
		last = o.Evidence[n-1].What
	}
	if o.State == device.Replied {
		last = "" // by whichever way was quicker
	}
	return fmt.Sprintf("%s screen=%s events=[%s] last=%q", said, value(o.Screen), strings.Join(events, " "), last)
}

// TestVerdicts sends every request in every condition, on both platforms: the
// golden has the exit codes. Nothing that was refused succeeds.
func TestVerdicts(t *testing.T) {
	if !*update {
		tier.Need(t, "verdicts")
	}
	rows := walkRows(t)
	said := make([]string, len(rows))
	var wg sync.WaitGroup
	next := make(chan int)
	for range 8 {
		wg.Go(func() {
			for i := range next {
				said[i] = rows[i].walk(t)
			}
		})
	}
	for i := range rows {
		next <- i
	}
	close(next)
	wg.Wait()
	// Some rows end with a time limit of the program. One that differs while
	// others run is repeated alone.
	for i, r := range rows {
		if !*update && said[i] != r.want {
			t.Logf("again, alone: %s", r.key)
			said[i] = r.walk(t)
		}
	}
	var golden strings.Builder
	for i, r := range rows {
		fmt.Fprintf(&golden, "%s => %s\n", r.key, said[i])
		if !*update && said[i] != r.want {
			t.Errorf("%s\n got %s\nwant %s", r.key, said[i], r.want)
		}
		if (r.refused || strings.Contains(said[i], "status=false")) && strings.HasPrefix(said[i], "exit=0") {
			t.Errorf("refused, but successful: %s: %s", r.key, said[i])
		}
	}
	if *update {
		if err := os.WriteFile(walkGolden, []byte(golden.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
