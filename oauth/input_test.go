package oauth_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/fixtures/oauthtest"
	"github.com/wxctl/wxctl/oauth"
	"github.com/wxctl/wxctl/oauth/virtualoauth"
)

func TestMissingInput(t *testing.T) {
	ctx := t.Context()
	full := oauth.Token{AccessToken: oauth.NewSecret("a"), RefreshToken: oauth.NewSecret("r"), OpenID: "o"}
	for _, test := range []struct {
		name   string
		module int
		call   func() error
	}{
		{"exchange without AppID", 1, func() error {
			_, err := (&oauth.Client{Secret: oauth.NewSecret("s")}).Exchange(ctx, oauth.NewSecret("c"))
			return err
		}},
		{"exchange without AppSecret", 2, func() error {
			_, err := (&oauth.Client{AppID: "wx"}).Exchange(ctx, oauth.NewSecret("c"))
			return err
		}},
		{"exchange without code", 3, func() error {
			_, err := (&oauth.Client{AppID: "wx", Secret: oauth.NewSecret("s")}).Exchange(ctx, oauth.Secret{})
			return err
		}},
		{"refresh without AppID", 1, func() error { _, err := (&oauth.Client{}).Refresh(ctx, full); return err }},
		{"refresh without token", 2, func() error {
			_, err := (&oauth.Client{AppID: "wx"}).Refresh(ctx, oauth.Token{})
			return err
		}},
		{"userinfo without openid", 3, func() error {
			_, err := (&oauth.Client{}).UserInfo(ctx, oauth.Token{AccessToken: full.AccessToken}, "")
			return err
		}},
		{"userinfo without token", 4, func() error {
			_, err := (&oauth.Client{}).UserInfo(ctx, oauth.Token{OpenID: "o"}, "")
			return err
		}},
		{"check without token", 4, func() error { return (&oauth.Client{}).Check(ctx, oauth.Token{OpenID: "o"}) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := wantError(t, test.call(), oauth.KindMissing, 0)
			if e.ModuleCode() != test.module || e.Sent {
				t.Errorf("module code %d, want %d; sent %v", e.ModuleCode(), test.module, e.Sent)
			}
		})
	}
}

// Nothing that a failure prints holds a secret, in any form a search would
// look for, whatever the server sends back.
func TestErrorsHoldNoSecret(t *testing.T) {
	const (
		secret  = "SENTINEL/secret+0123456789=&?"
		code    = "SENTINEL code %2F 0123456789"
		access  = "SENTINEL_access-0123456789abcdef"
		refresh = "SENTINEL_refresh-0123456789abcdef"
	)
	needles := []string{"SENTINEL"}
	for _, v := range []string{secret, code, access, refresh} {
		needles = append(needles, v, url.QueryEscape(v), url.PathEscape(v), hex.EncodeToString([]byte(v)),
			strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(v)), "=")[:20],
			base64.URLEncoding.EncodeToString([]byte("x" + v))[4:24])
	}
	faults := append(slices.Collect(maps.Keys(virtualoauth.FaultKinds())), "40029", "40164")
	for _, kind := range faults {
		switch kind {
		case "errcode", "stall", "huge":
			continue
		case "slow":
			kind = "slow:1ms"
		case "status":
			kind = "status:500"
		}
		f, err := virtualoauth.ParseFault(kind)
		if err != nil {
			t.Fatal(err)
		}
		_, client := start(t, virtualoauth.Options{Faults: []virtualoauth.Fault{f}})
		client.Secret = oauth.NewSecret(secret)
		var out bytes.Buffer
		client.Trace = func(a oauth.Attempt) { fmt.Fprintf(&out, "%+v %v\n", a, a.Err) }
		token := oauth.Token{AccessToken: oauth.NewSecret(access), RefreshToken: oauth.NewSecret(refresh), OpenID: "oUser"}
		_, err1 := client.Exchange(t.Context(), oauth.NewSecret(code))
		_, err2 := client.Refresh(t.Context(), token)
		err3 := client.Check(t.Context(), token)
		_, err4 := client.UserInfo(t.Context(), token, "")
		for _, err := range []error{err1, err2, err3, err4} {
			encoded, _ := json.Marshal(err)
			fmt.Fprintf(&out, "%v %+v %#v %s\n", err, err, err, encoded)
			for ; err != nil; err = errors.Unwrap(err) {
				fmt.Fprintf(&out, "%+v\n", err)
			}
		}
		fmt.Fprintf(&out, "%+v %#v %v", client, client, token)
		for _, needle := range needles {
			if strings.Contains(strings.ToLower(out.String()), strings.ToLower(needle)) {
				t.Errorf("fault %s: %q leaks in\n%s", kind, needle, &out)
				break
			}
		}
		if strings.ContainsAny(out.String(), "\x1b\u202e\u009b") {
			t.Errorf("fault %s: control characters in\n%q", kind, &out)
		}
		if shown := strings.Contains(out.String(), "203.0.113.7"); shown != (kind == "40164") {
			t.Errorf("fault %s: the caller's address is shown %t, which its user needs for 40164 alone:\n%s", kind, shown, &out)
		}
	}
}

func TestBaseURL(t *testing.T) {
	for _, test := range []struct {
		raw                 string
		published, loopback bool
		err                 string
	}{
		{"", true, false, ""},
		{"https://api.weixin.qq.com/", true, false, ""},
		{"https://HK.api.weixin.qq.com:443", true, false, ""},
		{"https://api2.weixin.qq.com", true, false, ""},
		{"http://127.0.0.1:8080", false, true, ""},
		{"http://127.9.9.9", false, true, ""},
		{"http://[::1]:8080/prefix/", false, true, ""},
		{"http://[::ffff:127.0.0.1]:80", false, true, ""},
		{"http://localhost:1", false, true, ""},
		{"https://example.com", false, false, ""},
		{"https://api.weixin.qq.com.evil.example", false, false, ""},
		{"http://api.weixin.qq.com", false, false, "plain http"},
		{"http://127.0.0.1.example.com", false, false, "plain http"},
		{"http://10.0.0.1", false, false, "plain http"},
		{"http://localhost.example", false, false, "plain http"},
		{"ftp://127.0.0.1", false, false, "https://"},
		{"127.0.0.1:80", false, false, "not a URL"},
		{"https://", false, false, "no host"},
		{"https://user:hunter2@api.weixin.qq.com", false, false, "password"},
		{"https://api.weixin.qq.com?secret=hunter2", false, false, "query"},
		{"https://api.weixin.qq.com#hunter2", false, false, "fragment"},
		{"https://hunter2%zz", false, false, "not a URL"},
	} {
		b, err := oauth.ParseBaseURL(test.raw)
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%q: error %v, want one with %q and without the input", test.raw, err, test.err)
			}
			continue
		}
		if err != nil || b.Published() != test.published || b.Loopback() != test.loopback {
			t.Errorf("%q: published %v, loopback %v, error %v", test.raw, b.Published(), b.Loopback(), err)
		}
	}
}

func TestPrefixedBaseURL(t *testing.T) {
	server := oauthtest.New(virtualoauth.Options{})
	ts := httptest.NewServer(http.StripPrefix("/mirror", server))
	defer ts.Close()
	client := &oauth.Client{
		AppID: virtualoauth.DefaultAppID, Secret: oauth.NewSecret(virtualoauth.DefaultSecret), BaseURL: ts.URL + "/mirror/",
	}
	login(t, server, client)
}
