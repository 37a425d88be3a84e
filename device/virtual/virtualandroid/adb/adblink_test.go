package adb_test

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/adb"
	"github.com/wxctl/wxctl/fixtures/adbtest"
	"github.com/wxctl/wxctl/fixtures/tier"
	"github.com/wxctl/wxctl/fixtures/wait"
)

// state is how the adb server lists the phone at addr, "" if it doesn't.
func (a *adbProgram) state(addr string) string {
	a.t.Helper()
	for line := range strings.Lines(a.run("devices").out) {
		if serial, state, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok && serial == addr {
			return state
		}
	}
	return ""
}

// TestAdbServerAuth connects Debian's adb server to a phone that asks for its
// key: first refused, then allowed, then known.
func TestAdbServerAuth(t *testing.T) {
	var asked atomic.Int64
	allow := make(chan bool, 1)
	d := adb.NewDaemon(talkative(""))
	d.Auth = &adb.Auth{Accept: func(ctx context.Context, key *rsa.PublicKey, name string) bool {
		asked.Add(1)
		if !strings.Contains(name, "@") || key.N.BitLen() != 2048 {
			t.Errorf("offered a key of %d bits by %q", key.N.BitLen(), name)
		}
		select {
		case ok := <-allow:
			return ok
		case <-ctx.Done():
			return false
		}
	}}
	a := realServer(t)
	addr := serveDaemon(t, d)
	a.want(result{"failed to authenticate to " + addr + "\n", "", 0}, "connect", addr)
	waitUntil(t, "the phone asks", func() bool { return asked.Load() == 1 })
	if got := a.state(addr); got != "unauthorized" {
		t.Errorf("while the phone asks, its state is %q", got)
	}
	allow <- false
	if got := a.run("-s", addr, "shell", "true"); got.code != 1 || !strings.HasPrefix(got.err, "error: device unauthorized.") {
		t.Errorf("shell on a phone that refused: %v", got)
	}
	a.run("disconnect", addr)
	allow <- true
	a.run("connect", addr)
	waitUntil(t, "the key is allowed", func() bool { return a.state(addr) == "device" })
	a.want(result{"hi\n", "", 0}, "-s", addr, "shell", "echo hi")

	a.run("disconnect", addr)
	a.want(result{"connected to " + addr + "\n", "", 0}, "connect", addr)
	if got := asked.Load(); got != 2 {
		t.Errorf("the phone asked %d times, want 2: the second key was allowed", got)
	}
	d.Auth.Forget()
	a.run("disconnect", addr)
	a.want(result{"failed to authenticate to " + addr + "\n", "", 0}, "connect", addr)
}

// TestAdbServerReconnect cuts the cable under a running command.
func TestAdbServerReconnect(t *testing.T) {
	l := countDaemon(t, adb.NewDaemon(talkative("")))
	a, addr := connectedTo(t, l.Addr().String())
	c := dial(t, "127.0.0.1:"+a.port)
	c.send("host:transport:" + addr)
	c.take("OKAY")
	c.send("shell:logcat")
	c.take("OKAY11-24 10:00:00.000")
	l.Drop()
	c.rest()
	waitUntil(t, "the adb server connects again, by itself", func() bool { return l.Connections() == 2 })
	waitUntil(t, "it lists the phone", func() bool { return a.state(addr) == "device" })
	a.want(result{"hi\n", "", 0}, "shell", "echo hi")
}

// TestAdbServerStates shows phones that aren't ready to Debian's adb server.
func TestAdbServerStates(t *testing.T) {
	p := talkative("")
	a, addr := connected(t, adb.NewDaemon(p))
	var connecting atomic.Bool
	var wg sync.WaitGroup
	defer wg.Wait()
	for _, tt := range []struct {
		state adb.State
		want  string
	}{
		{adb.StateRecovery, "recovery"},
		{adb.StateSideload, "sideload"},
		{adb.StateUnauthorized, "unauthorized"},
		{adb.StateOffline, "offline"},
		{adb.StateDevice, "device"},
	} {
		p.SetState(tt.state) // drops the connection
		a.run("disconnect", addr)
		waitUntil(t, "the phone is "+tt.want, func() bool {
			state := a.state(addr)
			if state == "" && !connecting.Swap(true) {
				wg.Go(func() { // it waits long for a phone that is offline
					a.run("connect", addr)
					connecting.Store(false)
				})
			}
			return state == tt.want
		})
	}
}

// measured is the adb whose answers ours must equal; other versions have other
// texts.
const measured = "29.0.6"

// measuredServer is a realServer of that version. With another one the test is
// skipped, or fails where it must run.
func measuredServer(t *testing.T) *adbProgram {
	t.Helper()
	a := needAdb(t, "127.0.0.1:1") // asking for the version asks no server
	if got := a.run("version").out; !strings.Contains(got, "Version "+measured) {
		if tier.Required("adb") {
			t.Fatalf("this test is about adb %s, not about\n%s", measured, got)
		}
		t.Skipf("this test is about adb %s", measured)
	}
	return realServer(t)
}

