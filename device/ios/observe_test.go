package ios

import "testing"

// If the phone does not report an app's path, no other process is stopped by
// mistake.
func TestInBundle(t *testing.T) {
	const bundle = "/private/var/containers/Bundle/Application/A/WeChat.app"
	for _, tt := range []struct {
		executable, bundle string
		want               bool
	}{
		{bundle + "/WeChat", bundle, true},
		{"file:///var/containers/Bundle/Application/A/WeChat.app/WeChat", bundle + "/", true},
		{bundle + "2/WeChat", bundle, false},
		{"/usr/libexec/lockdownd", "", false},
		{"/usr/libexec/lockdownd", "/", false},
		{"/private/var/db", "/private", false},
		{"file://%zz", bundle, false},
	} {
		if got := inBundle(tt.executable, tt.bundle); got != tt.want {
			t.Errorf("%q in %q: %v", tt.executable, tt.bundle, got)
		}
	}
}
