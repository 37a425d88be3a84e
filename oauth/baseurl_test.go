package oauth_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/oauth"
)

// For any base URL: if it is accepted, it is https or this computer, and its
// text is accepted again; otherwise the error repeats nothing of it.
func FuzzParseBaseURL(f *testing.F) {
	for _, seed := range []string{
		"", "https://api.weixin.qq.com/x/", "http://127.1.2.3:80", "http://[::1%25lo]:80", "http://user:SENTINEL@h", "https://h?SENTINEL",
		"http://localhost./", "HTTP://LOCALHOST", "http://127.0.0.1#SENTINEL", "https://%53ENTINEL", "http://[::ffff:127.0.0.1]",
		"http://[::1%25l\x80]",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		b, err := oauth.ParseBaseURL(raw)
		if err != nil {
			if strings.Contains(err.Error(), "SENTINEL") || err.Error() != oauth.Printable(err.Error()) {
				t.Errorf("%q: %q", raw, err)
			}
			return
		}
		again, err := oauth.ParseBaseURL(b.String())
		if err != nil || again.Host() != b.Host() || again.Loopback() != b.Loopback() {
			t.Errorf("%q prints as %q, which gives %v, %v", raw, b, again, err)
		}
		if strings.HasPrefix(b.String(), "https://") {
			return
		}
		addr, err := netip.ParseAddr(b.Host())
		if b.Host() != "localhost" && (err != nil || !addr.Unmap().IsLoopback()) {
			t.Errorf("%q: plain http to %q", raw, b.Host())
		}
	})
}
