package oauth_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/oauth"
	"github.com/wxctl/wxctl/oauth/virtualoauth"
)

// The table as its readers see it: what each errcode means for each call. A "-"
// means that the documents don't list the code for the call.
var errcodeTable = []struct {
	code                   int
	class                  oauth.Class
	retry                  [4]oauth.Retry // exchange, refresh, check, userinfo
	exchange, refresh, use int            // the module's numbers; use is getUserInfo's
}{
	{-1, oauth.ClassService, same(oauth.RetryAfterPause), -1, -1, -1},
	{410, oauth.ClassRequest, same(never), -1, -1, -1},
	{40001, oauth.ClassCredentials, [4]oauth.Retry{never, again, again, again}, 2, -1, 5},
	{40002, oauth.ClassRequest, same(never), -1, -1, -1},
	{40003, oauth.ClassCredentials, same(never), -1, -1, 2},
	{40013, oauth.ClassCredentials, same(never), 1, 1, -1},
	{40014, oauth.ClassCredentials, same(again), -1, -1, 5},
	{40029, oauth.ClassCredentials, same(relog), 3, 3, -1},
	{40030, oauth.ClassCredentials, same(relog), -1, 3, -1},
	{40066, oauth.ClassRequest, same(never), -1, -1, -1},
	{40125, oauth.ClassCredentials, same(never), 2, -1, -1},
	{40163, oauth.ClassCredentials, same(relog), 3, -1, -1},
	{40164, oauth.ClassCredentials, same(never), -1, -1, -1},
	{40188, oauth.ClassCredentials, same(never), -1, -1, -1},
	{40243, oauth.ClassCredentials, same(never), 2, -1, -1},
	{41001, oauth.ClassCredentials, same(never), -1, -1, 4},
	{41002, oauth.ClassCredentials, same(never), 1, 1, -1},
	{41003, oauth.ClassCredentials, same(never), -1, 2, -1},
	{41004, oauth.ClassCredentials, same(never), 2, -1, -1},
	{41005, oauth.ClassRequest, same(never), -1, -1, -1},
	{41006, oauth.ClassRequest, same(never), -1, -1, -1},
	{41007, oauth.ClassRequest, same(never), -1, -1, -1},
	{41008, oauth.ClassCredentials, same(never), 3, -1, -1},
	{41009, oauth.ClassCredentials, same(never), -1, -1, 3},
	{42001, oauth.ClassCredentials, same(again), -1, -1, 1},
	{42002, oauth.ClassCredentials, same(relog), -1, 3, -1},
	{42003, oauth.ClassCredentials, same(relog), 3, -1, -1},
	{42007, oauth.ClassCredentials, same(relog), -1, 3, 5},
	{43001, oauth.ClassRequest, same(never), -1, -1, -1},
	{43002, oauth.ClassRequest, same(never), -1, -1, -1},
	{43003, oauth.ClassRequest, same(never), -1, -1, -1},
	{43004, oauth.ClassRequest, same(never), -1, -1, -1},
	{43005, oauth.ClassRequest, same(never), -1, -1, -1},
	{45009, oauth.ClassService, same(oauth.RetryNextDay), -1, -1, -1},
	{45011, oauth.ClassService, same(oauth.RetryNextMinute), -1, -1, -1},
	{45501, oauth.ClassCredentials, same(never), -1, -1, -1},
	{48001, oauth.ClassCredentials, same(never), -1, -1, -1},
	{48004, oauth.ClassCredentials, same(never), -1, -1, -1},
	{50001, oauth.ClassCredentials, same(relog), -1, -1, -1},
	{50002, oauth.ClassCredentials, same(never), -1, -1, -1},
	{50003, oauth.ClassCredentials, same(never), -1, -1, -1},
	{50004, oauth.ClassCredentials, same(never), -1, -1, -1},
	{50005, oauth.ClassCredentials, same(never), -1, -1, -1},
	{50007, oauth.ClassCredentials, same(never), -1, -1, -1},
	{61003, oauth.ClassCredentials, same(never), -1, -1, -1},
	{61004, oauth.ClassCredentials, same(never), -1, -1, -1},
	{61007, oauth.ClassCredentials, same(never), -1, -1, -1},
	{61009, oauth.ClassCredentials, same(never), -1, -1, -1},
	{61010, oauth.ClassCredentials, same(never), -1, -1, -1},
	{61023, oauth.ClassCredentials, same(never), -1, -1, -1},
	{61024, oauth.ClassCredentials, same(never), -1, -1, -1},
	{76022, oauth.ClassRequest, same(never), -1, -1, -1},
	{99999, oauth.ClassUnknown, same(never), -1, -1, -1},
}

const (
	never = oauth.RetryNever
	again = oauth.RetryAfterRefresh
	relog = oauth.RetryAfterLogin
)

