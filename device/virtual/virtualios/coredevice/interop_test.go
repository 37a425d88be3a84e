package coredevice_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wxctl/wxctl/device/ios"
	"github.com/wxctl/wxctl/device/virtual/virtualios"
	"github.com/wxctl/wxctl/device/virtual/virtualios/coredevice"
	"github.com/wxctl/wxctl/device/virtual/virtualios/idevice"
	"github.com/wxctl/wxctl/device/virtual/virtualios/lockdownd"
	"github.com/wxctl/wxctl/fixtures/fault"
	"github.com/wxctl/wxctl/fixtures/tier"
)

// clients holds the scripts that drive third-party clients.
const clients = "../../../../fixtures/interop/ios"

const bundleID = "com.tencent.xin"

// lab is a phone that external programs can reach in every way.
type lab struct {
	*virtualios.Server
	rsdHost, rsdPort string
	steps            *fault.Plan
}

func startLab(t *testing.T, o virtualios.Options) *lab {
	t.Helper()
	// A unix socket's path has to be short.
	dir, err := os.MkdirTemp("", "wx")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	steps := fault.New()
	s, err := virtualios.Start(t.Context(), virtualios.Config{Socket: filepath.Join(dir, "mux"), Faults: steps.Strike, Keys: lockdownd.NewKeys()}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	rsd, err := s.ServeRSD(0)
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(rsd)
	if err != nil {
		t.Fatal(err)
	}
	return &lab{s, host, port, steps}
}

// run runs a client in its own directory with a home of its own and returns its
// output.
func (l *lab) run(t *testing.T, dir, program string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.WaitDelay = 10 * time.Second
	socket := l.Socket
	if filepath.Base(program) == "node" || filepath.Base(program) == "unshare" {
		socket = "unix:" + socket
	}
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "PYTHONDONTWRITEBYTECODE=1", "NO_COLOR=1", "USBMUXD_SOCKET_ADDRESS="+socket)
	var out, diag bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &diag
	err = cmd.Run()
	return out.String(), diag.String(), err
}

