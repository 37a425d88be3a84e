package virtualoauth

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault makes the server misbehave.
type Fault struct {
	// Op is the call that it affects: exchange, refresh, check or userinfo; ""
	// means all four.
	Op string
	// Kind says how, see FaultKinds; "errcode" uses Code, "status" and
	// "redirect" use Code as HTTP status, "slow" uses Delay.
	Kind  string
	Code  int
	Delay time.Duration
	// Times is how many requests it affects; 0 means all.
	Times int
}

// faultKinds are the ways to misbehave, and what each does.
var faultKinds = map[string]string{
	"errcode":       "answer with errcode N",
	"status":        "answer HTTP N with an HTML page",
	"redirect":      "answer HTTP N (302) to another host",
	"slow":          "wait before the answer",
	"stall":         "never answer",
	"hangup":        "close the connection without an answer",
	"cut":           "close the connection in the middle of the body",
	"empty":         "answer with an empty body",
	"html":          "answer with an HTML page",
	"array":         "answer with a JSON array",
	"garbage":       "answer with bytes that are not HTTP",
	"echo":          "refuse, and repeat the whole query in errmsg, raw, escaped, in base64 and in hex",
	"missing":       "leave out access_token and openid",
	"gzip":          "compress the body, asked or not",
	"huge":          "a 10 MiB body",
	"bom":           "a byte order mark before the body",
	"control":       "raw control bytes in the nickname",
	"broken":        "invalid UTF-8 in the nickname",
	"hostile":       "escape sequences and direction marks in the nickname and in errmsg",
	"strings":       "numbers sent as strings",
	"extra":         "fields that are not documented",
	"zero":          "errcode 0 in a good reply",
	"nocontenttype": "no Content-Type",
	"json":          "Content-Type application/json; encoding=utf-8",
}

// FaultKinds returns every kind with a description.
func FaultKinds() map[string]string {
	return maps.Clone(faultKinds)
}

var ops = []string{"exchange", "refresh", "check", "userinfo"}

// ParseFault reads [OP=]KIND[:ARG][*TIMES], where a number is short for
// errcode:NUMBER: "exchange=40163", "userinfo=slow:2s", "refresh=-1*2",
// "status:502".
func ParseFault(s string) (Fault, error) {
	var f Fault
	rest := s
	if op, after, ok := strings.Cut(rest, "="); ok {
		if !slices.Contains(ops, op) {
			return f, fmt.Errorf("fault %q: no such call; it is one of %s", s, strings.Join(ops, ", "))
		}
		f.Op, rest = op, after
	}
	if before, times, ok := strings.Cut(rest, "*"); ok {
		n, err := strconv.Atoi(times)
		if err != nil || n < 1 {
			return f, fmt.Errorf("fault %q: what follows * is how many times, 1 or more", s)
		}
		f.Times, rest = n, before
	}
	kind, arg, _ := strings.Cut(rest, ":")
	if n, err := strconv.Atoi(kind); err == nil {
		f.Kind, f.Code = "errcode", n
		return f, nil
	}
	if _, ok := faultKinds[kind]; !ok {
		return f, fmt.Errorf("fault %q: no such kind", s)
	}
	f.Kind = kind
	switch kind {
	case "slow":
		d, err := time.ParseDuration(arg)
		if err != nil || d <= 0 {
			return f, fmt.Errorf("fault %q: slow needs a duration, such as slow:2s", s)
		}
		f.Delay = d
	case "errcode", "status":
		n, err := strconv.Atoi(arg)
		if err != nil || kind == "status" && (n < 200 || n > 599) {
			return f, fmt.Errorf("fault %q: %s needs a number, such as %s:500", s, kind, kind)
		}
		f.Code = n
	case "redirect":
		f.Code = http.StatusFound
		if arg != "" {
			n, err := strconv.Atoi(arg)
			if err != nil || n < 300 || n > 399 {
				return f, fmt.Errorf("fault %q: redirect takes a status from 300 to 399", s)
			}
			f.Code = n
		}
	default:
		if arg != "" {
			return f, fmt.Errorf("fault %q: %s takes no argument", s, kind)
		}
	}
	return f, nil
}
