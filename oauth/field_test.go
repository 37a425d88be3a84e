package oauth

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// fieldReply reads an answer that users of such libraries reported.
func fieldReply(t *testing.T, name string) (reply, *Error) {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("..", "fixtures", "field", "oauth", name))
	if err != nil {
		t.Fatal(err)
	}
	return read(OpUserInfo, 200, body, newRedactor())
}

// TestFieldUsers: each field is read on its own.
func TestFieldUsers(t *testing.T) {
	for name, want := range map[string]UserInfo{
		"sex-empty-string.json": {OpenID: "oA1", UnionID: "uA1", Nickname: "N", Privilege: []string{}, Odd: []string{"sex"}},
		"user-odd-types.json": {
			OpenID: "oA1", Nickname: `N\ud83d`,
			Odd: []string{"city", "country", "language", "privilege", "province", "sex", "unionid"},
		},
		"user-gbk-nickname.json": {OpenID: "oA1", UnionID: "uA1", Nickname: `\xc4\xe3\xba\xc3`, Sex: 1, Privilege: []string{"chinaunicom"}},
	} {
		p, failure := fieldReply(t, name)
		if failure != nil {
			t.Errorf("%s: %v", name, failure)
			continue
		}
		got, err := p.userInfo("oA1")
		slices.Sort(got.Odd)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestFieldTokens(t *testing.T) {
	now := time.Unix(1000, 0)
	for name, want := range map[string]Token{
		"token-odd-types.json": {
			AccessToken: NewSecret("A1"), RefreshToken: NewSecret("R1"), OpenID: "oA1", Scope: []string{"snsapi_userinfo"}, ObtainedAt: now,
			Odd: []string{"errcode", "expires_in", "is_snapshotuser", "unionid"},
		},
		"token-no-refresh.json": {
			AccessToken: NewSecret("A1"), RefreshToken: NewSecret(""), OpenID: "oA1", ExpiresIn: 2 * time.Hour, ObtainedAt: now, Odd: []string{"refresh_token"},
		},
	} {
		p, failure := fieldReply(t, name)
		if failure != nil {
			t.Errorf("%s: %v", name, failure)
			continue
		}
		got, err := p.token(OpExchange, Token{}, now)
		slices.Sort(got.Odd)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// TestFieldCheck: an errcode is the answer of a check, so one that can't be
// read does not mean yes.
func TestFieldCheck(t *testing.T) {
	for _, body := range []string{`{"errcode":[],"errmsg":"ok"}`, `{"errcode":"","errmsg":"ok"}`, `{"errmsg":"ok"}`} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) }))
		client := Client{AppID: "wx0123456789abcdef", BaseURL: server.URL}
		err := client.Check(t.Context(), Token{AccessToken: NewSecret("A1"), OpenID: "oA1"})
		server.Close()
		var e *Error
		if !errors.As(err, &e) || e.Kind != KindReply {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestFieldErrors(t *testing.T) {
	for name, want := range map[string]struct {
		code         int
		rid, address string
	}{
		"err40013-rid-at.json": {40013, "00000000-11111111-22222222", ""},
		"err41008.json":        {41008, "aaaaaaaaa-bb_Ccc", ""},
		"err40164-ip.json":     {40164, "5f0c1a2b-0c1d2e3f-4a5b6c7d", "203.0.113.7"},
		"err40164-ipv6.json":   {40164, "5f0c1a2b-0c1d2e3f-4a5b6c7d", "2001:db8::7"},
		"err-rid-field.json":   {40029, "5f0c1a2b-0c1d2e3f-4a5b6c7d", ""},
	} {
		_, failure := fieldReply(t, name)
		if failure == nil || failure.Code != want.code || failure.RID != want.rid || failure.Address != want.address || !strings.Contains(failure.Error(), want.address) {
			t.Errorf("%s: %+v", name, failure)
		}
	}
}

// FuzzOneWrongField puts one wrong value into a valid answer: the rest of it is
// read as before.
func FuzzOneWrongField(f *testing.F) {
	for field := range 9 {
		for _, value := range []string{`""`, `{}`, `[]`, `[1]`, `true`, `-1`, `1e400`, `"\ud83d"`, `"x y"`, `null`, `"\uFFfD"`} {
			f.Add(field, value)
		}
	}
	keys := []string{"unionid", "nickname", "sex", "language", "city", "province", "country", "headimgurl", "privilege"}
	good := map[string]any{
		"openid": "oA1", "unionid": "uA1", "nickname": "N", "sex": 1, "language": "zh_CN", "city": "C", "province": "P", "country": "CN",
		"headimgurl": "https://h/0", "privilege": []string{"p"},
	}
	read1 := func(t *testing.T, fields map[string]any) UserInfo {
		body, err := json.Marshal(fields)
		if err != nil {
			t.Skip("no JSON value")
		}
		p, failure := read(OpUserInfo, 200, body, newRedactor())
		if failure != nil {
			t.Fatalf("%s: %v", body, failure)
		}
		u, err := p.userInfo("oA1")
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		return u
	}
	f.Fuzz(func(t *testing.T, field int, value string) {
		if !json.Valid([]byte(value)) {
			return
		}
		key := keys[uint(field)%uint(len(keys))]
		wrong := map[string]any{}
		for k, v := range good {
			wrong[k] = v
		}
		wrong[key] = json.RawMessage(value)
		got, want := reflect.ValueOf(read1(t, wrong)), reflect.ValueOf(read1(t, good))
		for i := range got.NumField() {
			name := got.Type().Field(i).Name
			if strings.EqualFold(name, key) || name == "Odd" {
				continue
			}
			if !reflect.DeepEqual(got.Field(i).Interface(), want.Field(i).Interface()) {
				t.Errorf("%s = %s changed %s to %v", key, value, name, got.Field(i))
			}
		}
		replaced := strings.Contains(value, "\uFFFD") || strings.Contains(strings.ToLower(value), "fffd")
		if n := got.FieldByName("Nickname").String(); !utf8.ValidString(n) || strings.Contains(n, "\uFFFD") && !replaced {
			t.Errorf("%s became %q", value, n)
		}
	})
}
