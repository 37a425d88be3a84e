package virtualandroid_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/oauth/virtualoauth"
)

// A login on the virtual phone gives a code that the virtual OAuth server
// exchanges, for the same user.
func TestCodeOfOAuthServer(t *testing.T) {
	web := httptest.NewServer(virtualoauth.New(virtualoauth.Options{}))
	defer web.Close()
	o, err := virtualandroid.ParseOptions("oauth=" + url.QueryEscape(web.URL))
	if err != nil {
		t.Fatal(err)
	}
	p, _ := open(t, o)
	out, err := p.Deliver(t.Context(), device.Job{Request: intents.Auth{Scope: new("snsapi_userinfo"), State: new("s")}, Until: device.Replied})
	if err != nil || out.Reply == nil || out.Reply.Code == "" {
		t.Fatalf("reply %+v, %v", out.Reply, err)
	}
	query := url.Values{"appid": {virtualandroid.DemoAppID}, "secret": {virtualoauth.DefaultSecret}, "code": {out.Reply.Code}, "grant_type": {"authorization_code"}}
	resp, err := http.Get(web.URL + "/sns/oauth2/access_token?" + query.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer resp.Body.Close()
	var token struct {
		OpenID  string `json:"openid"`
		Scope   string `json:"scope"`
		ErrCode int    `json:"errcode"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&token); err != nil {
		t.Fatal(err)
	}
	if token.OpenID != out.Reply.OpenID || token.Scope != "snsapi_userinfo" || token.ErrCode != 0 {
		t.Errorf("token of %+v, reply %+v", token, out.Reply)
	}
	web.Close() // without the server the login fails
	out, err = p.Deliver(t.Context(), device.Job{Request: intents.Auth{Scope: new("snsapi_userinfo"), State: new("s")}, Until: device.Replied})
	if err == nil || out.Reply == nil || out.Reply.ErrCode != int(intents.ErrComm) {
		t.Errorf("without the server: %+v, %v", out.Reply, err)
	}
}
