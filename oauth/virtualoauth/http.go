package virtualoauth

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// paths are the four endpoints.
var paths = map[string]string{
	"/sns/oauth2/access_token":  "exchange",
	"/sns/oauth2/refresh_token": "refresh",
	"/sns/auth":                 "check",
	"/sns/userinfo":             "userinfo",
}

// The stand-in's own endpoints.
const (
	// CodePath answers a GET with a fresh code as plain text: it replaces the
	// phone. The parameters openid, nickname and scope describe the user.
	CodePath = "/virtual/code"
	// FaultsPath takes a POST whose body lists the faults to be in force, one
	// per line, as ParseFault reads them; an empty body ends them all.
	FaultsPath = "/virtual/faults"
	// ExpirePath expires every access token, by a POST.
	ExpirePath = "/virtual/expire"
	// PasswordPath acts, by a POST, as a user (parameter openid) who changes
	// the WeChat password.
	PasswordPath = "/virtual/password"
)

// ServeHTTP answers the four endpoints and those of the stand-in, and anything
// else with 40066.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/virtual/") {
		s.serveControl(w, r)
		return
	}
	op, ok := paths[r.URL.Path]
	if !ok {
		s.write(w, body(nil, &refusal{40066, "invalid url"}), Fault{})
		return
	}
	values := r.URL.Query()
	s.mu.Lock()
	f, _ := s.fault(op)
	over := s.overQuota(op)
	s.mu.Unlock()

	if s.instead(w, r, f) {
		return
	}
	var a answer
	var no *refusal
	switch {
	case r.Method != http.MethodGet:
		no = refuse(43001)
	case f.Kind == "errcode":
		no = refuse(f.Code)
	case f.Kind == "echo":
		no = &refusal{40029, echo(r.URL.RawQuery, values)}
	case over:
		no = refuse(45011)
	default:
		s.mu.Lock()
		a, no = map[string]func(query) (answer, *refusal){
			"exchange": s.exchange, "refresh": s.refresh, "check": s.check, "userinfo": s.userinfo,
		}[op](values.Get)
		s.mu.Unlock()
	}
	alter(a, no, f)
	s.write(w, body(a, no), f)
}

func (s *Server) serveControl(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	switch r.Method + " " + r.URL.Path {
	case "GET " + CodePath:
		user := DefaultUser()
		if v := r.URL.Query().Get("openid"); v != "" {
			user.OpenID, user.UnionID = v, ""
		}
		if v := r.URL.Query().Get("nickname"); v != "" {
			user.Nickname = v
		}
		fmt.Fprintln(w, s.IssueCode(user, r.URL.Query().Get("scope")))
	case "POST " + FaultsPath:
		text, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
		var faults []Fault
		for line := range strings.FieldsSeq(string(text)) {
			f, parseErr := ParseFault(line)
			err = errors.Join(err, parseErr)
			faults = append(faults, f)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.SetFaults(faults...)
	case "POST " + ExpirePath:
		s.ExpireTokens()
	case "POST " + PasswordPath:
		s.ChangePassword(r.URL.Query().Get("openid"))
	default:
		http.NotFound(w, r)
	}
}

// instead performs the faults that send no normal answer.
func (s *Server) instead(w http.ResponseWriter, r *http.Request, f Fault) bool {
	const page = "<html><body>502 Bad Gateway</body></html>"
	switch f.Kind {
	case "slow":
		select {
		case <-time.After(f.Delay):
		case <-r.Context().Done():
		}
		return false
	case "stall":
		<-r.Context().Done()
		panic(http.ErrAbortHandler) // returning would send an empty answer, which may still arrive
	case "hangup", "garbage":
		conn, buf, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return false
		}
		if f.Kind == "garbage" {
			fmt.Fprintf(buf, "no HTTP: %s\r\n\r\n", r.URL.RawQuery)
			buf.Flush()
		}
		conn.Close()
	case "status":
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(f.Code)
		io.WriteString(w, page)
	case "html":
		io.WriteString(w, page)
	case "array":
		io.WriteString(w, "[]")
	case "empty":
		w.Header().Set("Content-Type", "text/plain")
	case "redirect":
		w.Header().Set("Location", "http://127.0.0.1:1/elsewhere?"+r.URL.RawQuery)
		w.WriteHeader(f.Code)
	default:
		return false
	}
	return true
}

// echo repeats the query in every form in which it could leak.
func echo(raw string, values map[string][]string) string {
	var b strings.Builder
	b.WriteString("invalid request " + raw)
	for _, list := range values {
		for _, v := range list {
			fmt.Fprintf(&b, " %s %s %s %s", v, base64.StdEncoding.EncodeToString([]byte(v)),
				hex.EncodeToString([]byte(v)), base64.URLEncoding.EncodeToString([]byte("x"+v)))
		}
	}
	return b.String()
}

// alter applies a fault to a reply's fields.
func alter(a answer, no *refusal, f Fault) {
	const nasty = "\x1b[31mred\x1b[0m \u202egnp.exe \u009b2J\x07"
	if no != nil {
		if f.Kind == "hostile" {
			no.msg += " " + nasty
		}
		return
	}
	_, person := a["nickname"]
	switch f.Kind {
	case "missing":
		delete(a, "access_token")
		delete(a, "openid")
		delete(a, "errcode")
	case "zero":
		a["errcode"], a["errmsg"] = 0, "ok"
	case "extra":
		a["token_type"], a["is_new"], a["errcodes"] = "bearer", map[string]any{"deep": []int{1}}, "x"
	case "strings":
		for k, v := range a {
			if n, ok := v.(int); ok {
				a[k] = strconv.Itoa(n)
			}
		}
	case "hostile":
		if person {
			a["nickname"] = nasty
		}
	case "control":
		if person {
			a["nickname"] = "a@@14@@b@@07@@c\nd"
		}
	case "broken":
		if person {
			a["nickname"] = "ok @@ff@@@@fe@@ \U0001F600"
		}
	}
}

// body encodes a reply as WeChat does: slashes escaped, nothing else.
func body(a answer, no *refusal) []byte {
	if no != nil {
		a = answer{"errcode": no.code, "errmsg": no.msg + ", rid: " + rid()}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.Encode(a)
	text := strings.ReplaceAll(strings.TrimSuffix(b.String(), "\n"), "/", `\/`)
	for _, raw := range []struct{ mark, value string }{
		{"@@14@@", "\x14"}, {"@@07@@", "\x07"}, {"@@ff@@", "\xff"}, {"@@fe@@", "\xfe"},
	} {
		text = strings.ReplaceAll(text, raw.mark, raw.value)
	}
	return []byte(text)
}

// write sends a body, text/plain without a charset unless a fault says
// otherwise.
func (s *Server) write(w http.ResponseWriter, b []byte, f Fault) {
	h := w.Header()
	h.Set("Content-Type", "text/plain")
	switch f.Kind {
	case "nocontenttype":
		h["Content-Type"] = nil
	case "json":
		h.Set("Content-Type", "application/json; encoding=utf-8")
	case "bom":
		b = append([]byte("\xef\xbb\xbf"), b...)
	case "huge":
		b = append(b, bytes.Repeat([]byte(" "), 10<<20)...)
	case "gzip":
		var z bytes.Buffer
		zw := gzip.NewWriter(&z)
		zw.Write(b)
		zw.Close()
		b = z.Bytes()
		h.Set("Content-Encoding", "gzip")
	case "cut":
		h.Set("Content-Length", strconv.Itoa(len(b)))
		w.Write(b[:len(b)/2])
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	w.Write(b)
}
