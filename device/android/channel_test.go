package android

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wxctl/wxctl/fixtures/fault"
	"github.com/wxctl/wxctl/fixtures/tier"

	"go.uber.org/goleak"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/adb"
	"github.com/wxctl/wxctl/fixtures/adbtest"
	"github.com/wxctl/wxctl/fixtures/wait"
)

func TestMain(m *testing.M) {
	wait.Parallel()
	goleak.VerifyTestMain(m)
}

// serve runs an adb server of the project's own for the test's time.
func serve(t testing.TB, s *adbtest.Server) Server {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return Server{Addr: s.Addr().String()}
}

// script is a server that answers every connection with the same bytes,
// whatever is asked, and then closes it.
func script(t testing.TB, answer func(net.Conn)) Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var answering sync.WaitGroup
	answering.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			answering.Go(func() { // like adb's server, it answers one client while another waits
				answer(c)
				c.Close()
			})
		}
	})
	t.Cleanup(func() { l.Close(); answering.Wait() })
	return Server{Addr: l.Addr().String()}
}

func code(err error) device.Code {
	if err == nil {
		return ""
	}
	return device.AsError(err).Code
}

func TestFindServer(t *testing.T) {
	for _, tt := range []struct {
		flag string
		env  map[string]string
		want string
		code device.Code
	}{
		{want: "127.0.0.1:5037"},
		{flag: "lab:5038", env: map[string]string{"ADB_SERVER_SOCKET": "tcp:1"}, want: "lab:5038"},
		{env: map[string]string{"ADB_SERVER_SOCKET": "tcp:5040", "ANDROID_ADB_SERVER_PORT": "1"}, want: "127.0.0.1:5040"},
		{env: map[string]string{"ADB_SERVER_SOCKET": "tcp:lab:5040"}, want: "lab:5040"},
		{env: map[string]string{"ADB_SERVER_SOCKET": "tcp:[::1]:5040"}, want: "[::1]:5040"},
		{env: map[string]string{"ADB_SERVER_SOCKET": "localfilesystem:/run/adb"}, want: "/run/adb"},
		{env: map[string]string{"ANDROID_ADB_SERVER_PORT": "5041"}, want: "127.0.0.1:5041"},
		{env: map[string]string{"ANDROID_ADB_SERVER_ADDRESS": "lab"}, want: "lab:5037"},
		{env: map[string]string{"ANDROID_ADB_SERVER_ADDRESS": "::1", "ANDROID_ADB_SERVER_PORT": "9"}, want: "[::1]:9"},
		{flag: "lab", code: device.Usage},
		{flag: "lab:x", code: device.Usage},
		{env: map[string]string{"ADB_SERVER_SOCKET": "vsock:3"}, code: device.Usage},
		{env: map[string]string{"ADB_SERVER_SOCKET": "nonsense"}, code: device.Usage},
		{env: map[string]string{"ANDROID_ADB_SERVER_PORT": "70000"}, code: device.Usage},
	} {
		s, err := FindServer(tt.flag, func(k string) string { return tt.env[k] })
		if s.Addr != tt.want && tt.code == "" || code(err) != tt.code {
			t.Errorf("%q %v: %q, %v", tt.flag, tt.env, s.Addr, err)
		}
	}
}

func TestParseList(t *testing.T) {
	const text = "emulator-5554          device product:sdk_gphone64 model:sdk_gphone64_x86_64 device:emu64 transport_id:1\n" +
		"emulator-5556 offline transport_id:3\n" + // 3 fields: gadb drops it
		"0123456789ABCDEF       unauthorized usb:1-4 transport_id:4\n" + // gadb takes it for usable
		"????????????           no permissions (user in plugdev group; are your udev rules wrong?); see [http://developer.android.com/tools/device.html] usb:1-2 transport_id:5\n" +
		"adb-12 (2)._adb-tls-connect._tcp device product:p model:Mi_9 device:d transport_id:6\n" + // gadb cuts it to adb-12
		"adb-2A111FDH200CY5-q9XyZw._adb-tls-connect._tcp device product:p model:Pixel_6 device:d transport_id:7\n" +
		"192.168.1.20:5555      authorizing transport_id:8\n" +
		"device                 recovery usb:3-1 product:x model:M device:d transport_id:9\n" + // a phone whose name is device
		"(no serial number)     sideload usb:2-2 transport_id:10\n" +
		"S1\tbootloader\n"
	entries, unread := parseList(text)
	if len(unread) > 0 {
		t.Fatalf("%q", unread)
	}
	b := &Backend{}
	var got []string
	for _, e := range entries {
		i := b.info(e)
		got = append(got, fmt.Sprintf("%s|%s|%s|%s|%s", i.ID, i.State, i.Transport, i.Model, i.Hardware))
	}
	want := []string{
		"emulator-5554|ready|emulator|sdk gphone64 x86 64|",
		"emulator-5556|offline|emulator||",
		"0123456789ABCDEF|unauthorized|usb||",
		"????????????|no permissions|usb||",
		"adb-12 (2)._adb-tls-connect._tcp|ready|network|Mi 9|",
		"adb-2A111FDH200CY5-q9XyZw._adb-tls-connect._tcp|ready|network|Pixel 6|2A111FDH200CY5",
		"192.168.1.20:5555|authorizing|network||",
		"device|recovery|usb|M|device",
		"(no serial number)|sideload|usb||",
		"S1|bootloader|usb||S1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if e, unread := parseList("what is this\nS1 device\nnor this\nS2 offline\n"); len(unread) != 2 || len(e) != 2 {
		t.Errorf("invalid lines besides two phones: %v, %q", e, unread)
	}
}