// behindBoth returns the same phone behind Debian's adb server and behind ours,
// with the same serial number, an address.
func behindBoth(t *testing.T) (theirs, ours string, serials []string) {
	a := measuredServer(t)
	s := adbtest.NewServer(t)
	for range 2 {
		p := talkative("")
		addr := serveDaemon(t, adb.NewDaemon(p))
		a.want(result{"connected to " + addr + "\n", "", 0}, "connect", addr)
		p.SerialNo = addr
		s.Add(p)
		serials = append(serials, addr)
	}
	return "127.0.0.1:" + a.port, serve(t, s), serials
}

// TestServerEqualsAdb sends the same requests to Debian's adb server and to
// ours and compares the answers byte for byte.
func TestServerEqualsAdb(t *testing.T) {
	t.Parallel()
	theirs, ours, serials := behindBoth(t)
	one := serials[0]
	// In a script, "=X" sends X unchanged, "EOF" ends our input, and anything
	// else is a request.
	scripts := [][]string{
		{"host:version"}, {"host:host-features"}, {"host:devices"}, {"host:devices-l"}, {"host-local:devices"},
		{"host:devicesx"}, {"host:bogus"}, {"host:"}, {"=zzzz"}, {"=0000"}, {"=000Chost:version"}, {"=00_1x"},
		{"host:features"}, {"host:get-state"}, {"host-usb:get-state"}, {"host-local:get-state"},
		{"host-serial:" + one + ":features"}, {"host-serial:" + one + ":get-state"}, {"host-serial:" + one + ":get-serialno"},
		{"host-serial:" + one + ":get-devpath"}, {"host-serial:tcp:" + one + ":get-state"}, {"host-serial:127.0.0.1:get-state"},
		{"host-serial:model:Virtual_1:get-state"}, {"host-serial:model:X:get-state"}, {"host-serial:nope"}, {"host-serial::get-state"},
		{"host-serial:nope:get-state"}, {"host-serial:nope:reconnect"}, {"host-serial:" + one + ":bogus"},
		{"host-transport-id:2:get-serialno"}, {"host-transport-id:9:get-state"},
		{"host:transport:nope"}, {"host:transport-id:zz"}, {"host:transport-any"}, {"host:transport"}, {"host:tport:zz"},
		{"host:tport:usb"}, {"host:tport:local"}, {"host:tport:serial:nope"}, {"host:reconnect"}, {"host:reconnect-offline"},
		{"shell:echo hi"}, {"sync:"},
		{"host:connect:"}, {"host:connect:10.1.1.1:zz"}, {"host:connect:" + one}, {"host:disconnect:10.1.1.1"}, {"host:disconnect:x:y"},
		{"host:wait-for-any-device"}, {"host:wait-for-any-party"}, {"host:wait-for-x-device"}, {"host-serial:" + one + ":wait-for-any-device"},
		{"host-serial:" + one + ":wait-for-local-any"}, {"host-transport-id:7:wait-for-any-disconnect"}, {"host:wait-for-any"},
		{"host:list-forward"}, {"host:killforward-all"}, {"host-serial:" + one + ":forward:;tcp:1"}, {"host-serial:" + one + ":forward:tcp:1"},
		{"host-serial:" + one + ":forward:tcp:x;tcp:1"}, {"host-serial:" + one + ":forward:tcp:70000;tcp:1"},
		{"host-serial:" + one + ":forward:foo:1;tcp:1"}, {"host-serial:" + one + ":forward:tcp:" + strings.Split(one, ":")[1] + ";tcp:1"},
		{"host-serial:" + one + ":killforward:tcp:9"}, {"host-serial:" + one + ":killforward:"}, {"host-serial:" + one + ":killforward:a;b"},
		{"host:transport:" + one, "host:features"}, {"host:transport:" + one, "host:get-serialno"}, {"host:transport:" + one, "host:devices"},
		{"host:transport:" + one, "host:bogus"}, {"host:transport:" + one, "host:transport:" + serials[1], "host:get-serialno"},
		{"host:tport:serial:" + one, "host:get-state"}, {"host:tport:serial:" + one, "shell:echo hi; err no"},
		{"host:transport:" + one, "shell,v2,raw:echo hi; err no; exit 9"}, {"host:transport:" + one, "shell,v2,pty,TERM=xterm:err no"},
		{"host:transport:" + one, "exec:cat /sdcard/a.txt"}, {"host:transport:" + one, "nonsense:"}, {"host:transport:" + one, "nonsense"},
		{"host:transport:" + one, "jdwp"}, {"host:transport:" + one, "tcp:80"}, {"host:transport:" + one, "reverse:list-forward"},
		{"host:transport:" + one, "reverse:forward:tcp:9;tcp:8"}, {"host:transport:" + one, "reverse:list-forward"},
		{"host:transport:" + one, "reverse:killforward:tcp:9"}, {"host:transport:" + one, "reverse:killforward:tcp:9"},
		{"host:transport:" + one, "shell,v2,raw:cat", "=\x00\x03\x00\x00\x00abc\x05\x02\x00\x00\x00xx\x09\x01\x00\x00\x00?\x04\x00\x00\x00\x00"},
		{"host:transport:" + one, "sync:", "=STAT\x0d\x00\x00\x00/sdcard/a.txtQUIT\x00\x00\x00\x00"},
		{"host:transport:" + one, "sync:", "=STA2\x0d\x00\x00\x00/sdcard/a.txtLST2\x01\x00\x00\x00?QUIT\x00\x00\x00\x00"},
		{"host:transport:" + one, "sync:", "=LIST\x07\x00\x00\x00/sdcardLIS2\x07\x00\x00\x00/sdcardLIST\x02\x00\x00\x00/xQUIT\x00\x00\x00\x00"},
		{"host:transport:" + one, "sync:", "=RECV\x0d\x00\x00\x00/sdcard/a.txtRECV\x02\x00\x00\x00/x"},
		{"host:transport:" + one, "sync:", "=STAT\x01\x04\x00\x00"},
		{"host:transport:" + one, "sync:", "=BLAH\x00\x00\x00\x00"},
		{"host:transport:" + one, "sync:", "=SEND\x02\x00\x00\x00/x"},
		{"host:transport:" + one, "sync:", "=SEND\x0d\x00\x00\x00/sdcard/b,420DATA\x02\x00\x00\x00okDONE\x01\x00\x00\x00STAT\x09\x00\x00\x00/sdcard/bQUIT\x00\x00\x00\x00"},
		{"host:transport:" + one, "sync:", "=SEND\x0d\x00\x00\x00/system/b,420DONE\x01\x00\x00\x00"},
		{"host:transport:" + one, "exec:sleep 0.1; echo too late", "EOF"}, {"host:transport:" + one, "shell,v2,raw:sleep 0.1; echo too late", "EOF"},
		{"host:track-devices"}, {"host:track-devices-l"},
	}
	for _, script := range scripts {
		t.Run(fmt.Sprintf("%.100q", script), func(t *testing.T) {
			same(t, theirs, ours, script)
		})
	}
}

