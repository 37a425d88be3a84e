package cmd

import (
	"testing"

	"github.com/wxctl/wxctl/device"
)

func TestNameFor(t *testing.T) {
	for _, tt := range []struct {
		name    string
		several bool
		phone   device.Info
		want    string
	}{
		{"shot.png", false, device.Info{ID: "A"}, "shot.png"},
		{"shot.png", true, device.Info{ID: "A"}, "shot-A.png"},
		{"dir.d/shot", true, device.Info{ID: "192.168.1.5:5555"}, "dir.d/shot-192.168.1.5_5555"},
		{"a.b.mp4", true, device.Info{ID: "../x\x1b"}, "a.b-.._x_.mp4"},
		{"shot.png", true, device.Info{ID: "A", USBPath: "1-1", SharedID: true}, "shot-A@usb_1-1.png"},
	} {
		if got := nameFor(tt.name, tt.several, tt.phone); got != tt.want {
			t.Errorf("%q of %q: %q, want %q", tt.name, tt.phone.ID, got, tt.want)
		}
	}
}
