// Package virtualoauth is a server that stands in for WeChat's OAuth endpoints.
// It holds state as WeChat does: codes can be used once and within ten minutes,
// access tokens within two hours; a refresh before that restarts the token's
// lifetime and one after it yields a new token; a changed password invalidates
// everything. It can answer with any errcode and misbehave in the ways servers
// and networks do.
//
// It shares no code with package oauth: it was written from the protocol's
// documentation.
package virtualoauth

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
	"time"
)

// The app and the user a server starts with.
const (
	DefaultAppID  = "wx0123456789abcdef"
	DefaultSecret = "0123456789abcdef0123456789abcdef"
	DefaultOpenID = "oVirtual0000000000000000user"
)

// Lifetimes of what the server issues.
const (
	CodeLife    = 10 * time.Minute
	TokenLife   = 2 * time.Hour
	RefreshLife = 30 * 24 * time.Hour
)

// Options describe a server; the zero value is usable.
type Options struct {
	AppID  string // default DefaultAppID
	Secret string // default DefaultSecret
	// Now is the server's clock; nil means time.Now.
	Now func() time.Time
	// TokenLife, CodeLife and RefreshLife default to the constants.
	TokenLife, CodeLife, RefreshLife time.Duration
	// RotateRefresh makes every refresh return a new refresh token and
	// invalidate the old one. WeChat's documents don't say whether it does
	// that.
	RotateRefresh bool
	// PerMinute is how many requests each call takes in one minute before it
	// answers 45011; 0 means no limit.
	PerMinute int
	// Faults are in force from the start.
	Faults []Fault
}

// User is the user that a code is issued for.
type User struct {
	OpenID, UnionID, Nickname, HeadImgURL string
	Privilege                             []string
}

type code struct {
	user    User
	scope   string
	expires time.Time
	used    bool
}

type grant struct {
	user          User
	scope         string
	access        string
	accessExpires time.Time
	refresh       string
	refreshEnds   time.Time
	revoked       bool
}

// Server is the stand-in; it is an http.Handler and safe for concurrent use.
type Server struct {
	opts Options

	mu       sync.Mutex
	codes    map[string]*code
	grants   []*grant
	faults   []Fault
	minute   map[string]int
	minuteAt time.Time
}

// New returns a server.
func New(opts Options) *Server {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&opts.TokenLife, TokenLife)
	def(&opts.CodeLife, CodeLife)
	def(&opts.RefreshLife, RefreshLife)
	if opts.AppID == "" {
		opts.AppID = DefaultAppID
	}
	if opts.Secret == "" {
		opts.Secret = DefaultSecret
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Server{
		opts: opts, codes: map[string]*code{},
		faults: slices.Clone(opts.Faults), minute: map[string]int{},
	}
}

// DefaultUser is the user for whom codes are issued unless another is named.
func DefaultUser() User {
	return User{
		OpenID: DefaultOpenID, UnionID: "uVirtual0000000000000000user", Nickname: "张三 Zhang 😀",
		HeadImgURL: "http://thirdwx.qlogo.cn/mmopen/vi_32/virtual/132", Privilege: []string{},
	}
}

// IssueCode returns a code as the phone would: good for one exchange within
// ten minutes. scope "" means snsapi_userinfo.
func (s *Server) IssueCode(user User, scope string) string {
	value := random("0", 16)
	s.AddCode(value, user, scope)
	return value
}

// AddCode is IssueCode for a code that is known beforehand.
func (s *Server) AddCode(value string, user User, scope string) {
	if scope == "" {
		scope = "snsapi_userinfo"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[value] = &code{user: user, scope: scope, expires: s.opts.Now().Add(s.opts.CodeLife)}
}

// ChangePassword invalidates all tokens of a user, as a changed WeChat password
// does.
func (s *Server) ChangePassword(openID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.grants {
		if g.user.OpenID == openID {
			g.revoked = true
		}
	}
}

// ExpireTokens expires every access token issued so far.
func (s *Server) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.grants {
		g.accessExpires = s.opts.Now()
	}
}

// SetFaults replaces the faults in force.
func (s *Server) SetFaults(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = slices.Clone(faults)
}

// fault returns the first fault for op, and counts it.
func (s *Server) fault(op string) (Fault, bool) {
	for i, f := range s.faults {
		if f.Op != "" && f.Op != op {
			continue
		}
		if f.Times > 0 {
			if s.faults[i].Times--; s.faults[i].Times == 0 {
				s.faults = slices.Delete(s.faults, i, i+1)
			}
		}
		return f, true
	}
	return Fault{}, false
}

// overQuota counts the request against its minute.
func (s *Server) overQuota(op string) bool {
	if s.opts.PerMinute == 0 {
		return false
	}
	if now := s.opts.Now(); now.Sub(s.minuteAt) >= time.Minute {
		s.minuteAt = now
		clear(s.minute)
	}
	s.minute[op]++
	return s.minute[op] > s.opts.PerMinute
}

// random returns prefix and n random bytes in hex. Codes have 32 characters;
// tokens about a hundred and a number in front, as WeChat's do.
func random(prefix string, n int) string {
	b := make([]byte, n)
	rand.Read(b)
	text := hex.EncodeToString(b)
	if prefix == "0" {
		return "0" + text[1:]
	}
	return prefix + text
}

func rid() string {
	x := random("", 12)
	return strings.Join([]string{x[:8], x[8:16], x[16:24]}, "-")
}