// TestServerEqualsAdbUnready compares the answers about phones that aren't ready.
func TestServerEqualsAdbUnready(t *testing.T) {
	t.Parallel()
	a := measuredServer(t)
	for _, state := range []adb.State{adb.StateUnauthorized, adb.StateOffline, adb.StateRecovery, adb.StateSideload} {
		t.Run(string(state), func(t *testing.T) {
			a.t = t
			p := talkative("")
			p.SetState(state)
			one := serveDaemon(t, adb.NewDaemon(p))
			p.SerialNo = one
			var wg sync.WaitGroup
			defer wg.Wait()
			wg.Go(func() { a.run("connect", one) }) // waits long for a phone that is offline
			defer p.SetState(adb.StateDevice)
			defer a.run("disconnect", one)
			waitUntil(t, "the phone is listed", func() bool { return a.state(one) == string(state) })
			ours := serve(t, adbtest.NewServer(t, p))
			for _, script := range [][]string{
				{"host:devices"}, {"host-serial:" + one + ":get-state"}, {"host-serial:" + one + ":features"},
				{"host:transport:" + one}, {"host:transport:" + one, "host:get-serialno"}, {"host:transport-any"}, {"host:bogus"}, {"host-serial:" + one + ":bogus"},
				{"host:forward:tcp:x;tcp:1"}, {"host:forward:bad"}, {"host:killforward:tcp:1"}, {"host-serial:" + one + ":forward:tcp:x;tcp:1"}, {"host:wait-for-any-" + string(state)}, {"host:wait-for-any-device"}, {"host:wait-for-any-any"}, {"host:wait-for-any-disconnect"},
			} {
				same(t, "127.0.0.1:"+a.port, ours, script)
			}
		})
	}
}

