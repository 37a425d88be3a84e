package virtualandroid_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/device/android/jdwp"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/fixtures/jdwptest"
	"github.com/wxctl/wxctl/fixtures/tier"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// throughADB starts a phone with the demo app in front behind Debian's adb
// server, and returns the server's address, the phone's serial number there,
// and the app's process.
func throughADB(t *testing.T, o virtualandroid.Options) (s *virtualandroid.Server, server, serial, pid string) {
	t.Helper()
	server = realServer(t, tier.Need(t, jdwptest.Tier, "adb")[0])
	s, serial = devicesOf(t, o)
	if got := request(t, server, "host:connect:"+serial); !strings.HasSuffix(got, "connected to "+serial) {
		t.Fatalf("connect: %q", got)
	}
	request(t, server, "host:transport:"+serial, "shell:am start -n "+virtualandroid.DemoPackage+"/.MainActivity")
	pid = strings.TrimSpace(strings.TrimPrefix(request(t, server, "host:transport:"+serial, "jdwp"), "OKAY"))
	return s, server, serial, pid
}

// jdwpPID opens jdwp:PID at an adb server, without a forward.
func jdwpPID(t *testing.T, server, serial, pid string) net.Conn {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(jdwptest.Context(t), "tcp", server)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []string{"host:transport:" + serial, "jdwp:" + pid} {
		if _, err := fmt.Fprintf(conn, "%04x%s", len(r), r); err != nil {
			t.Fatal(err)
		}
		var okay [4]byte
		if _, err := io.ReadFull(conn, okay[:]); err != nil || string(okay[:]) != "OKAY" {
			t.Fatalf("%s: %q, %v", r, okay, err)
		}
	}
	return conn
}

func noForward(t *testing.T, server string) {
	t.Helper()
	if got := request(t, server, "host:list-forward"); got != "OKAY0000" {
		t.Errorf("forwards: %q", got)
	}
}

// calledBack has WeChat call the demo app back.
func calledBack(t *testing.T, p *phone.Phone) androidwire.Intent {
	t.Helper()
	text, url := "微信 \"quoted\"", "wx0123456789abcdef://oauth?code=c&state=s"
	if p.API >= 28 {
		text += " \U0001F600" // before that, ART sends modified UTF-8, which JDI can't read
	}
	in, err := androidwire.EncodeReply(intents.AuthReply{Result: intents.Result{ErrCode: -4, Transaction: &text}, Code: &text, URL: &url}, androidwire.Receiver{Package: virtualandroid.DemoPackage})
	if err != nil {
		t.Fatal(err)
	}
	in.Flags = androidwire.FlagNewTask
	code, err := p.StartActivity(t.Context(), phone.StartRequest{UID: phone.ShellUID, Package: "com.android.shell", Intent: in})
	if err != nil || code < 0 {
		t.Fatal(code, err)
	}
	return in
}

