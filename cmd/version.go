package cmd

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/output"
)

// release is set by the linker in release builds (-X); other builds say what
// the Go toolchain recorded.
var release string

func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "0.1.0-dev"
}

type versionOptions struct{ f *Factory }

// NewCmdVersion makes `wxctl version`.
func NewCmdVersion(f *Factory, runF func(*versionOptions) error) *cobra.Command {
	opts := &versionOptions{f: f}
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Long:    long("Print wxctl's version and the Go version that it was built with."),
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
	if f.Printer().JSON() {
		return f.Printer().Object(struct {
			SchemaVersion int    `json:"schemaVersion"`
			Version       string `json:"version"`
			Go            string `json:"go"`
			OS            string `json:"os"`
			Arch          string `json:"arch"`
		}{output.SchemaVersion, f.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH})
	}
	return f.Streams.Println("wxctl " + f.Version + " (" + runtime.Version() + ", " + runtime.GOOS + "/" + runtime.GOARCH + ")")
}
