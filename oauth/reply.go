package oauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// maxReply is how much of a reply's body is read, in bytes after
// decompression. A longer reply is an error.
const maxReply = 1 << 20

// maxField is the longest token, openid or code accepted from a reply, in
// bytes. WeChat documents no limit; about 110 is the longest seen.
const maxField = 2048

// repair turns what WeChat sends as JSON into valid JSON: it drops a byte order
// mark and escapes raw control bytes in strings, which come from nicknames.
// Invalid UTF-8 bytes and unpaired surrogates, left by truncated nicknames,
// stay as text (\xNN, \uNNNN). Existing escapes, \/ among them, are not
// changed.
func repair(body []byte) []byte {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	if !bytes.ContainsFunc(body, func(c rune) bool { return c < 0x20 || c == utf8.RuneError }) && !bytes.Contains(body, []byte(`\u`)) {
		return body
	}
	out := make([]byte, 0, len(body)+16)
	inString, escaped := false, false
	for i := 0; i < len(body); i++ {
		c := body[i]
		switch {
		case inString && c < 0x20:
			if escaped { // a backslash before a raw byte is literal
				out = append(out, '\\')
			}
			escaped = false
			out = fmt.Appendf(out, `\u%04x`, c)
			continue
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRune(body[i:])
			if r == utf8.RuneError && size == 1 {
				if !escaped {
					out = append(out, '\\')
				}
				out = fmt.Appendf(out, `\x%02x`, c)
			} else {
				out = append(out, body[i:i+size]...)
			}
			escaped = false
			i += size - 1
			continue
		case escaped && c == 'u':
			escaped = false
			if first := codeUnit(body[i-1:]); utf16.IsSurrogate(first) {
				if utf16.DecodeRune(first, codeUnit(body[i+5:])) != utf8.RuneError {
					out = append(out, body[i:i+11]...)
					i += 10
				} else {
					out = append(out, '\\', 'u')
				}
				continue
			}
		case escaped:
			escaped = false
		case inString && c == '\\':
			escaped = true
		case c == '"':
			inString = !inString
		}
		out = append(out, c)
	}
	return out
}

// codeUnit reads \uNNNN at the beginning of b; 0 if there is none.
func codeUnit(b []byte) rune {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	if err != nil {
		return 0
	}
	return rune(n)
}

// reply is a decoded body: its keys exactly as sent (encoding/json would match
// struct fields in any case).
type reply struct {
	fields   map[string]json.RawMessage
	redactor *redactor
	status   int // HTTP
	// odd lists the keys whose values could not be read and count as absent:
	// each field is read on its own, and only fields that the task needs may
	// fail it.
	odd *[]string
}

// leave records that a key's value counts as absent.
func (p reply) leave(key string) {
	if p.odd != nil && p.present(key) && !slices.Contains(*p.odd, key) {
		*p.odd = append(*p.odd, key)
	}
}

var errNoObject = errors.New("not a JSON object")

func parseReply(body []byte, r *redactor) (reply, error) {
	fields, err := fieldsOf(repair(body))
	if err != nil {
		return reply{}, errNoObject // json's error quotes pieces of the body
	}
	return reply{fields: fields, redactor: r, odd: new([]string)}, nil
}

