package shell

import (
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// sedCommand is one command of a sed script: s, p, d, q and = are known, with
// an address or two in front.
type sedCommand struct {
	from, to sedAddress
	ranged   bool
	not      bool
	verb     byte
	rx       *regexp.Regexp
	with     string
	global   bool
	print    bool
	nth      int
	inside   bool // of a range, while lines go by
}

// sedAddress is a line number, the last line ($ is -1), or a pattern.
type sedAddress struct {
	line int
	rx   *regexp.Regexp
}

func (a sedAddress) none() bool { return a.line == 0 && a.rx == nil }

func (a sedAddress) is(n int, last bool, text string) bool {
	switch {
	case a.rx != nil:
		return a.rx.MatchString(text)
	case a.line < 0:
		return last
	}
	return a.line == n
}

// sed edits its input line by line.
func sed(c *call) int {
	set, rest, err := c.flags("nErsz", "e")
	if err != nil {
		return c.usage(err)
	}
	script, ok := set['e']
	if !ok {
		if len(rest) == 0 {
			return c.usage(fmt.Errorf("no pattern"))
		}
		script, rest = rest[0], rest[1:]
	}
	commands, err := sedParse(script, has(set, 'E') || has(set, 'r'))
	if err != nil {
		return c.wrong(err)
	}
	n := 0
	quit := false
	return c.each(rest, func(_ string, r io.Reader) error {
		line, end := readBuffered(&r)
		for !quit && line != "" && c.ctx.Err() == nil {
			next, nextEnd := "", end
			if end == nil {
				next, nextEnd = readBuffered(&r)
			}
			n++
			var out strings.Builder
			quit = sedLine(commands, n, next == "", strings.TrimSuffix(line, "\n"), has(set, 'n'), &out)
			text := out.String()
			if !strings.HasSuffix(line, "\n") {
				text = strings.TrimSuffix(text, "\n")
			}
			if _, err := io.WriteString(c.out, text); err != nil {
				return nil
			}
			line, end = next, nextEnd
		}
		return nil
	})
}

// sedLine runs the script on a line; it reports whether to quit.
func sedLine(commands []*sedCommand, n int, last bool, text string, silent bool, out *strings.Builder) bool {
	for _, cmd := range commands {
		if !cmd.selects(n, last, text) {
			continue
		}
		switch cmd.verb {
		case 'd':
			return false
		case 'p':
			out.WriteString(text + "\n")
		case '=':
			fmt.Fprintf(out, "%d\n", n)
		case 'q':
			if !silent {
				out.WriteString(text + "\n")
			}
			return true
		case 's':
			var hit bool
			if text, hit = cmd.substitute(text); hit && cmd.print {
				out.WriteString(text + "\n")
			}
		}
	}
	if !silent {
		out.WriteString(text + "\n")
	}
	return false
}

func (s *sedCommand) selects(n int, last bool, text string) bool {
	var yes bool
	switch {
	case s.from.none():
		yes = true
	case !s.ranged:
		yes = s.from.is(n, last, text)
	case s.inside:
		yes = true
		if s.to.is(n, last, text) || s.to.rx == nil && s.to.line > 0 && n >= s.to.line {
			s.inside = false
		}
	case s.from.is(n, last, text):
		yes = true
		s.inside = s.to.rx != nil || s.to.line < 0 && !last || s.to.line > n
	}
	return yes != s.not
}

func (s *sedCommand) substitute(text string) (string, bool) {
	var b strings.Builder
	at, count, hit := 0, 0, false
	for _, m := range s.rx.FindAllStringSubmatchIndex(text, -1) {
		if count++; count < s.nth || hit && !s.global {
			continue
		}
		hit = true
		b.WriteString(text[at:m[0]])
		b.WriteString(expandSed(s.with, text, m))
		at = m[1]
		if b.Len() > maxString {
			break
		}
	}
	return b.String() + text[at:], hit
}

// expandSed puts & and \1 into a replacement.
func expandSed(with, text string, m []int) string {
	var b strings.Builder
	group := func(i int) {
		if 2*i+1 < len(m) && m[2*i] >= 0 {
			b.WriteString(text[m[2*i]:m[2*i+1]])
		}
	}
	for i := 0; i < len(with); i++ {
		switch {
		case with[i] == '&':
			group(0)
		case with[i] == '\\' && i+1 < len(with):
			i++
			switch d := with[i]; {
			case d >= '0' && d <= '9':
				group(int(d - '0'))
			case d == 'n':
				b.WriteByte('\n')
			case d == 't':
				b.WriteByte('\t')
			default:
				b.WriteByte(d)
			}
		default:
			b.WriteByte(with[i])
		}
	}
	return b.String()
}

func sedParse(script string, extended bool) ([]*sedCommand, error) {
	var out []*sedCommand
	for s := script; ; {
		s = strings.TrimLeft(s, " \t\n;")
		if s == "" {
			return out, nil
		}
		cmd := &sedCommand{nth: 1}
		var err error
		if cmd.from, s, err = sedAddr(s, extended); err != nil {
			return nil, err
		}
		if strings.HasPrefix(s, ",") {
			cmd.ranged = true
			if cmd.to, s, err = sedAddr(s[1:], extended); err != nil {
				return nil, err
			}
		}
		s = strings.TrimLeft(s, " ")
		if strings.HasPrefix(s, "!") {
			cmd.not, s = true, strings.TrimLeft(s[1:], " ")
		}
		if s == "" || !strings.ContainsRune("spdq=", rune(s[0])) || len(out) > 1000 {
			return nil, fmt.Errorf("bad pattern '%s'@%d (%s)", script, len(script)-len(s)+1, s[:min(1, len(s))])
		}
		cmd.verb = s[0]
		s = s[1:]
		if cmd.verb == 's' {
			if s, err = cmd.pattern(s, script, extended); err != nil {
				return nil, err
			}
		}
		out = append(out, cmd)
	}
}

func sedAddr(s string, extended bool) (sedAddress, string, error) {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	switch {
	case n > 0:
		line, err := strconv.Atoi(s[:n])
		return sedAddress{line: line}, s[n:], err
	case strings.HasPrefix(s, "$"):
		return sedAddress{line: -1}, s[1:], nil
	case strings.HasPrefix(s, "/"):
		pat, rest, ok := cutDelimited(s[1:], '/')
		if !ok {
			return sedAddress{}, s, fmt.Errorf("bad pattern '%s'", s)
		}
		rx, err := sedRegexp(pat, extended, false)
		return sedAddress{rx: rx}, rest, err
	}
	return sedAddress{}, s, nil
}

// cutDelimited reads up to a delimiter that no backslash is in front of.
func cutDelimited(s string, delim byte) (text, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == delim:
			return b.String(), s[i+1:], true
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == delim:
			i++
			b.WriteByte(delim)
		case s[i] == '\\' && i+1 < len(s):
			b.WriteString(s[i : i+2])
			i++
		default:
			b.WriteByte(s[i])
		}
	}
	return "", s, false
}

func sedRegexp(pat string, extended, fold bool) (*regexp.Regexp, error) {
	return grepPattern(pat, func(b byte) bool { return b == 'E' && extended || b == 'i' && fold })
}

// pattern reads /RE/WITH/flags of an s command.
func (s *sedCommand) pattern(text, script string, extended bool) (string, error) {
	bad := fmt.Errorf("bad pattern '%s'", script)
	if text == "" {
		return "", bad
	}
	pat, rest, ok := cutDelimited(text[1:], text[0])
	with, rest, ok2 := cutDelimited(rest, text[0])
	if !ok || !ok2 {
		return "", bad
	}
	fold := false
	for rest != "" && strings.IndexByte("gip0123456789I", rest[0]) >= 0 {
		switch f := rest[0]; f {
		case 'g':
			s.global = true
		case 'i', 'I':
			fold = true
		case 'p':
			s.print = true
		default:
			s.nth = max(1, int(f-'0'))
		}
		rest = rest[1:]
	}
	var err error
	s.with = with
	s.rx, err = sedRegexp(pat, extended, fold)
	return rest, err
}