// TestServerEqualsAdbEmpty compares servers without a phone.
func TestServerEqualsAdbEmpty(t *testing.T) {
	t.Parallel()
	theirs, ours := "127.0.0.1:"+measuredServer(t).port, serve(t, adbtest.NewServer(t))
	for _, script := range [][]string{
		{"host:devices"}, {"host:devices-l"}, {"host:get-state"}, {"host:get-serialno"}, {"host:get-devpath"}, {"host:features"},
		{"host-usb:get-state"}, {"host-local:get-state"}, {"host-serial:x:get-state"}, {"host-transport-id:1:get-state"},
		{"host:transport-any"}, {"host:transport-usb"}, {"host:transport-local"}, {"host:transport:x"}, {"host:transport-id:1"}, {"host:tport:any"},
		{"host:forward:tcp:0;tcp:1"}, {"host-serial:x:forward:tcp:0;tcp:1"}, {"host:forward:bad"}, {"host:killforward:tcp:1"}, {"host-serial:x:killforward:tcp:1"},
		{"host:killforward-all"}, {"host:list-forward"}, {"host-serial:x:list-forward"}, {"host:bogus"}, {"host-serial:x:bogus"}, {"host:forwardx"},
		{"host:reconnect"}, {"host-serial:x:reconnect"}, {"host:reconnect-offline"}, {"host:disconnect:"},
		{"host:wait-for-any-device"}, {"host:wait-for-any-disconnect"}, {"host:track-devices"}, {"shell:id"},
	} {
		same(t, theirs, ours, script)
	}
}

// same plays a script on two servers, whose answers must be equal. If they
// differ, one may have been slow, so the test tries again with longer waits.
func same(t *testing.T, theirs, ours string, script []string) {
	t.Helper()
	var want, got string
	for _, patience := range []time.Duration{60 * time.Millisecond, time.Second, wait.Plenty / 2} {
		var wg sync.WaitGroup
		wg.Go(func() { want = play(t, theirs, script, patience) })
		wg.Go(func() { got = play(t, ours, script, patience) })
		wg.Wait()
		if got == want {
			return
		}
	}
	t.Errorf("%q\ngot  %q\nwant %q", script, got, want)
}

// play runs a script and returns what came back, until the end or until the
// server says nothing for as long as patience.
func play(t *testing.T, addr string, script []string, patience time.Duration) string {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(wait.Plenty))
	var answer strings.Builder
	for i, request := range script {
		if raw, ok := strings.CutPrefix(request, "="); ok {
			io.WriteString(conn, raw)
			continue
		}
		if request == "EOF" {
			io.CopyN(&answer, conn, 4) // of the service
			conn.(*net.TCPConn).CloseWrite()
			continue
		}
		fmt.Fprintf(conn, "%04x%s", len(request), request)
		if i < len(script)-1 && script[i+1] != "EOF" {
			n := 4
			if strings.HasPrefix(request, "host:tport:") {
				n = 12
			}
			io.CopyN(&answer, conn, int64(n))
		}
	}
	buf := make([]byte, 64<<10)
	for {
		conn.SetReadDeadline(time.Now().Add(patience))
		n, err := conn.Read(buf)
		answer.Write(buf[:n])
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return answer.String() + " and waits"
		}
		if err != nil {
			return answer.String()
		}
	}
}

// TestAdbServerCrowd runs a thousand shells in a row and a hundred at once
// through Debian's adb server: more than an adbd allows at once, so none may be
// left open.
func TestAdbServerCrowd(t *testing.T) {
	l := countDaemon(t, adb.NewDaemon(talkative("")))
	a, addr := connectedTo(t, l.Addr().String())
	crowd(t, "127.0.0.1:"+a.port, addr)
	if n := l.Connections(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

// crowd runs shells on serial through the server at addr and checks that no
// shell is lost and nothing is left.
func crowd(t *testing.T, addr, serial string) {
	t.Helper()
	shell := func(i int) error {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(wait.Plenty))
		command := fmt.Sprintf("shell,v2,raw:echo %d; exit %d", i, i%256)
		fmt.Fprintf(c, "%04xhost:transport:%s", len("host:transport:"+serial), serial)
		if _, err := io.ReadFull(c, make([]byte, 4)); err != nil {
			return err
		}
		fmt.Fprintf(c, "%04x%s", len(command), command)
		got, err := io.ReadAll(c)
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%d\n", i)
		want := fmt.Sprintf("OKAY\x01%c\x00\x00\x00%s\x03\x01\x00\x00\x00%s", len(line), line, []byte{byte(i)})
		if string(got) != want {
			return fmt.Errorf("shell %d: got %q, want %q", i, got, want)
		}
		return nil
	}
	shell(0)
	goroutines, files := runtime.NumGoroutine(), openFiles()
	for i := range 1001 {
		if i == 0 {
			continue
		}
		if err := shell(i); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for i := range 101 {
		wg.Go(func() {
			if err := shell(i); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	waitUntil(t, "goroutines and files are as before", func() bool {
		return runtime.NumGoroutine() <= goroutines && openFiles() <= files
	})
}

// openFiles is how many files this process has open, or 0 if that is not known.
func openFiles() int {
	entries, _ := os.ReadDir("/proc/self/fd")
	return len(entries)
}

var _ adb.Device = (*adbtest.Phone)(nil)