func FuzzParseList(f *testing.F) {
	f.Add("emulator-5554          device product:a model:b device:c transport_id:1\n")
	f.Add("???? no permissions (x); see [y] usb:1-2\n")
	f.Fuzz(func(t *testing.T, s string) {
		entries, _ := parseList(s)
		for _, e := range entries {
			i := (&Backend{}).info(e)
			if i.ID == "" || i.State != device.Ready && i.Fix == "" {
				t.Errorf("%q: %+v", s, i)
			}
		}
	})
}

func TestList(t *testing.T) {
	good := newPhone("good")
	props := map[string]string{"ro.serialno": "good", "ro.build.version.release": "14", "ro.product.model": "Pixel \x1b[31m6", "ro.product.marketname": ""}
	good.Commands = map[string]adbtest.Command{"getprop": getprop(props)}
	locked := newPhone("locked")
	locked.SetState(adb.StateUnauthorized)
	silent := newPhone("silent")
	var asked atomic.Bool
	silent.Commands = map[string]adbtest.Command{"getprop": func(ctx context.Context, _ []string, _ io.Reader, _, _ io.Writer) int {
		asked.Store(true)
		<-ctx.Done()
		return 1
	}}
	server := adbtest.NewServer(t, good, locked, silent)
	b := &Backend{Server: serve(t, server)}
	// The time ends when only the silent phone is waited for: of the three
	// connections, one for the list and one for each phone, its own is left.
	ctx, pass := wait.Deadline(t)
	go func() {
		wait.For(t, "the good phone to be done with", func() bool {
			return asked.Load() && server.Connections() == 3 && server.Open() == 1
		})
		pass()
	}()
	infos, err := b.List(ctx, "")
	if err != nil || len(infos) != 3 {
		t.Fatalf("%v, %v", infos, err)
	}
	if i := infos[0]; i.Model != "Pixel \x1b[31m6" || i.Name != i.Model || i.OSVersion != "14" || i.Hardware != "good" {
		t.Errorf("good: %+v", i)
	}
	if i := infos[1]; i.State != device.Unauthorized || i.Fix == "" {
		t.Errorf("locked: %+v", i)
	}
	if i := infos[2]; i.State != device.NotAnswering || i.OSVersion != "" {
		t.Errorf("a phone that doesn't answer must stay in the list: %+v", i)
	}
	// If one phone is wanted, the others aren't asked.
	if infos, err := b.List(t.Context(), "good"); err != nil || infos[0].OSVersion != "14" || infos[2].OSVersion != "" {
		t.Errorf("%+v, %v", infos, err)
	}
}

