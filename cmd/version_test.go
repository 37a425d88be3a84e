package cmd

import (
	"runtime/debug"
	"testing"
)

func TestBuildOf(t *testing.T) {
	info := func(version string, settings ...debug.BuildSetting) *debug.BuildInfo {
		return &debug.BuildInfo{Main: debug.Module{Version: version}, Settings: settings}
	}
	checkout := []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123abcd"}, {Key: "vcs.time", Value: "2026-11-30T10:00:00Z"}, {Key: "vcs.modified", Value: "true"},
	}
	tests := []struct {
		name    string
		release string
		info    *debug.BuildInfo
		want    build
	}{
		{"nothing is known", "", nil, build{Version: current + "-dev"}},
		{"go install of a release", "", info("v0.2.1"), build{Version: "0.2.1"}},
		{"go build in a checkout", "", info("v0.0.0-20261130100000-0123abcd0123+dirty", checkout...),
			build{Version: current + "-dev", Commit: "0123abcd", Date: "2026-11-30T10:00:00Z", Dirty: true}},
		{"go install of a commit", "", info("v0.2.1-0.20261130100000-0123abcd0123"), build{Version: current + "-dev"}},
		{"go build beside changed files", "", info("v0.2.0+dirty"), build{Version: current + "-dev"}},
		{"go run", "", info("(devel)"), build{Version: current + "-dev"}},
		{"a release", "0.2.0", info("v0.2.0", checkout[:2]...), build{Version: "0.2.0", Commit: "0123abcd", Date: "2026-11-30T10:00:00Z"}},
		{"a prerelease", "", info("v0.3.0-rc.1"), build{Version: "0.3.0-rc.1"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := buildOf(test.release, test.info)
			got.Go, got.OS, got.Arch = "", "", ""
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}
