package cmd

import (
	"cmp"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/mod/module"

	"github.com/wxctl/wxctl/cmd/internal/output"
	"github.com/wxctl/wxctl/device/android/agent"
)

// current is the release that this source leads to, or is.
const current = "0.2.0"

// release is set by the linker in release builds (-X); other builds use what
// the Go toolchain recorded.
var release string

// build is what is known about how the program was built.
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"` // empty where the toolchain did not know
	Date    string `json:"date"`   // of the commit, RFC 3339
	Dirty   bool   `json:"dirty"`  // made from files that were not committed
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

// buildOf reads how the program was built. `go install …@v1.2.3` records the
// module's version and no commit; a build in a checkout records the commit and
// a pseudo-version, which says less than [current].
func buildOf(release string, info *debug.BuildInfo) build {
	b := build{Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	if info == nil {
		info = &debug.BuildInfo{}
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Date = s.Value
		case "vcs.modified":
			b.Dirty = s.Value == "true"
		}
	}
	installed := info.Main.Version
	if installed == "(devel)" || module.IsPseudoVersion(installed) || strings.Contains(installed, "+") {
		installed = ""
	}
	b.Version = cmp.Or(release, strings.TrimPrefix(installed, "v"), current+"-dev")
	return b
}

func version() string {
	info, _ := debug.ReadBuildInfo()
	return buildOf(release, info).Version
}

type versionOptions struct{ f *Factory }

// NewCmdVersion makes `wxctl version`.
func NewCmdVersion(f *Factory, runF func(*versionOptions) error) *cobra.Command {
	opts := &versionOptions{f: f}
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Long: long(`
Print wxctl's version and the Go version that it was built with. With --json
also the commit, its date, whether the build had uncommitted changes, and the
SHA-256 of the agent that wxctl puts on Android phones.`),
		Example: examples("wxctl version\nwxctl version --json"),
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if runF != nil {
				return runF(opts)
			}
			return versionRun(opts)
		},
	}
}

func versionRun(opts *versionOptions) error {
	f := opts.f
	info, _ := debug.ReadBuildInfo()
	b := buildOf(release, info)
	b.Version = f.Version
	if f.Printer().JSON() {
		return f.Printer().Object(struct {
			SchemaVersion int `json:"schemaVersion"`
			build
			AgentDex string `json:"agentDex"`
		}{output.SchemaVersion, b, agent.Hash(agent.Dex)})
	}
	return f.Streams.Println("wxctl " + b.Version + " (" + b.Go + ", " + b.OS + "/" + b.Arch + ")")
}