// python returns the path of a program in the clients' virtual environment.
func python(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(tier.Need(t, "coredevice", filepath.Join(clients, ".venv/bin", name))[0])
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// inFront waits for an app to come to the front; external programs have ended
// by then, so it is in front.
func (l *lab) inFront(t *testing.T, bundleID string) {
	t.Helper()
	if got := l.Phones[0].Model.Front().BundleID; got != bundleID {
		t.Errorf("%q is in front, not %q", got, bundleID)
	}
}

// TestPymobiledevice3 launches WeChat and lists processes with its command
// line, at RSD and through a tunnel with a TCP stack of its own.
func TestPymobiledevice3(t *testing.T) {
	program := python(t, "pymobiledevice3")
	l := startLab(t, virtualios.Options{})
	direct := []string{"--rsd", l.rsdHost, l.rsdPort}
	ask := func(want string, args ...string) {
		t.Helper()
		stdout, stderr, err := l.run(t, ".", program, args...)
		if err != nil || !strings.Contains(stdout, want) {
			t.Errorf("%q: %v, want %q in\n%s\n%s", args, err, want, stdout, stderr)
		}
	}
	command := func(way []string, name string, args ...string) []string {
		return append(append([]string{"developer", "core-device", name}, way...), args...)
	}
	ask(`"com.apple.mobile.lockdown.remote.trusted"`, append([]string{"remote", "rsd-info"}, direct...)...)
	ask(`"bundleIdentifier": "com.tencent.xin"`, command(direct, "list-apps")...)
	ask(`"processIdentifier": `, command(direct, "launch-application", bundleID)...)
	l.inFront(t, bundleID)
	ask("/WeChat.app/WeChat", command(direct, "list-processes")...)
	ask(`"passcodeRequired": false`, command(direct, "get-lockstate")...)

	l.Phones[0].Model.Home()
	ask(`"processIdentifier": `, command([]string{"--userspace"}, "launch-application", bundleID)...)
	l.inFront(t, bundleID)
	if got := l.steps.Count("CoreDeviceProxy handshake"); got != 1 {
		t.Errorf("%d tunnels", got)
	}

	_, stderr, err := l.run(t, ".", program, command(direct, "launch-application", "com.nope")...)
	if err == nil || !strings.Contains(stderr, "is not installed (code 10002)") {
		t.Errorf("an app that is not there: %v\n%s", err, stderr)
	}
	l.Phones[0].Model.Home()
	l.Phones[0].Model.SetLocked(true)
	_, stderr, err = l.run(t, ".", program, command(direct, "launch-application", bundleID)...)
	if err == nil || !strings.Contains(stderr, "Locked") {
		t.Errorf("a locked phone: %v\n%s", err, stderr)
	}
}

// TestPymobiledevice3Streams lists apps with it as of iOS 26.
func TestPymobiledevice3Streams(t *testing.T) {
	program := python(t, "pymobiledevice3")
	l := startLab(t, virtualios.Options{IOS: "26.1"})
	stdout, stderr, err := l.run(t, ".", program, "developer", "core-device", "list-apps", "--rsd", l.rsdHost, l.rsdPort)
	if err != nil || !strings.Contains(stdout, `"bundleIdentifier": "com.tencent.xin"`) {
		t.Errorf("%v\n%s\n%s", err, stdout, stderr)
	}
	if l.steps.Count("appservice streamapplist") != 1 {
		t.Errorf("%q", l.steps.Steps())
	}
}

// TestPymobiledevice3URL passes a URL to WeChat with it, also one that is
// larger than every window and packet.
func TestPymobiledevice3URL(t *testing.T) {
	program := python(t, "python3")
	l := startLab(t, virtualios.Options{})
	urls := make(chan string, 4)
	l.Phones[0].Model.Install(idevice.App{BundleID: "com.example.taker", Name: "Taker", Code: taker(urls)})
	for _, way := range [][]string{{"direct", l.rsdHost, l.rsdPort}, {"userspace", l.Phones[0].UDID()}} {
		for _, length := range []int{0, 300_000} {
			url := "weixin://app/wx1/auth/?state=" + strings.Repeat("s", length)
			cmd := append(append([]string{"payload_url.py"}, way...), "com.example.taker", "-")
			stdout, stderr, err := l.runWith(t, url, program, cmd...)
			if err != nil {
				t.Errorf("%s, %d: %v\n%s\n%s", way[0], length, err, stdout, stderr)
				continue
			}
			if got := <-urls; got != url {
				t.Errorf("%s: a URL of %d bytes arrived, not of %d", way[0], len(got), len(url))
			}
		}
	}
}

func (l *lab) runWith(t *testing.T, stdin, program string, args ...string) (string, string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stdin")
	if err := os.WriteFile(path, []byte(stdin), 0o600); err != nil {
		t.Fatal(err)
	}
	return l.run(t, clients, "sh", append([]string{"-c", `input=$1; shift; exec "$@" < "$input"`, "sh", path, program}, args...)...)
}

// taker accepts URLs.
type taker chan string

func (taker) Launched(*idevice.Phone, idevice.Process, idevice.Launch)         {}
func (c taker) Opened(_ *idevice.Phone, _ idevice.Process, url, source string) { c <- url }

// TestXPCCodec: pymobiledevice3's codec reads our messages: the launch that
// wxctl sends, which it compares with its own, and every type.
func TestXPCCodec(t *testing.T) {
	program := python(t, "python3")
	const url = "weixin://app/wx0123456789abcdef/auth/?scope=snsapi_userinfo&state=s1"
	launch := ios.LaunchRequest(ios.Launch{BundleID: bundleID, URL: url}, "7C3A2D30-0000-4000-8000-000000000001", "7C3A2D30-0000-4000-8000-000000000002")
	messages := append([]map[string]any{launch}, corpus()...)
	dir := t.TempDir()
	args := []string{"xpc_check.py", bundleID, url}
	for i, body := range messages {
		data, err := coredevice.Message(coredevice.Root, body)
		if err != nil {
			t.Fatal(err)
		}
		const frameHead = 9                                          // of the HTTP/2 frame around it
		binary.LittleEndian.PutUint32(data[frameHead+4:], 0x1_01_01) // a request, not a reply
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(path, data[frameHead:], 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	stdout, stderr, err := new(lab).offline(t, program, args...)
	if want := fmt.Sprintf("%d messages, 0 problems\n", len(messages)); err != nil || stdout != want {
		t.Errorf("%v\n%s\n%s", err, stdout, stderr)
	}
	// It does see a difference.
	args[2] = "weixin://another"
	if stdout, _, err := new(lab).offline(t, program, args...); err == nil || !strings.Contains(stdout, "payloadURL/relative") {
		t.Errorf("another URL: %v\n%s", err, stdout)
	}
}

// offline runs a program that uses no phone.
func (l *lab) offline(t *testing.T, program string, args ...string) (string, string, error) {
	l.Server = &virtualios.Server{}
	return l.run(t, clients, program, args...)
}

// corpus has every type, alone and in containers, at every padding.
func corpus() []map[string]any {
	values := []any{
		nil, true, false, int64(0), int64(-1), int64(1) << 62, uint64(0), uint64(1<<64 - 1), 0.0, -1.5, time.Unix(0, 0), time.Unix(1795000000, 1),
		uuid.UUID{1, 2, 3}, []any{}, map[string]any{},
	}
	for n := range 6 {
		values = append(values, strings.Repeat("x", n), bytes.Repeat([]byte{0xff}, n), strings.Repeat("信", n))
	}
	values = append(values, values[:len(values):len(values)])
	nested := any(int64(1))
	for range 10 {
		nested = []any{nested, map[string]any{"in": nested}}
	}
	var out []map[string]any
	for i, v := range append(values, nested) {
		out = append(out, map[string]any{strings.Repeat("k", i%7): v})
	}
	return out
}

// TestAppium: appium-ios-remotexpc uses RSD and appservice without a tunnel.
func TestAppium(t *testing.T) {
	node := tier.Need(t, "coredevice-full", "node")[0]
	needPackages(t)
	l := startLab(t, virtualios.Options{})
	stdout, stderr, err := l.run(t, clients, node, "remotexpc.mjs", l.rsdHost, l.rsdPort, bundleID, "weixin://")
	if err != nil || !strings.HasSuffix(stdout, "accepted\n") {
		t.Errorf("%v\n%s\n%s", err, stdout, stderr)
	}
	l.inFront(t, bundleID)
}

// needPackages skips the test unless npm's packages are installed.
func needPackages(t *testing.T) {
	t.Helper()
	packages := filepath.Join(clients, "node_modules")
	if _, err := os.Stat(packages); err != nil {
		tier.Need(t, "coredevice-full", packages)
	}
}

// TestKernelTunnel: it opens a tunnel through an interface of the kernel, whose
// TCP checks ours, in its own network namespace: nothing else here sees the
// interface.
func TestKernelTunnel(t *testing.T) {
	paths := tier.Need(t, "coredevice-full", "unshare", "node", "ip")
	needPackages(t)
	if err := exec.Command(paths[0], "-n", "true").Run(); err != nil {
		if tier.Required("coredevice-tunnel") {
			t.Fatal("no network namespace may be made here")
		}
		t.Skip("no network namespace may be made here")
	}
	if _, err := os.Stat("/dev/net/tun"); errors.Is(err, os.ErrNotExist) && !tier.Required("coredevice-tunnel") {
		t.Skip("there is no /dev/net/tun")
	}
	l := startLab(t, virtualios.Options{})
	script := "ip link set lo up && exec node tunnel.mjs " + l.Phones[0].UDID()
	stdout, stderr, err := l.run(t, clients, paths[0], "-n", "sh", "-c", script)
	if err != nil || !strings.HasSuffix(stdout, "accepted\n") {
		t.Errorf("%v\n%s\n%s", err, stdout, stderr)
	}
}

// TestIdeviceCrate: the crate idevice launches WeChat through a tunnel with a
// TCP stack of its own.
func TestIdeviceCrate(t *testing.T) {
	program, err := filepath.Abs(tier.Need(t, "coredevice-full", filepath.Join(clients, "idevice/target/debug/idevice-check"))[0])
	if err != nil {
		t.Fatal(err)
	}
	l := startLab(t, virtualios.Options{})
	stdout, stderr, err := l.run(t, ".", program, bundleID, "weixin://")
	if err != nil || !strings.HasSuffix(stdout, "accepted\n") {
		t.Errorf("%v\n%s\n%s", err, stdout, stderr)
	}
	l.inFront(t, bundleID)
}