func same(r oauth.Retry) [4]oauth.Retry { return [4]oauth.Retry{r, r, r, r} }

func TestErrcodeTable(t *testing.T) {
	listed := map[int]bool{}
	for _, want := range errcodeTable {
		listed[want.code] = true
		for i, op := range []oauth.Op{oauth.OpExchange, oauth.OpRefresh, oauth.OpCheck, oauth.OpUserInfo} {
			row, known := oauth.LookupErrcode(op, want.code)
			if known != (want.code != 99999) || row.Class != want.class || row.Retry != want.retry[i] || row.Meaning == "" {
				t.Errorf("%d at %s: %+v, known %v; want class %d, retry %d", want.code, op, row, known, want.class, want.retry[i])
			}
			module := []int{want.exchange, want.refresh, want.use, want.use}[i]
			if got := oauth.ModuleCode(op, want.code); got != module {
				t.Errorf("%d at %s: module code %d, want %d", want.code, op, got, module)
			}
		}
	}
	last := -2
	for _, row := range oauth.Errcodes() {
		if !listed[row.Code] {
			t.Errorf("errcode %d is in the table, but not in this test", row.Code)
		}
		if row.Code < last {
			t.Errorf("errcode %d is in the wrong place", row.Code)
		}
		last = row.Code
	}
}

// Every errcode, as an answer to every call, is returned unchanged.
func TestErrcodesOverHTTP(t *testing.T) {
	var code int
	var asString bool
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		format := `{"errcode":%d,"errmsg":"whatever, rid: 5f8d0a1b-00c0ffee-12345678"}`
		if asString {
			format = strings.Replace(format, "%d", `"%d"`, 1)
		}
		fmt.Fprintf(w, format, code)
	}))
	defer ts.Close()
	client := &oauth.Client{AppID: "wx0123456789abcdef", Secret: oauth.NewSecret("secret-secret"), BaseURL: ts.URL}
	token := oauth.Token{AccessToken: oauth.NewSecret("access-access"), RefreshToken: oauth.NewSecret("refresh-refresh"), OpenID: "o"}
	for _, want := range errcodeTable {
		for _, asString = range []bool{false, true} {
			code = want.code
			_, err := client.Exchange(t.Context(), oauth.NewSecret("code-code"))
			e := wantError(t, err, oauth.KindErrcode, code)
			if e.RID != "5f8d0a1b-00c0ffee-12345678" || e.ModuleCode() != want.exchange || e.Class() != want.class {
				t.Errorf("%d: %+v", code, e)
			}
			if !strings.Contains(e.Error(), fmt.Sprint(code)) {
				t.Errorf("%d: the sentence lacks the number: %s", code, e)
			}
			if want.class == oauth.ClassService { // those are tried again, see retry_test.go
				continue
			}
			_, err = client.Refresh(t.Context(), token)
			wantError(t, err, oauth.KindErrcode, code)
			wantError(t, client.Check(t.Context(), token), oauth.KindErrcode, code)
			_, err = client.UserInfo(t.Context(), token, "")
			wantError(t, err, oauth.KindErrcode, code)
		}
	}
}

// The stand-in gives each refusal of the protocol for the right reason.
func TestRefusals(t *testing.T) {
	server, client := start(t, virtualoauth.Options{})
	token := login(t, server, client)
	other := oauth.NewSecret("76_nobody-has-this-token")
	code := oauth.NewSecret("0nobody-has-this-code")
	for _, test := range []struct {
		code int
		call func() error
	}{
		{40013, func() error {
			c := *client
			c.AppID = "wxffffffffffffffff"
			_, err := c.Exchange(t.Context(), code)
			return err
		}},
		{40125, func() error {
			c := *client
			c.Secret = other
			_, err := c.Exchange(t.Context(), code)
			return err
		}},
		{40029, func() error { _, err := client.Exchange(t.Context(), code); return err }},
		{40030, func() error { _, err := client.Refresh(t.Context(), oauth.Token{RefreshToken: other}); return err }},
		{40001, func() error { return client.Check(t.Context(), oauth.Token{AccessToken: other, OpenID: token.OpenID}) }},
		{40003, func() error {
			return client.Check(t.Context(), oauth.Token{AccessToken: token.AccessToken, OpenID: "oSomeoneElse"})
		}},
		{48001, func() error {
			base, err := client.Exchange(t.Context(), oauth.NewSecret(server.IssueCode(virtualoauth.DefaultUser(), "snsapi_base")))
			if err != nil {
				return err
			}
			_, err = client.UserInfo(t.Context(), base, "")
			return err
		}},
		{42001, func() error { server.ExpireTokens(); _, err := client.UserInfo(t.Context(), token, ""); return err }},
	} {
		wantError(t, test.call(), oauth.KindErrcode, test.code)
	}
}