// fieldsOf reads an object. Of a repeated key the first counts, so that
// appended text can't change it.
func fieldsOf(body []byte) (map[string]json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	if begin, err := dec.Token(); err != nil || begin != json.Delim('{') {
		return nil, errNoObject
	}
	fields := map[string]json.RawMessage{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
		if name := key.(string); fields[name] == nil {
			fields[name] = value
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errNoObject
	}
	return fields, nil
}

// present reports whether the key is there and not null.
func (p reply) present(key string) bool {
	raw, ok := p.fields[key]
	return ok && string(raw) != "null"
}

// text returns a string for people: as sent, except that secrets are removed.
// Print it through Printable.
func (p reply) text(key string) string {
	var s string
	if json.Unmarshal(p.fields[key], &s) != nil {
		p.leave(key)
		return ""
	}
	return p.redactor.cut(s)
}

// texts returns an array's strings.
func (p reply) texts(key string) []string {
	var raw []any
	if json.Unmarshal(p.fields[key], &raw) != nil {
		p.leave(key)
		return nil
	}
	list := make([]string, 0, len(raw))
	for _, v := range raw {
		if s, ok := v.(string); ok {
			list = append(list, p.redactor.cut(s))
		}
	}
	return list
}

// integer is a number that is optional.
func (p reply) integer(key string) int {
	n, err := p.number(key)
	if err != nil {
		p.leave(key)
		return 0
	}
	return n
}

// optional is an id that is optional.
func (p reply) optional(key string) string {
	s, err := p.id(key)
	if err != nil {
		p.leave(key)
		return ""
	}
	return s
}

// number reads an integer, also if it was sent as 1.0 or as a string.
func (p reply) number(key string) (n int, err error) {
	raw := p.fields[key]
	var s string
	if json.Unmarshal(raw, &s) != nil {
		s = string(raw)
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > math.MaxInt32 {
		return 0, fmt.Errorf("the reply's %s is not an integer", key)
	}
	return int(f), nil
}

// word reads an opaque value that is stored and sent again: printable ASCII, no
// spaces. An empty one counts as missing.
func (p reply) word(key string) (string, error) {
	var s string
	if p.present(key) && json.Unmarshal(p.fields[key], &s) != nil {
		return "", fmt.Errorf("the reply's %s is not a string", key)
	}
	if s == "" {
		return "", nil
	}
	if len(s) > maxField {
		return "", fmt.Errorf("the reply's %s is longer than %d bytes", key, maxField)
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return "", fmt.Errorf("the reply's %s has characters that are not allowed", key)
		}
	}
	return s, nil
}

// id is a word that is not secret, and so must not contain a secret.
func (p reply) id(key string) (string, error) {
	s, err := p.word(key)
	if err == nil && p.redactor.holds(s) {
		return "", fmt.Errorf("the reply's %s repeats a secret", key)
	}
	return s, err
}

// The ends of errmsg texts that carry the request's id; their wording varies
// over time, so only the id is used.
var ridPatterns = sync.OnceValue(func() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`(?i)\b(?:rid|request_?id)\s*[:=：]\s*@?\s*([0-9a-f]{6,16}(?:-[0-9a-f]{6,16}){1,3})\b`),
		regexp.MustCompile(`(?i)\breq_?id\s*[:=：]\s*@?\s*([0-9a-z_-]{1,64})`),
		regexp.MustCompile(`(?i)\bhint(?:s|\(s\))?\s*[:=：]\s*\[\s*@?([0-9a-z_-]{1,64})!?\s*\]`),
	}
})

func findRID(errmsg string) string {
	for _, p := range ridPatterns() {
		if m := p.FindStringSubmatch(errmsg); m != nil {
			return m[1]
		}
	}
	return ""
}

// maxMessage is how many runes of an errmsg are kept.
const maxMessage = 300

// refusal returns the error that the reply is; nil if it has no errcode or
// errcode 0.
func (p reply) refusal(op Op, status int) *Error {
	if !p.present("errcode") {
		return nil
	}
	code := p.integer("errcode") // if it can't be read, the fields that the task needs decide
	if code == 0 {
		return nil
	}
	var errmsg string
	if json.Unmarshal(p.fields["errmsg"], &errmsg) != nil {
		errmsg = ""
	}
	e := &Error{Op: op, Kind: KindErrcode, Status: status, Sent: true, Code: code, Message: p.redactor.clean(errmsg, maxMessage)}
	if e.RID = findRID(e.Message); e.RID == "" {
		e.RID = p.optional("rid")
	}
	if address := findAddress(errmsg); code == codeNotWhitelisted && !p.redactor.holds(address) {
		e.Address = address
	}
	return e
}

// codeNotWhitelisted is the errcode that names the caller's own address, which
// its user has to enter in the console.
const codeNotWhitelisted = 40164

// Token is what an exchange or a refresh yields for one user of one app.
type Token struct {
	AccessToken  Secret
	RefreshToken Secret
	OpenID       string
	UnionID      string   // empty if WeChat did not send it
	Scope        []string // what the user granted
	// ExpiresIn is the access token's lifetime when it was obtained, normally
	// two hours; 0 if WeChat did not send it. The lifetime of a refresh token
	// is not certain (WeChat's pages say both 30 and 180 days): only the server
	// knows.
	ExpiresIn  time.Duration
	ObtainedAt time.Time // by the local clock
	// Snapshot marks a virtual account, with which a user views a page before
	// agreeing to anything.
	Snapshot bool
	// Odd lists the fields of the reply that could not be read and are absent.
	Odd []string
}

