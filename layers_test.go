package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/wxctl/wxctl"

// layers says which packages of ours each folder's packages may import, as go
// list writes patterns: x is that package, x/... also those below. Arrows go one
// way: cmd -> device -> intents, cmd -> oauth, device/virtual -> intents. A
// folder stands for all below it that have no row of their own; the packages of
// one row may import each other. Tests are free.
var layers = map[string][]string{
	".":                  {"cmd"},
	"cmd":                {"cmd/internal/...", "device/...", "intents/...", "oauth/..."},
	"cmd/internal":       {"device", "intents/..."},
	"intents":            {},
	"oauth":              {},
	"device":             {"device/check", "device/interrupt", "intents/..."},
	"device/check":       {"intents/..."},
	"device/lab":         {"device", "intents/..."},
	"device/lab/natslab": {"device", "device/lab"},
	// The server is the standard nats-server; it does not depend on labs.
	"device/lab/natslab/natsserver": {},
	"device/archive":                {},
	"device/netstack":               {},
	"device/proplist":               {},
	"device/cms":                    {},
	"device/interrupt":              {},
	"device/android":                {"device", "device/archive", "device/check", "device/cms", "device/interrupt", "intents/..."},
	"device/ios":                    {"device", "device/archive", "device/check", "device/cms", "device/netstack", "device/proplist", "intents/..."},
	// Virtual phones don't depend on the code that drives them, except for the
	// types of the agent's and the debugger's messages.
	"device/virtual":                    {"device/netstack", "device/proplist", "intents/..."},
	"device/virtual/virtualandroid":     {"device/virtual/...", "device/android/agent", "device/android/apk", "intents/..."},
	"device/virtual/virtualandroid/art": {"device/android/jdwp"},
	"docs":                              {"cmd", "device/check"},
	"fixtures":                          {"device/...", "intents/...", "oauth/..."}, // nothing else imports fixtures
}

// doors are the modules that only few packages may import, except in tests.
var doors = map[string][]string{
	"github.com/electricbubble/gadb":      {"device/android"},
	"github.com/fatih/color":              {"cmd/internal/streams"},
	"github.com/danielpaulus/go-ios":      {"device/ios", "device/virtual/virtualios/coredevice"},
	"gvisor.dev/gvisor":                   {"device/netstack"},
	"github.com/spf13/cobra":              {"cmd", "docs/gen"},
	"github.com/spf13/pflag":              {"cmd"},
	"mvdan.cc/sh":                         {"device/virtual/virtualandroid/shell"},
	"github.com/zalando/go-keyring":       {"oauth/credentials"},
	"github.com/pelletier/go-toml":        {"cmd/internal/config"},
	"go.mozilla.org/pkcs7":                {"device/cms"},
	"golang.org/x/text/width":             {"cmd/internal/language"},
	"github.com/nats-io/nats.go":          {"device/lab/natslab"},
	"github.com/nats-io/nats-server":      {"device/lab/natslab/natsserver"},
	"github.com/nats-io/nkeys":            {"device/lab/natslab/natsserver"},
	"github.com/prometheus/client_golang": {"cmd/internal/metrics"},
	"github.com/itchyny/gojq":             {"cmd/internal/output", "intents/suite"},
}

// pkg is what `go list` says of a package.
type pkg struct {
	ImportPath string
	Imports    []string
}

// packages are all of ours, by folder.
func packages(t *testing.T) map[string]pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	all := map[string]pkg{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all[folder(p.ImportPath)] = p
	}
}

// folder is the folder of one of our packages; "" for others'.
func folder(importPath string) string {
	if importPath == module {
		return "."
	}
	dir, ours := strings.CutPrefix(importPath, module+"/")
	if !ours {
		return ""
	}
	return dir
}

// row is the row of the table that a folder belongs to: the longest match.
func row(dir string) string {
	best := ""
	for name := range layers {
		if (dir == name || strings.HasPrefix(dir, name+"/")) && len(name) > len(best) {
			best = name
		}
	}
	return best
}

func TestLayers(t *testing.T) {
	used := map[string]bool{}
	for dir, p := range packages(t) {
		from := row(dir)
		if from == "" {
			t.Errorf("%s is not in the table", dir)
			continue
		}
		used[from] = true
		for _, imported := range p.Imports {
			to := folder(imported)
			if to == "" || row(to) == from {
				continue
			}
			allowed := slices.ContainsFunc(layers[from], func(a string) bool {
				below, many := strings.CutSuffix(a, "/...")
				return to == below || many && strings.HasPrefix(to, below+"/")
			})
			if !allowed {
				t.Errorf("%s may not import %s: the row %q of the table has %q", dir, to, from, layers[from])
			}
		}
	}
	for name := range layers {
		if !used[name] {
			t.Errorf("the row %q of the table fits no package", name)
		}
	}
}

func TestDoors(t *testing.T) {
	for dir, p := range packages(t) {
		if strings.HasPrefix(dir, "fixtures") {
			continue
		}
		for _, imported := range p.Imports {
			for door, who := range doors {
				if (imported == door || strings.HasPrefix(imported, door+"/")) && !slices.Contains(who, dir) {
					t.Errorf("%s imports %s, which is for %q", dir, imported, who)
				}
			}
		}
	}
}
