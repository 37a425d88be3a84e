//go:build unix

package cmd

import (
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/fixtures/oauthtest"
	"github.com/wxctl/wxctl/fixtures/tier"
	"github.com/wxctl/wxctl/oauth/virtualoauth"
)

// BenchmarkAuthUserInfo compares a cold `wxctl auth userinfo`, from exec to
// exit, with curl making the same request. The ratio must be at most 1.5.
func BenchmarkAuthUserInfo(b *testing.B) {
	curl := tier.Need(b, "curl", "curl")[0]
	server := oauthtest.New(virtualoauth.Options{Secret: sentinelSecret})
	ts := httptest.NewServer(server)
	defer ts.Close()
	dir := b.TempDir()
	wxctl := filepath.Join(dir, "wxctl") // as it is shipped, without the tests
	if out, err := exec.Command("go", "build", "-o", wxctl, "..").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	login, out := program(b.Context(), wxctl, dir, server.IssueCode(virtualoauth.DefaultUser(), ""), nil, "auth", "exchange", "--base-url", ts.URL)
	if err := login.Run(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	run := func() {
		cmd, out := program(b.Context(), wxctl, dir, "", nil, "auth", "userinfo", "--base-url", ts.URL)
		if err := cmd.Run(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
	}
	run()
	asked := server.Requests("userinfo")[0]
	url := ts.URL + "/sns/userinfo?lang=zh_CN&openid=" + asked.Query["openid"][0] + "&access_token=" + asked.Query["access_token"][0]
	var ours, theirs time.Duration
	for b.Loop() { // alternating, so that the machine's load is the same for both
		begun := time.Now()
		run()
		ours += time.Since(begun)
		begun = time.Now()
		if err := exec.CommandContext(b.Context(), curl, "-sf", url).Run(); err != nil {
			b.Fatal(err)
		}
		theirs += time.Since(begun)
	}
	b.ReportMetric(float64(ours)/float64(theirs), "ratio")
	b.ReportMetric(float64(ours.Microseconds())/float64(b.N), "wxctl-µs")
	b.ReportMetric(float64(theirs.Microseconds())/float64(b.N), "curl-µs")
}

// wxctl takes less than 32 MiB, whatever the server sends. More than half of it is
// the program itself, with the server of a lab in it.
func TestAuthMemory(t *testing.T) {
	if runtime.GOOS != "linux" || raceDetector() {
		t.Skip("the unit of the maximum is Linux's, and the race detector has memory of its own")
	}
	server := oauthtest.New(virtualoauth.Options{Secret: sentinelSecret})
	ts := httptest.NewServer(server)
	defer ts.Close()
	// Not the maximum that the kernel reports for a child: it includes the
	// test's own size at the time of the fork.
	wxctl, err := exec.LookPath("wxctl-peak")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	login, out := program(t.Context(), wxctl, dir, server.IssueCode(virtualoauth.DefaultUser(), ""), nil, "auth", "exchange", "--base-url", ts.URL)
	if err := login.Run(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, fault := range []virtualoauth.Fault{{Kind: "extra"}, {Kind: "huge"}} {
		server.SetFaults(fault)
		cmd, out := program(t.Context(), wxctl, dir, "", nil, "auth", "userinfo", "--base-url", ts.URL)
		_ = cmd.Run() // the huge reply is refused
		_, peak, _ := strings.Cut(out.String(), "VmHWM:")
		kib, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(peak), " kB"))
		if err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		if kib > 32<<10 {
			t.Errorf("%s: %d KiB at most, want 32 MiB", fault.Kind, kib)
		}
		t.Logf("%s: %d KiB", fault.Kind, kib)
	}
}
