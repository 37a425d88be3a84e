package oauth

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestRepair(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{`{"a":"b"}`, `{"a":"b"}`},
		{"\xef\xbb\xbf{}", `{}`},
		{"{\"a\":\"x\x14y\"}", `{"a":"x\u0014y"}`},
		{"{\n\t\"a\": \"x\ny\"\r\n}", "{\n\t\"a\": \"x\\u000ay\"\r\n}"},
		{"{\"u\":\"http:\\/\\/h\\/0\",\"n\":\"\x07\"}", `{"u":"http:\/\/h\/0","n":"\u0007"}`},
		{"{\"a\":\"q\\\"\x01\\\\\"}", `{"a":"q\"\u0001\\"}`},
		{"{\"a\":\"\\\x01\"}", `{"a":"\\\u0001"}`},
	} {
		if got := string(repair([]byte(test.in))); got != test.want {
			t.Errorf("repair(%q) = %q, want %q", test.in, got, test.want)
		}
	}
}

func TestTokenReply(t *testing.T) {
	for _, test := range []struct{ body, err string }{
		{`{"access_token":"ACCESS","expires_in":7200,"refresh_token":"REFRESH","openid":"OPENID","scope":"snsapi_base,snsapi_userinfo,"}`, ""},
		{`{"access_token":"ACCESS","expires_in":"7200","refresh_token":"REFRESH","openid":"OPENID","scope":"snsapi_base,snsapi_userinfo","errcode":0}`, ""},
		{`{"access_token":"ACCESS","expires_in":7200.0,"refresh_token":"REFRESH","openid":"OPENID","scope":"snsapi_base, snsapi_userinfo","errcode":null}`, ""},
		{`{"expires_in":7200,"refresh_token":"REFRESH","openid":"OPENID"}`, "no access_token"},
		{`{"errcode":0,"errmsg":"ok"}`, "no access_token"},
		{`{}`, "no access_token"},
		{`{"ACCESS_TOKEN":"ACCESS","expires_in":7200,"refresh_token":"REFRESH","openid":"OPENID"}`, "no access_token"},
		{`{"access_token":"ACCESS","expires_in":7200,"refresh_token":"REFRESH"}`, "no openid"},
		{`{"access_token":7,"expires_in":7200,"refresh_token":"REFRESH","openid":"OPENID"}`, "not a string"},
		{`{"access_token":"AC CESS","expires_in":7200,"refresh_token":"REFRESH","openid":"OPENID"}`, "not allowed"},
		{`{"access_token":"ACCESS","expires_in":7200,"refresh_token":"REFRESH","openid":"O\u001b[2J"}`, "not allowed"},
		{`{"access_token":"ACCESS","expires_in":7200,"refresh_token":"REFRESH","openid":"xACCESSx"}`, "repeats a secret"},
		{`{"access_token":"` + strings.Repeat("A", 3000) + `","expires_in":7200,"refresh_token":"REFRESH","openid":"OPENID"}`, "longer than"},
	} {
		p, err := parseReply([]byte(test.body), newRedactor())
		if err != nil {
			t.Fatalf("%s: %v", test.body, err)
		}
		token, err := p.token(OpExchange, Token{}, time.Unix(1000, 0))
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: error %v, want %q", test.body, err, test.err)
			}
			continue
		}
		if err != nil || token.AccessToken.Reveal() != "ACCESS" || token.RefreshToken.Reveal() != "REFRESH" ||
			token.OpenID != "OPENID" || strings.Join(token.Scope, "|") != "snsapi_base|snsapi_userinfo" || !token.Expiry().Equal(time.Unix(8200, 0)) {
			t.Errorf("%s: %+v, %v", test.body, token, err)
		}
	}
}

// A field that a refresh omits keeps its value; changing one that it must not
// change is an error.
func TestRefreshReplyKeepsTheRest(t *testing.T) {
	old := Token{
		AccessToken: NewSecret("old-access"), RefreshToken: NewSecret("old-refresh"),
		OpenID: "OPENID", UnionID: "UNION", Scope: []string{"snsapi_userinfo"}, Snapshot: true,
	}
	read := func(body string) (Token, error) {
		p, err := parseReply([]byte(body), newRedactor())
		if err != nil {
			t.Fatal(err)
		}
		return p.token(OpRefresh, old, time.Now())
	}
	token, err := read(`{"access_token":"new-access","expires_in":7200}`)
	if err != nil || token.RefreshToken.Reveal() != "old-refresh" || token.OpenID != "OPENID" || token.UnionID != "UNION" ||
		len(token.Scope) != 1 || !token.Snapshot {
		t.Errorf("%+v, %v", token, err)
	}
	if _, err := read(`{"access_token":"new-access","expires_in":7200,"openid":"SOMEONE"}`); err == nil {
		t.Error("another user's token replaced the old one")
	}
}

