package shell

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

func grep(c *call) int {
	set, rest, err := c.flags("EFivcnlqowxsrHhLa", "emABC")
	if err != nil {
		return c.usageCode(err, 2)
	}
	on := func(b byte) bool { _, ok := set[b]; return ok }
	pat, ok := set['e']
	if !ok {
		if len(rest) == 0 {
			return c.wrongCode(fmt.Errorf("no REGEX"), 2)
		}
		pat, rest = rest[0], rest[1:]
	}
	rx, err := grepPattern(pat, on)
	if err != nil {
		return c.wrongCode(fmt.Errorf("bad REGEX '%s'", pat), 2)
	}
	most := -1
	if v, ok := set['m']; ok {
		most, _ = strconv.Atoi(v)
	}
	found := false
	code := c.each(rest, func(name string, r io.Reader) error {
		prefix := ""
		if len(rest) > 1 && !on('h') || on('H') {
			prefix = name + ":"
		}
		n := 0
		for k := 1; most < 0 || n < most; k++ {
			line, err := readBuffered(&r)
			if line == "" && err != nil {
				break
			}
			line = strings.TrimSuffix(line, "\n")
			if rx.MatchString(line) == on('v') {
				continue
			}
			n++
			found = true
			if on('q') || on('l') || on('c') {
				continue
			}
			at := ""
			if on('n') {
				at = strconv.Itoa(k) + ":"
			}
			out := []string{line}
			if on('o') && !on('v') {
				out = rx.FindAllString(line, -1)
			}
			for _, s := range out {
				if _, err := io.WriteString(c.out, prefix+at+s+"\n"); err != nil {
					return nil
				}
			}
		}
		if on('c') {
			c.printf("%s%d\n", prefix, n)
		}
		if on('l') && n > 0 {
			fmt.Fprintln(c.out, name)
		}
		return nil
	})
	switch {
	case code != 0:
		return 2
	case found:
		return 0
	}
	return 1
}

// readBuffered reads a line, through a buffer that takes r's place.
func readBuffered(r *io.Reader) (string, error) {
	b, ok := (*r).(*bufio.Reader)
	if !ok {
		b = bufio.NewReaderSize(*r, 64<<10)
		*r = b
	}
	return b.ReadString('\n')
}

func (c *call) usageCode(err error, code int) int { c.usage(err); return code }

func (c *call) wrongCode(err error, code int) int { c.wrong(err); return code }

// grepPattern turns a basic, extended or fixed pattern into Go's syntax.
func grepPattern(pat string, on func(byte) bool) (*regexp.Regexp, error) {
	parts := strings.Split(pat, "\n")
	for i, p := range parts {
		switch {
		case on('F'):
			parts[i] = regexp.QuoteMeta(p)
		case !on('E'):
			parts[i] = basicToExtended(p)
		}
	}
	expr := "(?:" + strings.Join(parts, "|") + ")"
	if on('w') {
		expr = `\b` + expr + `\b`
	}
	if on('x') {
		expr = "^" + expr + "$"
	}
	if on('i') {
		expr = "(?i)" + expr
	}
	if len(expr) > 8192 {
		return nil, fmt.Errorf("pattern too long")
	}
	return regexp.Compile(expr)
}

func basicToExtended(p string) string {
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		switch {
		case p[i] == '\\' && i+1 < len(p):
			i++
			if strings.IndexByte("(){}|+?", p[i]) >= 0 {
				b.WriteByte(p[i])
			} else {
				b.WriteByte('\\')
				b.WriteByte(p[i])
			}
		case p[i] == '[':
			end := strings.IndexByte(p[min(len(p), i+2):], ']')
			if end < 0 {
				b.WriteString(`\[`)
				continue
			}
			b.WriteString(p[i : i+2+end+1])
			i += 2 + end
		case strings.IndexByte("(){}|+?", p[i]) >= 0:
			b.WriteByte('\\')
			b.WriteByte(p[i])
		case p[i] == '*' && (i == 0 || p[i-1] == '^'):
			b.WriteString(`\*`)
		default:
			b.WriteByte(p[i])
		}
	}
	return b.String()
}
