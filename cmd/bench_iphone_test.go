package cmd

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/virtualios"
	"github.com/wxctl/wxctl/fixtures/tier"
)

// BenchmarkDevices compares `wxctl devices`, in turns and start-up aside (each
// program's time less that of its printing its version), with the tools that
// list one platform each and ask no phone anything, and with the one that asks
// an iPhone within a session, as wxctl does for its lock and its developer mode.
func BenchmarkDevices(b *testing.B) {
	tools := tier.Need(b, "bench", "adb", "idevice_id", "ideviceinfo")
	binary := filepath.Join(b.TempDir(), "wxctl")
	if out, err := exec.CommandContext(b.Context(), "go", "build", "-o", binary, "..").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	adb, err := virtualandroid.Start(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	defer adb.Close()
	mux, err := virtualios.StartWith(context.Background(), virtualios.Config{Keys: iPhoneKeys()})
	if err != nil {
		b.Fatal(err)
	}
	defer mux.Close()
	dir := b.TempDir()
	run := func(program string, args ...string) time.Duration {
		cmd := exec.CommandContext(b.Context(), program, args...)
		cmd.Env = append(os.Environ(), "ADB_SERVER_SOCKET=tcp:"+adb.ADB, "USBMUXD_SOCKET_ADDRESS="+mux.USBMux,
			"WXCTL_CONFIG_DIR="+dir, "WXCTL_STATE_DIR="+dir, "HOME="+dir)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		start := time.Now()
		if err := cmd.Run(); err != nil {
			b.Fatalf("%s %q: %v: %s", program, args, err, &out)
		}
		return time.Since(start)
	}
	programs := [][2][]string{
		{{binary, "version"}, {binary, "devices"}},
		{{tools[0], "version"}, {tools[0], "devices", "-l"}},
		{{tools[1], "-v"}, {tools[1], "-l"}},
		{{tools[2], "-v"}, {tools[2], "-k", "PasswordProtected"}},
	}
	var took [4][]time.Duration
	for b.Loop() {
		for i, p := range programs {
			start := run(p[0][0], p[0][1:]...)
			took[i] = append(took[i], run(p[1][0], p[1][1:]...)-start)
		}
	}
	median := func(d []time.Duration) float64 {
		slices.Sort(d)
		return float64(d[len(d)/2]) / 1e6
	}
	b.ReportMetric(median(took[0]), "wxctl-ms")
	b.ReportMetric(median(took[1]), "adb-ms")
	b.ReportMetric(median(took[2]), "idevice_id-ms")
	b.ReportMetric(median(took[0])/max(median(took[1]), median(took[2])), "ratio-to-lists")
	b.ReportMetric(median(took[3]), "ideviceinfo-ms")
	b.ReportMetric(median(took[0])/median(took[3]), "ratio-to-ideviceinfo")
}
