package ios

import "testing"

// An app whose place the phone does not tell has no process that could be
// stopped in its stead.
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