func TestRID(t *testing.T) {
	for _, test := range []struct{ errmsg, rid string }{
		{"invalid code", ""},
		{"invalid code, hints: [ req_id: aBc12_-x ]", "aBc12_-x"},
		{"invalid credential, access_token is invalid or not latest hint: [1UYVMa0864vr21!]", "1UYVMa0864vr21"},
		{"invalid credential hint(s): [KlpJna0373e502!]", "KlpJna0373e502"},
		{"invalid code, rid: 61a5f1b2-0c9d8e7f-12ab34cd", "61a5f1b2-0c9d8e7f-12ab34cd"},
		{"invalid code rid: 61a5f1b2-0c9d8e7f-12ab34cd", "61a5f1b2-0c9d8e7f-12ab34cd"},
		{"invalid appsecret, view more at http://t.cn/RAEkdVq, rid: 61a5f1b2-0c9d8e7f-12ab34cd", "61a5f1b2-0c9d8e7f-12ab34cd"},
		{"api minute-quota reach limit, must slower, retry next minute, rid: 61a5f1b2-0c9d8e7f-12ab34cd", "61a5f1b2-0c9d8e7f-12ab34cd"},
		{"astrid: 61a5f1b2-0c9d8e7f-12ab34cd", ""},
	} {
		if got := findRID(test.errmsg); got != test.rid {
			t.Errorf("%q: rid %q, want %q", test.errmsg, got, test.rid)
		}
	}
}

func TestRedactor(t *testing.T) {
	const secret = "p@ss/word+0123456789"
	r := newRedactor(NewSecret(secret), NewSecret("x"), Secret{})
	for _, text := range []string{
		secret, "<" + secret + ">", strings.ToUpper(secret),
		url.QueryEscape(secret), url.PathEscape(secret), strings.ToLower(url.QueryEscape(secret)),
		url.QueryEscape(url.QueryEscape(secret)),
		hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret))),
		fmt.Sprintf("% x", secret), fmt.Sprintf("% X", "a"+secret+"b"),
		hex.EncodeToString([]byte("secret=" + url.QueryEscape(secret) + "&code")),
		base64.StdEncoding.EncodeToString([]byte("secret=" + url.QueryEscape(secret) + "&code")),
		base64.StdEncoding.EncodeToString([]byte(secret)),
		base64.StdEncoding.EncodeToString([]byte("secret=" + secret + "&code")),
		base64.RawURLEncoding.EncodeToString([]byte("ab" + secret)),
		base64.URLEncoding.EncodeToString([]byte("abc" + secret + "x")),
		strings.ReplaceAll(secret, "/", `\/`), strings.ReplaceAll(secret, "s", `\u0073`),
		"%70%40%73%73%2f" + secret[5:], secret[:5] + "\x00" + secret[5:], secret[:5] + "\n" + secret[5:],
		strings.ReplaceAll(secret, "@", "&#64;"),
	} {
		got := r.clean("before "+text+" after", 500)
		if strings.Contains(strings.ToLower(got), strings.ToLower(text)) || !strings.Contains(got, cut) && got != withheld {
			t.Errorf("%q became %q", text, got)
		}
	}
	for _, text := range []string{"invalid code", "plain words: 100% fine, x and y", "张三 said \"hi\"", ""} {
		if got := r.clean(text, 500); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestAddressesAreHidden(t *testing.T) {
	r := newRedactor()
	got := r.clean("invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist; 2001:db8::1. rid: 61a5f1b2-0c9d8e7f-12ab34cd v1.2.3", 500)
	const want = "invalid ip (IP address) ipv6 (IP address), not in whitelist; (IP address). rid: 61a5f1b2-0c9d8e7f-12ab34cd v1.2.3"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"":                            "",
		"张三 \U0001F600":               "张三 \U0001F600",
		"\U0001F468\u200d\U0001F469":  "\U0001F468\u200d\U0001F469",
		"a\x1b[31mb":                  `a\x1b[31mb`,
		"\u009b2J\u202egnp.exe\u2066": `\u009b2J\u202egnp.exe\u2066`,
		"tab\tnl\n\x7f":               `tab\tnl\n\x7f`,
		"bad \xff\xfe end":            `bad \xff\xfe end`,
		"zero\u200bwidth\ufeff":       `zero\u200bwidth\ufeff`,
	} {
		if got := Printable(in); got != want {
			t.Errorf("Printable(%q) = %q, want %q", in, got, want)
		}
	}
}

