package ios

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/virtual/virtualios"
	"github.com/wxctl/wxctl/device/virtual/virtualios/idevice"
	"github.com/wxctl/wxctl/device/virtual/virtualios/lockdownd"
	"github.com/wxctl/wxctl/fixtures/tier"
)

// TestAgreesWithLibimobiledevice: libimobiledevice's tools and this package
// report the same about phones.
func TestAgreesWithLibimobiledevice(t *testing.T) {
	tools := tier.Need(t, "ios", "idevice_id", "ideviceinfo", "ideviceinstaller")
	server, err := virtualios.Start(t.Context(), virtualios.Config{Keys: lockdownd.NewKeys()},
		virtualios.Options{IOS: "16.7.2", Name: "Lab 1"}, virtualios.Options{Name: "实验室 2", Network: true}, virtualios.Options{Trust: idevice.Untrusted})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	ask := func(tool int, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(until(t), tools[tool], args...)
		cmd.Env = append(os.Environ(), "USBMUXD_SOCKET_ADDRESS="+server.USBMux)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s %q: %v", tools[tool], args, err)
		}
		return strings.TrimSpace(string(out))
	}
	b := &Backend{Server: Server{Addr: server.USBMux}}
	infos, err := b.List(until(t), "")
	if err != nil {
		t.Fatal(err)
	}
	infos = device.Merge(infos)
	ids := strings.Fields(ask(0, "-l"))
	slices.Sort(ids)
	var ours []string
	for _, i := range infos {
		ours = append(ours, i.ID)
		simple := []string{"-u", i.ID}
		if i.State != device.Ready {
			simple = append(simple, "-s") // unencrypted
		}
		for key, want := range map[string]string{"DeviceName": i.Name, "ProductType": i.Model, "ProductVersion": i.OSVersion} {
			if got := ask(1, append(simple, "-k", key)...); got != want {
				t.Errorf("%s of %s: ideviceinfo says %q, we say %q", key, i.ID, got, want)
			}
		}
		if i.State != device.Ready {
			continue
		}
		phone, err := b.Open(until(t), i)
		if err != nil {
			t.Fatal(err)
		}
		w, err := phone.WeChat(until(t), device.UserChoice{})
		if err != nil {
			t.Fatal(err)
		}
		phone.Close()
		if list := ask(2, "-u", i.ID, "-l"); !strings.Contains(list, w.BundleID+", \""+w.Version) {
			t.Errorf("ideviceinstaller lists %q, we say %+v", list, w)
		}
	}
	slices.Sort(ours)
	if !slices.Equal(ours, slices.Compact(ids)) {
		t.Errorf("idevice_id lists %q, we list %q", ids, ours)
	}
}
