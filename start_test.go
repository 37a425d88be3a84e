package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/cmd"
)

// freeInits is how often a package may allocate when the program starts, for a
// few errors and small tables; costlyInits are the packages that do it more
// often, with room for their next releases. Every command pays for them. A
// regular expression takes more.
const freeInits = 80

var costlyInits = map[string]int{
	"github.com/itchyny/gojq":             2500, // jq's functions that are written in jq, ready parsed
	"github.com/Masterminds/semver":       700,  // of go-ios: regular expressions
	"go.yaml.in/yaml/v4/internal/libyaml": 400,
	"mvdan.cc/sh/v3/fileutil":             120,
	// A lab's server and its metrics are in every program; only a second
	// program could avoid that.
	"github.com/nats-io/nats-server/v2/server":       2100,
	"github.com/nats-io/nats%2ego":                   250,
	"github.com/nats-io/nats.go/jetstream":           200,
	"github.com/nats-io/jwt/v2":                      100,
	"github.com/nats-io/nkeys":                       100,
	"github.com/prometheus/client_golang/prometheus": 300,
	"github.com/prometheus/procfs":                   950,
	"github.com/prometheus/common/model":             90,
	"runtime/metrics":                                110,
	"encoding/gob":                                   450,
}

// TestStart counts what the program does before main, which is most of what a
// short command takes: allocations of packages' variables and init functions.
// It also checks that nothing makes the linker keep unused methods:
// text/template and others, which call methods by names that are only known at
// run time, made the program a sixth larger and its start a tenth longer.
func TestStart(t *testing.T) {
	program := filepath.Join(t.TempDir(), "wxctl.exe")
	build := exec.Command("go", "build", "-ldflags", "-s -w -dumpdep", "-o", program, ".")
	var why bytes.Buffer
	build.Stderr = &why
	if err := build.Run(); err != nil {
		t.Fatalf("%v: %.2000s", err, &why)
	}
	for line := range strings.Lines(why.String()) {
		if from, _, ok := strings.Cut(line, " <ReflectMethod>"); ok {
			t.Errorf("the linker must keep every method, because of %s", from)
			break // the first causes the others
		}
	}
	start := exec.Command(program, "version")
	start.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	var trace bytes.Buffer
	start.Stderr = &trace
	if err := start.Run(); err != nil {
		t.Fatal(err)
	}
	const most = 9_300
	packages, all := 0, 0
	for line := range strings.Lines(trace.String()) {
		var name string
		var at, took float64
		var size, allocs int
		// https://pkg.go.dev/runtime#hdr-Environment_Variables, inittrace
		if _, err := fmt.Sscanf(line, "init %s @%f ms, %f ms clock, %d bytes, %d allocs", &name, &at, &took, &size, &allocs); err != nil {
			continue
		}
		packages++
		all += allocs
		if limit := max(freeInits, costlyInits[name]); allocs > limit {
			t.Errorf("%s allocates %d times when the program starts, %d at most", name, allocs, limit)
		}
	}
	if packages < 50 {
		t.Fatalf("%d packages in the trace: %.500s", packages, &trace)
	}
	if all > most {
		t.Errorf("%d allocations when the program starts, %d at most", all, most)
	}
}

// ofLabs are the packages that only labs and their metrics use.
func ofLabs(function string) bool {
	// What nats-server does each second from the program's start on, in the init
	// function of this package: it measures what the process uses.
	if strings.HasPrefix(function, "github.com/nats-io/nats-server/v2/server/pse.") {
		return false
	}
	for _, prefix := range []string{"github.com/nats-io/", "github.com/prometheus/",
		"github.com/wxctl/wxctl/device/lab/natslab", "github.com/wxctl/wxctl/cmd/internal/metrics"} {
		if strings.HasPrefix(function, prefix) {
			return true
		}
	}
	return false
}

// TestCommandsLeaveLabsAlone counts the allocations of packages that a lab
// needs, while commands run that need no lab: there are none. What these
// packages allocate when the program starts is not part of that, see TestStart.
func TestCommandsLeaveLabsAlone(t *testing.T) {
	defer func(rate int) { runtime.MemProfileRate = rate }(runtime.MemProfileRate)
	runtime.MemProfileRate = 1 // every allocation from here on
	dir := t.TempDir()
	t.Setenv("WXCTL_CONFIG_DIR", dir)
	t.Setenv("WXCTL_STATE_DIR", dir)
	suite := filepath.Join(dir, "suite.yaml")
	if err := os.WriteFile(suite, []byte(`version: 1
name: one
defaults: {screenshot: never}
cases:
  - name: text
    do: share text
    with: {scene: session, until: delivered}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	before := allocatedForLabs() // when this test's process started
	for _, args := range [][]string{
		{"version"},
		{"devices", "--device", "virtual:android", "--json"},
		{"share", "text", "Hello", "--scene", "session", "--until", "delivered", "--device", "virtual:android"},
		{"run", suite, "--device", "virtual:android", "--out", filepath.Join(dir, "run")},
	} {
		if code, said := quietly(t.Context(), args); code != 0 {
			t.Errorf("%v: exit %d: %s", args, code, said)
		}
	}
	after := allocatedForLabs()
	if functions := grown(before, after); len(functions) > 0 {
		t.Errorf("commands that need no lab allocate for labs, in %v", functions)
	}
	// The count does include a lab.
	quietly(t.Context(), []string{"lab", "ls", "--lab", "nats://127.0.0.1:1", "--timeout", "10s"})
	if len(grown(after, allocatedForLabs())) == 0 {
		t.Error("a command of a lab allocates nothing in the packages of labs")
	}
}

// quietly runs a command line in this process.
func quietly(ctx context.Context, args []string) (code int, said string) {
	var out bytes.Buffer
	f := cmd.System()
	f.Streams.Out, f.Streams.Err = &out, &out
	return cmd.Run(ctx, f, args), out.String()
}

// grown are the keys with numbers that grew.
func grown(before, after map[string]int64) (keys []string) {
	for key, n := range after {
		if n > before[key] {
			keys = append(keys, key)
		}
	}
	return keys
}

// allocatedForLabs returns how often functions of labs have allocated, or what
// they call.
func allocatedForLabs() map[string]int64 {
	runtime.GC() // which updates the profile; twice, as runtime.MemProfile says
	runtime.GC()
	records, ok := []runtime.MemProfileRecord(nil), false
	for n := 0; !ok; {
		records = make([]runtime.MemProfileRecord, n+1000)
		n, ok = runtime.MemProfile(records, true)
		records = records[:min(n, len(records))]
	}
	functions := map[string]int64{}
	for _, r := range records {
		frames := runtime.CallersFrames(r.Stack())
		for more := true; more; {
			var frame runtime.Frame
			if frame, more = frames.Next(); ofLabs(frame.Function) {
				functions[frame.Function] += r.AllocObjects
				break
			}
		}
	}
	return functions
}
