package cmd

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/wechat"
	"github.com/wxctl/wxctl/fixtures/tier"
)

// TestLabKeys is a lab with keys and TLS, as it is set up for several hosts:
// each key can do what it is for, and other requests are refused with a reason.
func TestLabKeys(t *testing.T) {
	tier.Need(t, "lab")
	h := &labHosts{TB: t, dir: t.TempDir(), ttl: 3 * time.Second}
	config := filepath.Join(h.dir, "keys")
	if out, err := exec.Command("wxctl", "lab", "init", config, "--host", "127.0.0.1").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	server := h.start("server", "lab", "serve", "--listen", "127.0.0.1:0", "--store", filepath.Join(h.dir, "lab"), "--config", config)
	h.url = h.says(server, "url")["url"].(string)
	as := func(role string) []string {
		return []string{"--lab", h.url, "--lab-key", filepath.Join(config, role+".nk"), "--lab-ca", filepath.Join(config, "ca.pem")}
	}
	phones, err := virtualandroid.Start(t.Context(), virtualandroid.Options{Serial: "R58N1", Answer: wechat.Send})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { phones.Close() })
	agent := h.start("host", append([]string{"agent", "--name", "rack1", "--platform", "android", "--adb-server", phones.ADB,
		"--metrics", "127.0.0.1:0"}, as("agent")...)...)
	if said := h.says(agent, "agent"); said["phones"] != float64(1) {
		t.Fatalf("%v", said)
	}
	wxctl := func(args ...string) (string, int) {
		c := exec.Command("wxctl", args...)
		c.Env = append(os.Environ(), "WXCTL_STATE_DIR="+filepath.Join(h.dir, "owner"), "WXCTL_CONFIG_DIR="+filepath.Join(h.dir, "config"))
		c.Dir = h.dir
		out, err := c.CombinedOutput()
		if err != nil && c.ProcessState == nil {
			t.Fatal(err)
		}
		return string(out), c.ProcessState.ExitCode()
	}
	share := []string{"share", "text", "hi", "--scene", "session"}
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{append(share, as("runner")...), 0, "handed to WeChat"},
		{append(append(share, "--json", "--until", "replied"), as("runner")...), 0, `"state":"replied"`},
		{append(share, as("viewer")...), 4, "this key may not"},
		{append(share, as("agent")...), 4, "this key may not"},
		{append([]string{"lab", "ls"}, as("viewer")...), 0, "R58N1"},
		{append([]string{"devices", "--json"}, as("viewer")...), 0, `"agent":"rack1"`},
		{append([]string{"lab", "hold", "R58N1", "--for", "1m"}, as("viewer")...), 4, "this key may not hold, drain, quarantine or release phones"},
		{append([]string{"lab", "hold", "nobody"}, as("runner")...), 10, `the lab has no phone "nobody"`},
		{append([]string{"lab", "drain", "nobody"}, as("runner")...), 2, `the lab has no agent "nobody"`},
		{append([]string{"lab", "quarantine", "R58N1", "--reason", "cracked"}, as("runner")...), 0, ""},
		{append([]string{"lab", "ls"}, as("viewer")...), 0, "quarantined"},
		{append(share, as("runner")...), 10, "no phone of the lab fits"},
		{append([]string{"lab", "release", "R58N1"}, as("runner")...), 0, ""},
		{append([]string{"lab", "drain", "rack1"}, as("runner")...), 0, ""},
		{append([]string{"lab", "ls"}, as("viewer")...), 0, "drained"},
		{append([]string{"lab", "release", "rack1"}, as("runner")...), 0, ""},
		{append(share, as("runner")...), 0, "handed to WeChat"},
		{[]string{"lab", "ls", "--lab", h.url, "--lab-ca", filepath.Join(config, "ca.pem")}, 4, "wants a key"},
		{append([]string{"auth", "login"}, as("runner")...), 2, "a login alone can't be done in a lab"},
	} {
		if out, code := wxctl(test.args...); code != test.code || !strings.Contains(out, test.want) {
			t.Errorf("%v: exit %d, want %d with %q:\n%s", test.args, code, test.code, test.want, out)
		}
	}
}

// TestLabSecrets: a code that is captured at a phone reaches the owner, who
// exchanges it, and is nowhere in what the lab stores.
func TestLabSecrets(t *testing.T) {
	tier.Need(t, "lab")
	h := newLab(t, 3*time.Second, 0, nil)
	file := filepath.Join(h.dir, "login.yaml")
	// The owner has the AppSecret and fails because it can't reach WeChat; an
	// agent has none, and would report that (exit 4).
	suite := `version: 1
name: login
secrets: [LAB_SECRET]
cases:
  - name: login
    on: any
    steps:
      - {do: auth login, with: {code-only: true, state: "${env.LAB_SECRET}"}, capture: {code: {from: reply.code, secret: true}}}
      - {do: auth exchange, with: {code: "${code}"}, expect: {exit: 1}}
`
	if err := os.WriteFile(file, []byte(suite), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LAB_SECRET", "s3cr3t-of-the-suite")
	h.env = []string{"WXCTL_APP_ID=wx0123456789abcdef", "WXCTL_APP_SECRET=0123456789abcdef0123456789abcdef", "HTTPS_PROXY=http://127.0.0.1:1"} // only of the owner
	out := filepath.Join(h.dir, "run")
	owner := h.run("login", file, "--out", out)
	_ = owner.Wait() // its exit code is checked below
	events, err := os.ReadFile(filepath.Join(out, eventsFile))
	if err != nil {
		t.Fatalf("%v\n%s", err, owner.out)
	}
	if run, err := readRun(out); err != nil || run.Counts.Passed != 1 {
		t.Errorf("%v\n%s\n%s", err, owner.out, events)
	}
	err = filepath.WalkDir(h.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), "s3cr3t-of-the-suite") {
			t.Errorf("%s holds the secret", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
