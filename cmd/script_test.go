package cmd

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/virtualios"
	"github.com/wxctl/wxctl/device/virtual/virtualios/lockdownd"
	"github.com/wxctl/wxctl/fixtures/wait"
)

var update = flag.Bool("update", false, "write golden files and script outputs afresh")

func TestMain(m *testing.M) {
	wait.Parallel()
	testscript.Main(m, map[string]func(){
		"wxctl": func() { os.Exit(withStatus(Main())) },
		"wxctl-nats": func() {
			runtime.MemProfileRate = 1
			code := Main()
			fmt.Printf("of NATS: %v\n", natsWork())
			os.Exit(code)
		},
		"wxctl-peak": func() {
			code := Main()
			status, _ := os.ReadFile("/proc/self/status")
			fmt.Printf("%s\n", regexp.MustCompile(`VmHWM:.*`).Find(status))
			os.Exit(code)
		},
	})
}

// withStatus checks that a command's help lists the exit code that it ended with,
// so that every script checks an EXIT STATUS.
func withStatus(code int) int {
	c, _, err := NewCmdRoot(System()).Find(os.Args[1:])
	if err != nil || c.HasSubCommands() || code == exit.Interrupted || code == exit.Terminated {
		return code
	}
	if c.HasParent() && c.Parent().Name() == "completion" {
		return code // cobra's own commands
	}
	_, status, _ := strings.Cut(c.Long, exit.StatusTitle+"\n")
	for line := range strings.Lines(status) {
		if row := strings.Fields(line); len(row) > 0 && row[0] == strconv.Itoa(code) {
			return code
		}
	}
	fmt.Fprintf(os.Stderr, "exit code %d is not in the EXIT STATUS of %s\n", code, c.CommandPath())
	return 99
}

// TestScripts runs every folder of fixtures/script: one script a sentence or
// exit code that a user can see.
func TestScripts(t *testing.T) {
	t.Parallel()
	dirs, err := filepath.Glob(filepath.Join("..", "fixtures", "script", "*"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			testscript.Run(t, testscript.Params{
				Dir:                 dir,
				UpdateScripts:       *update,
				RequireExplicitExec: true,
				Setup: func(env *testscript.Env) error {
					field, err := filepath.Abs(filepath.Join("..", "fixtures", "field"))
					if err != nil {
						return err
					}
					env.Setenv("FIELD", field)
					for _, kv := range [][2]string{
						{"HOME", env.WorkDir},
						{"WXCTL_CONFIG_DIR", filepath.Join(env.WorkDir, "config")},
						{"WXCTL_STATE_DIR", filepath.Join(env.WorkDir, "state")},
						// Nothing listens on port 1: scripts see no phone of the
						// machine that they run on.
						{"ANDROID_ADB_SERVER_PORT", "1"},
						{"USBMUXD_SOCKET_ADDRESS", filepath.Join(env.WorkDir, "no-usbmuxd")},
						{"GO_IOS_AGENT_PORT", "1"},
						{"NO_COLOR", "1"},
						// A program with the race detector sleeps for a second at its end.
						{"GORACE", "atexit_sleep_ms=0"},
						// Nor do they see the user's keyring.
						{"DBUS_SESSION_BUS_ADDRESS", "disabled:"},
					} {
						env.Setenv(kv[0], kv[1])
					}
					return nil
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){"status": cmdStatus, "phones": cmdPhones, "iphones": cmdIPhones, "wechat": cmdWeChat, "adblist": cmdADBList},
			})
		})
	}
}

// cmdPhones starts an adb server with virtual phones, one for each argument,
// and lets the script's wxctl find it:
//
//	phones 'serial=R58M1' 'serial=R58M2&state=unauthorized' 'serial=R58M2&usb=1-2'
func cmdPhones(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: phones [OPTIONS ...]")
	}
	var phones []virtualandroid.Options
	cabled := map[string]virtualandroid.Options{}
	for _, arg := range args {
		query, err := url.ParseQuery(arg)
		ts.Check(err)
		serial := query.Get("serial")
		path := query.Get("usb")
		query.Del("serial")
		query.Del("usb")
		o, err := virtualandroid.ParseOptions(query.Encode())
		ts.Check(err)
		if o.Serial = serial; path != "" {
			cabled[path] = o
			continue
		}
		phones = append(phones, o)
	}
	server, err := virtualandroid.Start(context.Background(), phones...)
	ts.Check(err)
	ts.Defer(func() { server.Close() })
	if len(phones) == 0 {
		server.Face.Remove(server.Phones[0].Serial())
	}
	plug(ts, server, cabled)
	ts.Setenv("ADB_SERVER_SOCKET", "tcp:"+server.ADB)
	ts.Setenv("ADB", server.ADB)
}

// iPhoneKeys are shared by the virtual iPhones of all scripts, since making
// them takes long.
var iPhoneKeys = sync.OnceValue(lockdownd.NewKeys)

// cmdIPhones starts a usbmuxd with virtual iPhones, one for each argument or
// none, and lets the script's wxctl find it:
//
//	iphones 'name=Lab-1' 'name=Lab-2&state=locked'
func cmdIPhones(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: iphones [OPTIONS ...]")
	}
	ts.Check(iPhoneKeys().Make())
	var phones []virtualios.Options
	for _, arg := range args {
		o, err := virtualios.ParseOptions(arg)
		ts.Check(err)
		phones = append(phones, o)
	}
	if len(args) == 0 {
		phones = append(phones, virtualios.Options{NoUSB: true})
	}
	server, err := virtualios.Start(context.Background(), virtualios.Config{Keys: iPhoneKeys()}, phones...)
	ts.Check(err)
	ts.Defer(func() { server.Close() })
	ts.Setenv("USBMUXD_SOCKET_ADDRESS", server.USBMux)
}

// cmdStatus runs a program and checks its exact exit code:
//
//	status 14 wxctl share text ...
func cmdStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status CODE PROGRAM [ARG ...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if exitErr, ok := err.(interface{ ExitCode() int }); ok {
		got = itoa(exitErr.ExitCode())
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}
