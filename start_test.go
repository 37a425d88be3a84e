package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// freeInits is how often a package may allocate when the program starts, for a
// few errors and small tables; costlyInits are those that do it more often, with
// room for their next releases. Each start pays for them, whatever it is for.
const freeInits = 120

var costlyInits = map[string]int{
	"github.com/itchyny/gojq":             3000, // jq's functions that are written in jq, ready parsed
	"github.com/Masterminds/semver":       900,  // of go-ios: regular expressions
	"go.yaml.in/yaml/v4/internal/libyaml": 500,
	// A lab's server and its numbers are in every program; nobody could put them
	// off without a second program.
	"github.com/nats-io/nats-server/v2/server":       2200,
	"github.com/nats-io/nats%2ego":                   300,
	"github.com/nats-io/nats.go/jetstream":           250,
	"github.com/prometheus/client_golang/prometheus": 350,
	"github.com/prometheus/procfs":                   1000,
	"encoding/gob":                                   450,
}

// TestStart counts what the program does before main, which is most of what a
// short command takes: allocations of packages' variables and init functions.
// It also sees that nothing has the linker keep the methods that nobody calls:
// text/template and others, which call methods by names that only the running
// program knows, made the program a sixth larger and its start a tenth longer.
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
			break // the first is the cause of the others
		}
	}
	start := exec.Command(program, "version")
	start.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	var trace bytes.Buffer
	start.Stderr = &trace
	if err := start.Run(); err != nil {
		t.Fatal(err)
	}
	const most = 10_000
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
