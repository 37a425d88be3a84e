package adb_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/electricbubble/gadb"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/adb"
	"github.com/wxctl/wxctl/fixtures/adbtest"
	"github.com/wxctl/wxctl/fixtures/tier"
	"github.com/wxctl/wxctl/fixtures/wait"
)

// clientsDir holds the scripts that drive the clients from PyPI and npm.
const clientsDir = "../../../../fixtures/interop/adb"

// python returns the interpreter that has the clients from PyPI.
func python(t *testing.T) string {
	t.Helper()
	return tier.Need(t, "adb-clients", filepath.Join(clientsDir, ".venv/bin/python"))[0]
}

// runClient runs a client's script, which must pass all of at least checks.
func runClient(t *testing.T, checks int, program string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*wait.Plenty)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = clientsDir
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "PYTHONDONTWRITEBYTECODE=1", "ANDROID_SERIAL=")
	out, err := cmd.CombinedOutput()
	passed := 0
	if i := bytes.LastIndexByte(bytes.TrimSpace(out), '\n'); i < len(out) {
		fmt.Sscanf(string(out[i+1:]), "%d passed", &passed)
	}
	if err != nil || passed < checks {
		t.Errorf("%s: %v, %d passed of %d\n%s", args, err, passed, checks, out)
	}
}

func TestAdbShell(t *testing.T) {
	t.Parallel()
	program, err := filepath.Abs(python(t))
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "key")
	d := adb.NewDaemon(wholePhone(t, "").Device)
	d.Auth = &adb.Auth{}
	host, port, _ := net.SplitHostPort(serveDaemon(t, d))
	runClient(t, 21, program, "adb_shell_check.py", host, port, key)
}

// serverFaces runs a client on our server and, as a control, on Debian's
// with the phone behind it.
func serverFaces(t *testing.T, run func(t *testing.T, addr, serial string, d adb.Device)) {
	t.Run("server", func(t *testing.T) {
		t.Parallel()
		d := wholePhone(t, "virtual-1").Device
		run(t, serve(t, adbtest.NewServer(t, d)), "virtual-1", d)
	})
	t.Run("real server", func(t *testing.T) {
		t.Parallel()
		d := wholePhone(t, "").Device
		a, addr := connected(t, adb.NewDaemon(d))
		run(t, "127.0.0.1:"+a.port, addr, d)
	})
}

func TestAdbutils(t *testing.T) {
	t.Parallel()
	program, err := filepath.Abs(python(t))
	if err != nil {
		t.Fatal(err)
	}
	serverFaces(t, func(t *testing.T, addr, serial string, d adb.Device) {
		host, port, _ := net.SplitHostPort(addr)
		runClient(t, 25, program, "adbutils_check.py", host, port, serial, modelName(d))
	})
}

func TestYumeChan(t *testing.T) {
	t.Parallel()
	node := tier.Need(t, "adb-clients", "node")[0]
	if _, err := os.Stat(filepath.Join(clientsDir, "node_modules")); err != nil {
		if tier.Required("adb-clients") {
			t.Fatal(err)
		}
		t.Skip("the clients from npm are not installed")
	}
	serverFaces(t, func(t *testing.T, addr, serial string, d adb.Device) {
		host, port, _ := net.SplitHostPort(addr)
		runClient(t, 20, node, "yume.mjs", host, port, serial, d.Identity().Product, modelName(d), d.Identity().Device)
	})
}

// TestGadb uses the client that wxctl itself uses.
func TestGadb(t *testing.T) {
	t.Parallel()
	serverFaces(t, func(t *testing.T, addr, serial string, d adb.Device) {
		host, port, _ := net.SplitHostPort(addr)
		n, err := net.LookupPort("tcp", port)
		if err != nil {
			t.Fatal(err)
		}
		client, err := gadb.NewClientWith(host, n)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := client.ServerVersion(); err != nil || v != 41 {
			t.Errorf("version %d, %v", v, err)
		}
		devices, err := client.DeviceList()
		if err != nil || len(devices) != 1 || devices[0].Serial() != serial {
			t.Fatalf("devices %v, %v", devices, err)
		}
		if product, err := devices[0].Product(); err != nil || product != d.Identity().Product {
			t.Errorf("product %q, %v", product, err)
		}
		if state, err := devices[0].State(); err != nil || state != gadb.StateOnline {
			t.Errorf("state %v, %v", state, err)
		}
		if out, err := devices[0].RunShellCommand("echo", "hi"); err != nil || out != "hi\n" {
			t.Errorf("shell: %q, %v", out, err)
		}
		data := bytes.Repeat([]byte("gadb"), 1<<18)
		if err := devices[0].Push(bytes.NewReader(data), "/data/local/tmp/gadb", time.Unix(1600000000, 0)); err != nil {
			t.Error(err)
		}
		var back bytes.Buffer
		if err := devices[0].Pull("/data/local/tmp/gadb", &back); err != nil || !bytes.Equal(back.Bytes(), data) {
			t.Errorf("pull: %d bytes, %v", back.Len(), err)
		}
		files, err := devices[0].List("/data/local/tmp")
		if err != nil || len(files) != 4 {
			t.Errorf("list: %v, %v", files, err)
		}
		if err := devices[0].Pull("/data/local/tmp/none", io.Discard); err == nil || !strings.Contains(err.Error(), "No such file or directory") {
			t.Errorf("pull of nothing: %v", err)
		}
	})
}
