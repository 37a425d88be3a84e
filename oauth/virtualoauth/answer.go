package virtualoauth

import (
	"fmt"
	"strings"
	"time"
)

// refusal is an errcode and its errmsg.
type refusal struct {
	code int
	msg  string
}

// messages are the errmsg texts, as far as they are known.
var messages = map[int]string{
	-1:    "system error",
	40001: "invalid credential, access_token is invalid or not latest",
	40002: "invalid grant_type",
	40003: "invalid openid",
	40013: "invalid appid",
	40014: "invalid access_token",
	40029: "invalid code",
	40030: "invalid refresh_token",
	40125: "invalid appsecret",
	40163: "code been used",
	40164: "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist",
	41001: "access_token missing",
	41002: "appid missing",
	41003: "refresh_token missing",
	41004: "appsecret missing",
	41008: "missing code",
	41009: "missing openid",
	42001: "access_token expired",
	42002: "refresh_token expired",
	42003: "code expired",
	42007: "access_token and refresh_token exception",
	43001: "require GET method",
	45009: "reach max api daily quota limit",
	45011: "api minute-quota reach limit, must slower, retry next minute",
	48001: "api unauthorized",
	50001: "user unauthorized",
}

func refuse(code int) *refusal {
	msg, ok := messages[code]
	if !ok {
		msg = fmt.Sprintf("error %d", code)
	}
	return &refusal{code, msg}
}

// answer is a reply's fields.
type answer map[string]any

// query returns a parameter of the request, "" if it is absent.
type query func(key string) string

// exchange checks its parameters in the order appid, secret, code, grant.
func (s *Server) exchange(q query) (answer, *refusal) {
	switch {
	case q("appid") == "":
		return nil, refuse(41002)
	case q("appid") != s.opts.AppID:
		return nil, refuse(40013)
	case q("secret") == "":
		return nil, refuse(41004)
	case q("secret") != s.opts.Secret:
		return nil, refuse(40125)
	case q("code") == "":
		return nil, refuse(41008)
	case q("grant_type") != "authorization_code":
		return nil, refuse(40002)
	}
	now := s.opts.Now()
	c, ok := s.codes[q("code")]
	switch {
	case !ok:
		return nil, refuse(40029)
	case c.used:
		return nil, refuse(40163)
	case !now.Before(c.expires): // 42003 is documented, 40029 is what is seen
		return nil, refuse(40029)
	}
	c.used = true
	g := &grant{
		user: c.user, scope: c.scope,
		access: random("76_", 52), accessExpires: now.Add(s.opts.TokenLife),
		refresh: random("76_", 52), refreshEnds: now.Add(s.opts.RefreshLife),
	}
	s.grants = append(s.grants, g)
	return s.tokens(g, true), nil
}

// tokens is the reply to exchange and refresh; the documents show none for
// refresh that has a unionid.
func (s *Server) tokens(g *grant, withUnion bool) answer {
	a := answer{
		"access_token":  g.access,
		"expires_in":    int(s.opts.TokenLife / time.Second),
		"refresh_token": g.refresh,
		"openid":        g.user.OpenID,
		"scope":         g.scope,
	}
	if withUnion && g.user.UnionID != "" {
		a["unionid"] = g.user.UnionID
	}
	return a
}

func (s *Server) refresh(q query) (answer, *refusal) {
	switch {
	case q("appid") == "":
		return nil, refuse(41002)
	case q("appid") != s.opts.AppID:
		return nil, refuse(40013)
	case q("grant_type") != "refresh_token":
		return nil, refuse(40002)
	case q("refresh_token") == "":
		return nil, refuse(41003)
	}
	now := s.opts.Now()
	for _, g := range s.grants {
		if g.refresh != q("refresh_token") {
			continue
		}
		switch {
		case g.revoked:
			return nil, refuse(42007)
		case !now.Before(g.refreshEnds):
			return nil, refuse(42002)
		}
		if !now.Before(g.accessExpires) {
			g.access = random("76_", 52)
		}
		g.accessExpires = now.Add(s.opts.TokenLife)
		if s.opts.RotateRefresh {
			g.refresh = random("76_", 52)
		}
		return s.tokens(g, false), nil
	}
	return nil, refuse(40030)
}

// grantFor finds the grant of an access token and an openid.
func (s *Server) grantFor(q query) (*grant, *refusal) {
	switch {
	case q("access_token") == "":
		return nil, refuse(41001)
	case q("openid") == "":
		return nil, refuse(41009)
	}
	for _, g := range s.grants {
		if g.access != q("access_token") {
			continue
		}
		switch {
		case g.revoked:
			return nil, refuse(42007)
		case !s.opts.Now().Before(g.accessExpires):
			return nil, refuse(42001)
		case g.user.OpenID != q("openid"):
			return nil, refuse(40003)
		}
		return g, nil
	}
	return nil, refuse(40001)
}

func (s *Server) check(q query) (answer, *refusal) {
	if _, no := s.grantFor(q); no != nil {
		return nil, no
	}
	return answer{"errcode": 0, "errmsg": "ok"}, nil
}

func (s *Server) userinfo(q query) (answer, *refusal) {
	g, no := s.grantFor(q)
	if no != nil {
		return nil, no
	}
	if !strings.Contains(g.scope, "snsapi_userinfo") {
		return nil, refuse(48001)
	}
	privilege := g.user.Privilege
	if privilege == nil {
		privilege = []string{}
	}
	a := answer{
		"openid": g.user.OpenID, "nickname": g.user.Nickname, "sex": 0, "language": q("lang"),
		"city": "", "province": "", "country": "",
		"headimgurl": g.user.HeadImgURL, "privilege": privilege,
	}
	if g.user.UnionID != "" {
		a["unionid"] = g.user.UnionID
	}
	return a, nil
}