// The JDK's own debugger reads, through Debian's adb, the reply with which
// WeChat calls the demo app back, at API levels of both of ART's debuggers.
func TestJDIReadsTheDemoApp(t *testing.T) {
	classes := jdwptest.Compile(t, filepath.Join("testdata", "Debugger.java"))
	for _, test := range []struct {
		api int
		vm  string
	}{{24, "vm Dalvik 1.6.0"}, {34, "vm Dalvik 8"}} {
		t.Run(fmt.Sprint(test.api), func(t *testing.T) {
			s, server, serial, pid := throughADB(t, virtualandroid.Options{API: test.api})
			port := request(t, server, "host-serial:"+serial+":forward:tcp:0;jdwp:"+pid)
			port = strings.TrimPrefix(port, "OKAYOKAY")[4:]
			debugger := jdwptest.Debugger(t, classes, "Debugger", port, virtualandroid.DemoEntry)
			line := debugger.Line()
			for strings.HasPrefix(line, "Ignoring cmd") { // JDI says so of DDMS's chunks
				line = debugger.Line()
			}
			if line != test.vm {
				t.Fatalf("the debugger says %q, want %q", line, test.vm)
			}
			debugger.Want("thread main main")
			debugger.Want("loaded 1 0")
			debugger.Want("ready")
			in := calledBack(t, s.Phones[0].Model)
			for _, want := range []string{
				"prepared " + virtualandroid.DemoEntry + " on main", "entry", "breakpoint",
				"at " + virtualandroid.DemoEntry + ".onCreate(android.os.Bundle), frames 2",
				"argument null", "this " + virtualandroid.DemoEntry, "parcelled true", fmt.Sprintf("size %d", len(in.Extras)),
			} {
				debugger.Want(want)
			}
			var got, want []string
			for _, x := range in.Extras {
				got = append(got, debugger.Line())
				want = append(want, "extra "+x.Key+" "+shown(x.Value))
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("the debugger read\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			debugger.Want("no int")
			debugger.Want("thrown java.lang.NullPointerException")
			debugger.Want("done")
			if rest := debugger.Rest(); rest != "" {
				t.Errorf("and %q", rest)
			}
			request(t, server, "host-serial:"+serial+":killforward:tcp:"+port)
			// The app continues, and accepts the next debugger.
			vm, err := jdwp.Attach(jdwptest.Context(t), jdwpPID(t, server, serial, pid), nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := vm.Close(); err != nil {
				t.Error(err)
			}
			noForward(t, server)
		})
	}
}

// shown is a value as the Java program prints it.
func shown(v androidwire.Value) string {
	switch v.Type() {
	case androidwire.TypeString:
		return "String " + *v.Text()
	case androidwire.TypeInteger:
		return fmt.Sprint("Integer ", v.Integer())
	case androidwire.TypeBoolean:
		return fmt.Sprint("Boolean ", v.Boolean())
	case androidwire.TypeBytes:
		return "byte[] " + hex.EncodeToString(v.Bytes())
	}
	return "null"
}

// jdb works with the demo app, too.
func TestJDBAttaches(t *testing.T) {
	jdb := tier.Need(t, jdwptest.Tier, "jdb")[0]
	_, server, serial, pid := throughADB(t, virtualandroid.Options{})
	port := strings.TrimPrefix(request(t, server, "host-serial:"+serial+":forward:tcp:0;jdwp:"+pid), "OKAYOKAY")[4:]
	cmd := exec.CommandContext(jdwptest.Context(t), jdb, "-attach", "127.0.0.1:"+port)
	cmd.Stdin = strings.NewReader("threads\nclasses\nmethods android.content.Intent\nfields android.os.BaseBundle\nsuspend\nresume\nquit\n")
	out, err := cmd.CombinedOutput()
	for _, want := range []string{"main", "android.app.Activity", "android.content.Intent parseUri(java.lang.String, int)", "android.os.Parcel mParcelledData", "All threads suspended", "All threads resumed"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("jdb does not say %q", want)
		}
	}
	if err != nil || t.Failed() {
		t.Errorf("jdb: %v\n%s", err, out)
	}
	request(t, server, "host-serial:"+serial+":killforward:tcp:"+port)
}

// helperEnv turns the test program into a debugger that stops an app and waits
// to be killed: server, serial number and pid, separated by blanks.
const helperEnv = "VIRTUALANDROID_TEST_DEBUGGER"

func TestHelperDebugsAndWaits(t *testing.T) {
	where := strings.Fields(os.Getenv(helperEnv))
	if len(where) != 3 {
		return // not a test of its own, but part of those below
	}
	ctx := jdwptest.Context(t)
	vm, err := jdwp.Attach(ctx, jdwpPID(t, where[0], where[1], where[2]), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer vm.Close()
	for _, class := range []string{"*$Entry", "*.WXEntryActivity"} {
		if _, err := vm.Request(ctx, jdwp.MethodEntry, jdwp.SuspendAll, jdwp.ClassMatch(class)); err != nil {
			t.Fatal(err)
		}
	}
	os.Stdout.WriteString("set\n")
	if _, err := vm.Next(ctx); err != nil {
		t.Fatal(err)
	}
	os.Stdout.WriteString("stopped\n")
	<-ctx.Done()
}

// killed runs a debugger, calls stop to make the app reach the breakpoint, and
// ends the debugger with kill -9.
func killed(t *testing.T, server, serial, pid string, stop func()) {
	t.Helper()
	cmd := exec.CommandContext(jdwptest.Context(t), os.Args[0], "-test.run=^TestHelperDebugsAndWaits$")
	cmd.Env = append(os.Environ(), helperEnv+"="+strings.Join([]string{server, serial, pid}, " "))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := func(want string) {
		b := make([]byte, len(want))
		if n, err := io.ReadFull(out, b); err != nil || string(b[:n]) != want {
			t.Fatalf("the debugger says %q, %v", b[:n], err)
		}
	}
	read("set\n")
	stop()
	read("stopped\n")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait() // it was killed
}

// HotSpot replaces the demo app's VM: our debugger finds it through Debian's
// adb, reads the arguments of a call, and leaves nothing behind, even if it is
// killed.
func TestHotSpotLentToThePhone(t *testing.T) {
	classes := jdwptest.Compile(t, filepath.Join("..", "..", "android", "jdwp", "testdata", "Victim.java"))
	app := jdwptest.Start(t, classes, "Victim", "")
	app.Say("warm")
	app.Want("done warm 1 1")
	s, server, serial, pid := throughADB(t, virtualandroid.Options{})
	process, ok := s.Phones[0].Model.Process(virtualandroid.DemoPackage, s.Phones[0].Model.Package(virtualandroid.DemoPackage).UID(0))
	if !ok || fmt.Sprint(process.PID) != pid {
		t.Fatalf("process %v, pid %s", process, pid)
	}
	s.Phones[0].Lend(process.PID, app.Addr)
	both := func(line string) {
		t.Helper()
		if got := []string{app.Line(), app.Line()}; !slices.Contains(got, app.Listening) || !slices.Contains(got, line) {
			t.Fatalf("the app says %q", got)
		}
	}

	ctx := jdwptest.Context(t)
	for n := 2; n < 22; n++ {
		vm, err := jdwptest.Attach(ctx, jdwpPID(t, server, serial, pid))
		if err != nil {
			t.Fatal(err)
		}
		entry, err := vm.ClassesBySignature(ctx, "LVictim$Entry;")
		if err != nil || len(entry) != 1 {
			t.Fatal(entry, err)
		}
		class, method, err := vm.FindMethod(ctx, entry[0].ID, "onNewIntent", "(LVictim$Intent;)V")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := vm.BreakAt(ctx, class, method.ID); err != nil {
			t.Fatal(err)
		}
		action := fmt.Sprint("action", n)
		app.Say(action)
		set, err := vm.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		frames, err := vm.Frames(ctx, set.Thread(), 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		_, args, err := vm.Arguments(ctx, set.Thread(), frames[0].ID, jdwp.TagObject)
		if err != nil {
			t.Fatal(err)
		}
		v, err := vm.Call(ctx, set.Thread(), args[0].Object(), "getAction", "()Ljava/lang/String;")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := vm.StringValue(ctx, v.Object()); got != action || err != nil {
			t.Errorf("action %q, %v", got, err)
		}
		if n%2 == 0 {
			if err := vm.Release(ctx, set); err != nil {
				t.Error(err)
			}
		}
		if err := vm.Close(); err != nil {
			t.Error(err)
		}
		both(fmt.Sprintf("done %s %d %d", action, n, n))
	}
	killed(t, server, serial, pid, func() { app.Say("held") })
	both("done held 22 22")
	noForward(t, server)
}

// A debugger of the virtual phone's app is killed while it has stopped the app:
// the app continues, and accepts the next one.
func TestKilledDebuggerLeavesTheDemoApp(t *testing.T) {
	tier.Need(t, jdwptest.Tier)
	s, server, serial, pid := throughADB(t, virtualandroid.Options{})
	model := s.Phones[0].Model
	for range 3 {
		killed(t, server, serial, pid, func() { calledBack(t, model) })
		ctx := jdwptest.Context(t)
		for vm, err := attachAgain(ctx, t, server, serial, pid); ; vm, err = attachAgain(ctx, t, server, serial, pid) {
			if err == nil {
				if err := vm.Close(); err != nil {
					t.Error(err)
				}
				break
			}
			if ctx.Err() != nil {
				t.Fatal(err)
			}
		}
		if err := model.Settle(ctx); err != nil {
			t.Error(err)
		}
	}
	noForward(t, server)
}

func attachAgain(ctx context.Context, t *testing.T, server, serial, pid string) (*jdwp.VM, error) {
	return jdwp.Attach(ctx, jdwpPID(t, server, serial, pid), nil)
}