func TestWatch(t *testing.T) {
	good := newPhone("good")
	s := adbtest.NewServer(t, good)
	b := &Backend{Server: serve(t, s)}
	ctx, cancel := context.WithTimeout(t.Context(), wait.Plenty)
	defer cancel()
	var seen []string
	err := b.Watch(ctx, func(infos []device.Info) {
		for _, i := range infos {
			seen = append(seen, string(i.State))
		}
		switch len(seen) {
		case 1:
			good.SetState(adb.StateOffline)
		case 2:
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || !slices.Equal(seen, []string{"ready", "offline"}) {
		t.Errorf("%q, %v", seen, err)
	}
}

func newPhone(serial string) *adbtest.Phone { return adbtest.NewPhone(serial) }

func getprop(props map[string]string) adbtest.Command {
	return func(_ context.Context, _ []string, _ io.Reader, out, _ io.Writer) int {
		for _, key := range slices.Sorted(maps.Keys(props)) {
			fmt.Fprintf(out, "[%s]: [%s]\n", key, props[key])
		}
		return 0
	}
}

func TestRun(t *testing.T) {
	p := newPhone("p")
	p.Commands = map[string]adbtest.Command{"both": func(_ context.Context, _ []string, _ io.Reader, out, errOut io.Writer) int {
		io.WriteString(out, "out")
		io.WriteString(errOut, "err")
		return 42
	}}
	s := serve(t, adbtest.NewServer(t, p))
	r, err := s.Run(t.Context(), "p", "both", nil)
	if err != nil || r.Exit != 42 || string(r.Stdout) != "out" || string(r.Stderr) != "err" {
		t.Errorf("%+v, %v", r, err)
	}
	big := bytes.Repeat([]byte("0123456789abcdef"), 64<<10) // 1 MiB
	r, err = s.Run(t.Context(), "p", "cat", big)
	if err != nil || !bytes.Equal(r.Stdout, big) {
		t.Errorf("cat gave %d bytes of %d, %v", len(r.Stdout), len(big), err)
	}
	if _, err := s.Run(t.Context(), "nobody", "true", nil); code(err) != device.PhoneLost {
		t.Errorf("no such phone: %v", err)
	}
	if _, err := s.Run(t.Context(), "p", strings.Repeat("x", 70000), nil); code(err) != device.Refused {
		t.Errorf("a command that adb can't handle: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Run(ctx, "p", "sleep 60", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a command without end: %v", err)
	}
}

func TestRunV1(t *testing.T) {
	p := newPhone("p")
	p.Ident.Features = []string{adb.FeatureCmd}
	p.Commands = map[string]adbtest.Command{"fail": func(_ context.Context, _ []string, _ io.Reader, out, _ io.Writer) int {
		io.WriteString(out, "text wxctl-exit:0 text\n")
		return 7
	}}
	server := adbtest.NewServer(t, p)
	server.Faults = fault.Each(func(request string) *fault.Fault {
		if strings.HasPrefix(request, "shell,v2") {
			return &fault.Fault{Answer: []byte("FAIL0006closed")}
		}
		return nil
	})
	s := serve(t, server)
	r, err := s.Run(t.Context(), "p", "fail", nil)
	if err != nil || r.Exit != 7 || string(r.Stdout) != "text wxctl-exit:0 text\n" {
		t.Errorf("%+v %q, %v", r, r.Stdout, err)
	}
	if _, err := s.Run(t.Context(), "p", "cat", []byte("x")); code(err) != device.Refused {
		t.Errorf("stdin: %v", err)
	}
}

func TestNoServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	_, err = (&Backend{Server: Server{Addr: l.Addr().String()}}).List(t.Context(), "")
	e := device.AsError(err)
	if e == nil || e.Code != device.NoServer || e.ExitCode() != 10 || !strings.Contains(e.Hint, "start-server") {
		t.Errorf("%v", err)
	}
}

// TestBadServers has servers cut the connection, stall, and send invalid data
// at every point. Each time the command ends with an error of a kind, and
// leaves no goroutine (see TestMain) and no connection.
func TestBadServers(t *testing.T) {
	p := newPhone("p")
	p.Files.Put("/data/local/tmp/f", bytes.Repeat([]byte("x"), 100_000))
	server := adbtest.NewServer(t, p)
	var strikes atomic.Pointer[func(string) *fault.Fault]
	server.Faults = fault.Each(func(request string) *fault.Fault { return (*strikes.Load())(request) })
	s := serve(t, server)
	b := &Backend{Server: s}
	ops := map[string]func(context.Context) error{
		"list":  func(ctx context.Context) error { _, err := b.List(ctx, "nobody"); return err },
		"shell": func(ctx context.Context) error { _, err := s.Run(ctx, "p", "echo hello", nil); return err },
		"push": func(ctx context.Context) error {
			return s.Push(ctx, "p", bytes.NewReader(make([]byte, 200_000)), "/data/local/tmp/g", 0o644, nil)
		},
		"pull": func(ctx context.Context) error { return s.Pull(ctx, "p", "/data/local/tmp/f", io.Discard) },
	}
	before := openFiles(t)
	n := 0
	places := []int64{0, 2, 4, 6, 9, 20}
	if tier.Required("faults") {
		places = slices.Repeat(places, often)
	}
	for name, op := range ops {
		for _, effect := range []fault.Effect{fault.Cut, fault.Stall, fault.Garbage} {
			for _, after := range places {
				var on atomic.Bool
				strike := func(request string) *fault.Fault {
					if name != "list" && strings.HasPrefix(request, "host:") && after > 4 {
						return nil // take effect later
					}
					on.Store(true)
					return &fault.Fault{After: after, Then: effect}
				}
				strikes.Store(&strike)
				ctx, cancel := context.WithTimeout(t.Context(), 60*time.Millisecond)
				err := op(ctx)
				cancel()
				if err == nil {
					// The fault may come after everything that is read.
					if on.Load() && after < 9 && name != "list" {
						t.Errorf("%s, effect %d after %d: no error", name, effect, after)
					}
					continue
				}
				e := device.AsError(err)
				if e.Message == "" || e.Code == device.Failed {
					t.Errorf("%s, effect %d after %d: %s %v", name, effect, after, e.Code, err)
				}
				n++
			}
		}
	}
	if n < 50 {
		t.Errorf("only %d faults happened", n)
	}
	wait.For(t, "connections to close", func() bool { return server.Open() == 0 })
	wait.For(t, "files to close", func() bool { return openFiles(t) <= before })
}

// TestBadServerOften repeats one fault of each kind 200 times in a row.
func TestBadServerOften(t *testing.T) {
	p := newPhone("p")
	server := adbtest.NewServer(t, p)
	var n atomic.Int64
	server.Faults = fault.Each(func(string) *fault.Fault {
		i := n.Add(1)
		return &fault.Fault{After: i % 12, Then: []fault.Effect{fault.Cut, fault.Garbage}[i%2]}
	})
	b := &Backend{Server: serve(t, server)}
	before := openFiles(t)
	for range 200 {
		b.List(t.Context(), "")
		b.Server.Run(t.Context(), "p", "echo hello", nil)
		b.Server.Push(t.Context(), "p", strings.NewReader("hello"), "/data/local/tmp/h", 0o644, nil)
	}
	wait.For(t, "connections to close", func() bool { return server.Open() == 0 })
	wait.For(t, "files to close", func() bool { return openFiles(t) <= before })
}

// openFiles counts this process's file descriptors, where that is possible.
// Pipes don't count: the runtime keeps a pool of them for splice(2).
func openFiles(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil && runtime.GOOS == "linux" {
		t.Fatal(err)
	}
	n := 0
	for _, e := range entries {
		if link, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && !strings.HasPrefix(link, "pipe:") {
			n++
		}
	}
	return n
}

// TestNonsenseServers connects to other servers in the place of an adb server.
func TestNonsenseServers(t *testing.T) {
	for name, answer := range map[string]string{
		"HTTP":            "HTTP/1.1 400 Bad Request\r\n\r\n",
		"nothing":         "",
		"half a word":     "OK",
		"a negative size": "OKAY-001",
		"a blank size":    "OKAY    ",
		"too short":       "OKAY0010abc",
		"a bad reason":    "FAILzzzz",
	} {
		s := script(t, func(c net.Conn) {
			c.SetDeadline(time.Now().Add(wait.Plenty))
			io.ReadFull(c, make([]byte, 4))
			io.WriteString(c, answer)
		})
		if _, err := (&Backend{Server: s}).List(t.Context(), ""); code(err) != device.ServerMisbehaved {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := s.Run(t.Context(), "p", "true", nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzShellPackets(f *testing.F) {
	f.Add([]byte("\x01\x03\x00\x00\x00hi\n\x02\x01\x00\x00\x00e\x03\x01\x00\x00\x00\x05"))
	f.Add([]byte("\x03\x00\x00\x00\x00\x09"))
	f.Fuzz(func(t *testing.T, data []byte) {
		near, far := net.Pipe()
		go func() { far.Write(data); far.Close() }()
		sh := newShell(&conn{Conn: near})
		defer sh.Close()
		r, err := sh.collect(context.Background())
		if len(r.Stdout)+len(r.Stderr) > len(data) {
			t.Errorf("%d bytes of %d", len(r.Stdout)+len(r.Stderr), len(data))
		}
		if err == nil && !sh.done {
			t.Error("it ended without an exit packet")
		}
		io.Copy(io.Discard, near)
	})
}

// feed is a connection that delivers data and then ends.
func feed(t *testing.T, data []byte) *conn {
	near, far := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		far.Write(data)
		far.Close()
	}()
	go io.Copy(io.Discard, far)
	t.Cleanup(func() { near.Close(); <-done })
	return &conn{Conn: near}
}

// FuzzServerAnswers feeds arbitrary data in place of a server's answer.
func FuzzServerAnswers(f *testing.F) {
	f.Add([]byte("OKAY0004abcd"))
	f.Add([]byte("FAIL0010device not found"))
	f.Add([]byte("OKAY-001"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := feed(t, data)
		err := c.status()
		if err == nil {
			_, err = c.block()
		}
		if err == nil && (len(data) < 8 || string(data[:4]) != "OKAY") {
			t.Errorf("%q was treated as an answer", data)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\x1b\n\x00") {
			t.Errorf("%q got through in %q", data, err)
		}
	})
}