// A secret is masked, however it is printed.
func TestSecretIsMasked(t *testing.T) {
	const value = "SENTINEL-0123456789-0123456789"
	s := NewSecret(value)
	type wrapper struct {
		Public  Secret
		private Secret
		pointer *Secret
	}
	w := wrapper{s, s, &s}
	encoded, err := json.Marshal(map[string]any{"a": s, "b": &s, "c": w, "d": map[Secret]int{s: 1}})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", s, "wrapped", w)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", s, "wrapped", w)
	outputs := []string{string(encoded), log.String(), s.String(), s.Hint(), fmt.Sprint(s, &s, w, &w), fmt.Sprintln([]Secret{s})}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%b", "%t", "%U", "%c", "%o", "%10.3s"} {
		outputs = append(outputs, fmt.Sprintf(verb, s), fmt.Sprintf(verb, &s), fmt.Sprintf(verb, w), fmt.Sprintf(verb, &w), fmt.Sprintf(verb, errorOf(s)))
	}
	for _, out := range outputs {
		for _, needle := range []string{value, "SENTINEL", hex.EncodeToString([]byte("SENTINEL")), "53 45 4e", "[83 69"} {
			if strings.Contains(strings.ToLower(out), strings.ToLower(needle)) {
				t.Errorf("%q leaks in %q", needle, out)
			}
		}
	}
	if s.Reveal() != value || s.IsZero() || !NewSecret("").IsZero() || NewSecret("").String() != "" {
		t.Error("a Secret must keep its value")
	}
	for value, hint := range map[string]string{"": "", "short": "***", "exactly-23-bytes-long-x": "***", "76_0123456789012345678x4Q": "76_…x4Q", "\x1b[2J01234567890123456789": "***"} {
		if got := NewSecret(value).Hint(); got != hint {
			t.Errorf("the hint of %q is %q, want %q", value, got, hint)
		}
	}
}

func errorOf(s Secret) error { return fmt.Errorf("with %v inside", s) }

func FuzzReply(f *testing.F) {
	f.Add([]byte(`{"access_token":"A","expires_in":7200,"refresh_token":"R","openid":"O"}`))
	f.Add([]byte("{\"nickname\":\"a\x14\\\x01\xff\",\"openid\":\"O\",\"sex\":\"1\",\"privilege\":[1,\"x\"]}"))
	f.Add([]byte(`{"errcode":"40029","errmsg":"invalid code, hints: [ req_id: x ]"}`))
	f.Add([]byte(`[[[[`))
	f.Fuzz(func(t *testing.T, body []byte) {
		const secret = "SENTINEL-secret"
		p, failure := read(OpUserInfo, 200, body, newRedactor(NewSecret(secret)))
		if failure != nil {
			if strings.Contains(failure.Error()+failure.Message, secret) || !utf8.ValidString(failure.Message) || Printable(failure.Error()) != failure.Error() {
				t.Errorf("not safe to print: %q", failure)
			}
			return
		}
		if token, err := p.token(OpExchange, Token{}, time.Now()); err == nil && (token.AccessToken.IsZero() || token.OpenID == "" || token.ExpiresIn < 0) {
			t.Errorf("accepted without what it needs: %+v", token)
		}
		if user, err := p.userInfo("O"); err == nil {
			if user.OpenID != "O" || strings.Contains(fmt.Sprint(user), secret) || !utf8.ValidString(user.Nickname) {
				t.Errorf("%+v", user)
			}
		}
	})
}

// A value of any length is removed, with all that follows it if it is longer
// than a pattern can be.
func TestRedactorLongValue(t *testing.T) {
	secret := strings.Repeat("a/ +", 1<<18)
	if got := newRedactor(NewSecret(secret)).clean("before "+secret+" after", 100); got != "before "+cut {
		t.Errorf("%q", got)
	}
}

func FuzzRedactor(f *testing.F) {
	f.Add("0123456789abcdef", "text ", " more")
	f.Add("p@ss/word+", "%70", "\x00\x1b")
	f.Add("aaaa", "a", "a")
	f.Fuzz(func(t *testing.T, secret, before, after string) {
		if len(secret) < minRedacted || !utf8.ValidString(secret) || strings.Contains(cut+withheld, secret) {
			return
		}
		r := newRedactor(NewSecret(secret))
		for _, form := range []string{secret, url.QueryEscape(secret), hex.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret))} {
			got := r.clean(before+form+after, 1000)
			if strings.Contains(got, secret) || Printable(got) != got {
				t.Errorf("%q in %q became %q", secret, before+form+after, got)
			}
		}
	})
}

// Of a repeated key the first counts; anything but one object is not an answer.
func TestTwice(t *testing.T) {
	p, err := parseReply([]byte(`{"openid":"first","openid":"second","errcode":null,"errcode":40029}`), newRedactor())
	if err != nil || string(p.fields["openid"]) != `"first"` || p.present("errcode") {
		t.Errorf("%s, %v", p.fields, err)
	}
	for _, body := range []string{``, `null`, `[]`, `"x"`, `{`, `{"a":1}{`, `{"a":1} {"b":2}`, `{"a"}`, `{"a":1,}`, `{"a":nope}`} {
		if _, err := parseReply([]byte(body), newRedactor()); err == nil {
			t.Errorf("%s is treated as an answer", body)
		}
	}
}