// Expiry returns when the access token ends, or the zero time if unknown.
func (t Token) Expiry() time.Time {
	if t.ExpiresIn <= 0 || t.ObtainedAt.IsZero() {
		return time.Time{}
	}
	return t.ObtainedAt.Add(t.ExpiresIn)
}

// token reads the fields of an exchange's or a refresh's reply. What a refresh
// may omit is copied from old.
func (p reply) token(op Op, old Token, now time.Time) (Token, error) {
	t := Token{ObtainedAt: now, Snapshot: old.Snapshot}
	access, err := p.word("access_token")
	if err != nil {
		return Token{}, err
	}
	refresh, err := p.word("refresh_token")
	if err != nil {
		p.leave("refresh_token")
	}
	p.redactor = newRedactor(append(slices.Clip(p.redactor.secrets), NewSecret(access), NewSecret(refresh))...)
	t.OpenID, err = p.id("openid")
	if op == OpRefresh {
		if err != nil {
			p.leave("openid")
			t.OpenID, err = "", nil
		}
		if t.OpenID == "" {
			t.OpenID = old.OpenID
		}
		if refresh == "" {
			refresh = old.RefreshToken.Reveal()
		}
		if t.OpenID != old.OpenID && old.OpenID != "" {
			return Token{}, errors.New("the reply is about another user (openid)")
		}
	}
	switch {
	case err != nil:
		return Token{}, err
	case access == "":
		return Token{}, errors.New("the reply has no access_token")
	case t.OpenID == "":
		return Token{}, errors.New("the reply has no openid")
	}
	t.AccessToken, t.RefreshToken = NewSecret(access), NewSecret(refresh)
	if seconds := p.integer("expires_in"); seconds > 0 {
		t.ExpiresIn = time.Duration(seconds) * time.Second
	} else {
		p.leave("expires_in")
	}
	if t.Scope = p.scope(); t.Scope == nil {
		t.Scope = old.Scope
	}
	if t.UnionID = p.optional("unionid"); t.UnionID == "" {
		t.UnionID = old.UnionID
	}
	if p.present("is_snapshotuser") {
		t.Snapshot = p.integer("is_snapshotuser") == 1
	}
	t.Odd = *p.odd
	return t, nil
}

// scope splits the list at commas; trailing commas have been seen.
func (p reply) scope() []string {
	var list []string
	text := ""
	if bytes.HasPrefix(p.fields["scope"], []byte("[")) { // some gateways send an array
		text = strings.Join(p.texts("scope"), ",")
	} else {
		text = p.text("scope")
	}
	for s := range strings.SplitSeq(text, ",") {
		if s = strings.TrimSpace(s); s != "" {
			list = append(list, s)
		}
	}
	return list
}

// UserInfo is a user's profile. The user chooses every text in it: pass it
// through [Printable] before it is printed.
type UserInfo struct {
	OpenID   string
	UnionID  string // empty if WeChat did not send it
	Nickname string
	// Sex is 1 for male, 2 for female, 0 for unknown. Like Province, City and
	// Country it has been empty for app logins since October 2021.
	Sex                     int
	Province, City, Country string
	Language                string
	HeadImgURL              string // ends in the size: /0 (640×640), /46, /64, /96 or /132
	Privilege               []string
	// Odd lists the fields of the reply that could not be read and are absent.
	Odd []string
}

// userInfo reads the profile of the user with the given openid, and checks
// whose it is: a cache on the way may answer with another user's.
func (p reply) userInfo(of string) (UserInfo, error) {
	openID, err := p.id("openid")
	if err != nil {
		return UserInfo{}, err
	}
	if openID == "" {
		return UserInfo{}, errors.New("the reply has no openid")
	}
	if openID != of {
		return UserInfo{}, errors.New("the reply is about another user (openid)")
	}
	u := UserInfo{
		OpenID: openID, UnionID: p.optional("unionid"),
		Nickname: p.text("nickname"), Sex: p.integer("sex"),
		Province: p.text("province"), City: p.text("city"), Country: p.text("country"),
		Language: p.text("language"), HeadImgURL: p.text("headimgurl"), Privilege: p.texts("privilege"),
	}
	u.Odd = *p.odd
	return u, nil
}
