package shell

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// echo is mksh's own: it takes backslash escapes unless -E is given.
func echo(c *call) int {
	args := c.args[1:]
	newline, escapes := true, true
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && strings.Trim(args[0][1:], "neE") == "" {
		newline = newline && !strings.Contains(args[0], "n")
		if strings.Contains(args[0], "E") {
			escapes = false
		}
		args = args[1:]
	}
	s := strings.Join(args, " ")
	if escapes && strings.Contains(s, `\`) {
		var stop bool
		if s, stop = unescape(s, true); stop {
			newline = false
		}
	}
	if newline {
		s += "\n"
	}
	if _, err := io.WriteString(c.out, s); err != nil {
		return 1
	}
	return 0
}

// unescape does echo's escapes. stop tells of a \c, on whether to go on after it.
func unescape(s string, on bool) (out string, stop bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 'a':
			b.WriteByte(7)
		case 'b':
			b.WriteByte(8)
		case 'c':
			if stop = true; !on { // mksh's echo goes on, but leaves the newline out
				return b.String(), true
			}
		case 'e', 'E':
			b.WriteByte(27)
		case 'f':
			b.WriteByte(12)
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		case 'v':
			b.WriteByte(11)
		case '\\':
			b.WriteByte('\\')
		case '0':
			n, k := 0, 0
			for k < 3 && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '7' {
				n, i, k = n*8+int(s[i+1]-'0'), i+1, k+1
			}
			b.WriteByte(byte(n))
		case 'x':
			k := 0
			for k < 2 && i+1+k < len(s) && strings.IndexByte("0123456789abcdefABCDEF", s[i+1+k]) >= 0 {
				k++
			}
			n, _ := strconv.ParseUint(s[i+1:i+1+k], 16, 8)
			b.WriteByte(byte(n))
			i += k
		default:
			b.WriteByte('\\')
			b.WriteByte(s[i])
		}
	}
	return b.String(), stop
}

func wc(c *call) int {
	set, names, err := c.flags("lwcm", "")
	if err != nil {
		return c.usage(err)
	}
	show := func(l, w, b int, name string) {
		var parts []string
		defer func() {
			if len(parts) > 2 && len(names) != 1 { // toybox makes columns then
				for i, p := range parts {
					if _, err := strconv.Atoi(p); err == nil && i < 3 {
						parts[i] = fmt.Sprintf("%7s", p)
					}
				}
			}
			fmt.Fprintln(c.out, strings.Join(parts, " "))
		}()
		if _, ok := set['l']; ok || len(set) == 0 {
			parts = append(parts, strconv.Itoa(l))
		}
		if _, ok := set['w']; ok || len(set) == 0 {
			parts = append(parts, strconv.Itoa(w))
		}
		_, bytes := set['c']
		_, chars := set['m']
		if bytes || chars || len(set) == 0 {
			parts = append(parts, strconv.Itoa(b))
		}
		if name != "-" {
			parts = append(parts, name)
		}
	}
	var total [3]int
	code := c.each(names, func(name string, r io.Reader) error {
		var n [3]int
		in := false
		buf := make([]byte, 64<<10)
		for {
			k, err := r.Read(buf)
			n[2] += k
			for _, b := range buf[:k] {
				space := b == ' ' || b >= '\t' && b <= '\r'
				if b == '\n' {
					n[0]++
				}
				if !space && !in {
					n[1]++
				}
				in = !space
			}
			if err == io.EOF {
				break
			} else if err != nil {
				return err
			}
		}
		for i := range n {
			total[i] += n[i]
		}
		show(n[0], n[1], n[2], name)
		return nil
	})
	if len(names) > 1 {
		show(total[0], total[1], total[2], "total")
	}
	return code
}

func head(c *call) int {
	set, names, err := c.flags("qv0123456789", "nc")
	if err != nil {
		return c.usage(err)
	}
	lines, bytes := 10, -1
	if v, ok := set['n']; ok {
		lines, err = strconv.Atoi(v)
	} else if v, ok := set['c']; ok {
		bytes, err = strconv.Atoi(v)
	} else if n, ok := legacyCount(c.args); ok {
		lines = n
	}
	if err != nil {
		return c.usage(fmt.Errorf("not integer: %s", set['n']+set['c']))
	}
	return c.each(names, func(name string, r io.Reader) error {
		if len(names) > 1 {
			c.printf("==> %s <==\n", name)
		}
		if bytes >= 0 {
			_, err := io.Copy(onlyWriter{c.out}, io.LimitReader(r, int64(bytes)))
			return err
		}
		for range lines {
			line, err := readLine(r)
			if _, werr := io.WriteString(c.out, line); werr != nil || err != nil {
				return nil
			}
		}
		return nil
	})
}

// legacyCount is head -5 and tail -5.
func legacyCount(args []string) (int, bool) {
	for _, a := range args[1:] {
		if len(a) > 1 && a[0] == '-' {
			if n, err := strconv.Atoi(a[1:]); err == nil {
				return n, true
			}
		}
	}
	return 0, false
}

func tail(c *call) int {
	set, names, err := c.flags("qf0123456789", "nc")
	if err != nil {
		return c.usage(err)
	}
	n, fromStart, bytewise := 10, false, false
	v, ok := set['n']
	if b, has := set['c']; has {
		v, ok, bytewise = b, true, true
	}
	if ok {
		fromStart = strings.HasPrefix(v, "+")
		if n, err = strconv.Atoi(strings.TrimLeft(v, "+-")); err != nil {
			return c.usage(fmt.Errorf("not integer: %s", v))
		}
	} else if k, has := legacyCount(c.args); has {
		n = k
	}
	return c.each(names, func(_ string, r io.Reader) error {
		data, err := io.ReadAll(io.LimitReader(r, 4*maxString))
		if err != nil {
			return err
		}
		var parts [][]byte
		if bytewise {
			at := max(0, len(data)-n)
			if fromStart {
				at = min(len(data), max(0, n-1))
			}
			parts = [][]byte{data[at:]}
		} else {
			parts = bytes.SplitAfter(data, []byte("\n"))
			if k := len(parts); k > 0 && len(parts[k-1]) == 0 {
				parts = parts[:k-1]
			}
			if fromStart {
				parts = parts[min(len(parts), max(0, n-1)):]
			} else {
				parts = parts[max(0, len(parts)-n):]
			}
		}
		for _, p := range parts {
			if _, err := c.out.Write(p); err != nil {
				return nil
			}
		}
		return nil
	})
}

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

func sum(newHash func() hash.Hash) func(*call) int {
	return func(c *call) int {
		set, names, err := c.flags("bcs", "")
		if err != nil {
			return c.usage(err)
		}
		return c.each(names, func(name string, r io.Reader) error {
			h := newHash()
			if _, err := io.CopyBuffer(h, onlyReader{r}, make([]byte, 64<<10)); err != nil {
				return err
			}
			if _, brief := set['b']; brief {
				fmt.Fprintln(c.out, hex.EncodeToString(h.Sum(nil)))
			} else {
				c.printf("%x  %s\n", h.Sum(nil), name)
			}
			return nil
		})
	}
}

func md5sum(c *call) int    { return sum(md5.New)(c) }
func sha1sum(c *call) int   { return sum(sha1.New)(c) }
func sha256sum(c *call) int { return sum(sha256.New)(c) }

func base64Command(c *call) int {
	set, names, err := c.flags("di", "w")
	if err != nil {
		return c.usage(err)
	}
	return c.each(names, func(_ string, r io.Reader) error {
		data, err := io.ReadAll(io.LimitReader(r, 4*maxString))
		if err != nil {
			return err
		}
		if _, decode := set['d']; decode {
			out, _ := base64.StdEncoding.DecodeString(strings.Map(func(r rune) rune {
				if r == '\n' || r == '\r' {
					return -1
				}
				return r
			}, string(data)))
			_, err = c.out.Write(out)
			return err
		}
		text := base64.StdEncoding.EncodeToString(data)
		width := 76
		if v, ok := set['w']; ok {
			width, _ = strconv.Atoi(v)
		}
		for width > 0 && len(text) > width {
			fmt.Fprintln(c.out, text[:width])
			text = text[width:]
		}
		fmt.Fprintln(c.out, text)
		return nil
	})
}

func tee(c *call) int {
	set, names, err := c.flags("ai", "")
	if err != nil {
		return c.usage(err)
	}
	outs := []io.Writer{c.out}
	code := 0
	for _, n := range names {
		flags := oWrite
		if _, a := set['a']; a {
			flags = oAppend
		}
		f, err := c.p.FS.OpenFile(c.cred, c.abs(n), flags, 0o666)
		if err != nil {
			code = c.fail(n, err)
			continue
		}
		defer f.Close()
		outs = append(outs, f)
	}
	_, _ = io.CopyBuffer(onlyWriter{io.MultiWriter(outs...)}, onlyReader{c.in}, make([]byte, 32<<10))
	return code
}

// lines reads all lines of the files named.
func (c *call) lines(names []string) ([]string, int) {
	var out []string
	code := c.each(names, func(_ string, r io.Reader) error {
		data, err := io.ReadAll(io.LimitReader(r, maxString))
		if err != nil {
			return err
		}
		if s := strings.TrimSuffix(string(data), "\n"); len(data) > 0 {
			out = append(out, strings.Split(s, "\n")...)
		}
		return nil
	})
	return out, code
}

func sortCommand(c *call) int {
	set, names, err := c.flags("rnufbs", "kto")
	if err != nil {
		return c.usage(err)
	}
	list, code := c.lines(names)
	_, numeric := set['n']
	slices.SortStableFunc(list, func(a, b string) int {
		if numeric {
			x, _ := strconv.ParseFloat(leadingNumber(a), 64)
			y, _ := strconv.ParseFloat(leadingNumber(b), 64)
			if x != y {
				if x < y {
					return -1
				}
				return 1
			}
		}
		return strings.Compare(a, b)
	})
	if _, u := set['u']; u {
		list = slices.Compact(list)
	}
	if _, r := set['r']; r {
		slices.Reverse(list)
	}
	for _, l := range list {
		fmt.Fprintln(c.out, l)
	}
	return code
}

func leadingNumber(s string) string {
	s = strings.TrimLeft(s, " \t")
	n := 0
	for n < len(s) && (s[n] >= '0' && s[n] <= '9' || s[n] == '.' || n == 0 && s[n] == '-') {
		n++
	}
	return s[:n]
}

func uniq(c *call) int {
	set, names, err := c.flags("cdui", "")
	if err != nil {
		return c.usage(err)
	}
	list, code := c.lines(names)
	_, count := set['c']
	for i := 0; i < len(list); {
		n := 1
		for i+n < len(list) && list[i+n] == list[i] {
			n++
		}
		if count {
			c.printf("%7d %s\n", n, list[i])
		} else {
			fmt.Fprintln(c.out, list[i])
		}
		i += n
	}
	return code
}

func cut(c *call) int {
	set, names, err := c.flags("sn", "dfcb")
	if err != nil {
		return c.usage(err)
	}
	delim := "\t"
	if d, ok := set['d']; ok && d != "" {
		delim = d[:1]
	}
	want, bychar := set['f'], false
	if v := set['c'] + set['b']; v != "" {
		want, bychar = v, true
	}
	picks, err := ranges(want)
	if err != nil {
		return c.usage(err)
	}
	list, code := c.lines(names)
	for _, l := range list {
		parts, sep := strings.Split(l, delim), delim
		if bychar {
			parts, sep = strings.Split(l, ""), ""
		} else if len(parts) == 1 {
			if _, only := set['s']; !only {
				fmt.Fprintln(c.out, l)
			}
			continue
		}
		var out []string
		for i, p := range parts {
			if slices.ContainsFunc(picks, func(r [2]int) bool { return i+1 >= r[0] && i+1 <= r[1] }) {
				out = append(out, p)
			}
		}
		fmt.Fprintln(c.out, strings.Join(out, sep))
	}
	return code
}

func ranges(s string) ([][2]int, error) {
	var out [][2]int
	for part := range strings.SplitSeq(s, ",") {
		from, to, span := strings.Cut(part, "-")
		r := [2]int{1, 1 << 30}
		var err1, err2 error
		if from != "" {
			r[0], err1 = strconv.Atoi(from)
		}
		if !span {
			r[1] = r[0]
		} else if to != "" {
			r[1], err2 = strconv.Atoi(to)
		}
		if err1 != nil || err2 != nil || from+to == "" {
			return nil, fmt.Errorf("bad range '%s'", s)
		}
		out = append(out, r)
	}
	return out, nil
}

func tr(c *call) int {
	set, args, err := c.flags("dsc", "")
	if err != nil || len(args) == 0 {
		return c.usage(fmt.Errorf("Needs 1 argument"))
	}
	_, del := set['d']
	from := trSet(args[0])
	var to []byte
	if len(args) > 1 {
		to = trSet(args[1])
	}
	buf := make([]byte, 32<<10)
	for {
		n, err := c.in.Read(buf)
		out := make([]byte, 0, n)
		for _, b := range buf[:n] {
			i := bytes.IndexByte(from, b)
			switch {
			case i < 0:
				out = append(out, b)
			case del:
			case len(to) > 0:
				out = append(out, to[min(i, len(to)-1)])
			}
		}
		if _, werr := c.out.Write(out); werr != nil || err != nil {
			return 0
		}
	}
}

func trSet(s string) []byte {
	s = strings.NewReplacer("[:upper:]", "A-Z", "[:lower:]", "a-z", "[:digit:]", "0-9", "[:space:]", " \t\n\r").Replace(s)
	s, _ = unescape(s, true)
	var out []byte
	for i := 0; i < len(s); i++ {
		if i+2 < len(s) && s[i+1] == '-' && s[i] <= s[i+2] {
			for b := int(s[i]); b <= int(s[i+2]); b++ {
				out = append(out, byte(b))
			}
			i += 2
			continue
		}
		out = append(out, s[i])
	}
	return out
}

func xargs(c *call) int {
	set, args, err := c.flagsUntilWord("0rt", "nI")
	if err != nil {
		return c.usage(err)
	}
	data, _ := io.ReadAll(io.LimitReader(c.in, maxString))
	var items []string
	if _, nul := set['0']; nul {
		items = strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00")
	} else {
		items = strings.Fields(string(data))
	}
	if len(args) == 0 {
		args = []string{"echo"}
	}
	per := len(items)
	if v, ok := set['n']; ok {
		if per, err = strconv.Atoi(v); err != nil || per < 1 {
			return c.usage(fmt.Errorf("not integer: %s", v))
		}
	}
	code := 0
	for {
		k := min(per, len(items))
		m := c.machine.fork()
		m.in, m.out, m.err = strings.NewReader(""), c.out, c.err
		m.run(append(slices.Clone(args), items[:k]...))
		if m.last != 0 {
			code = 123
		}
		if items = items[k:]; len(items) == 0 || c.ctx.Err() != nil {
			return code
		}
	}
}

// flagsUntilWord is flags that leaves what follows the first word alone.
func (c *call) flagsUntilWord(known, withValue string) (map[byte]string, []string, error) {
	n := 1
	for n < len(c.args) && strings.HasPrefix(c.args[n], "-") {
		if len(c.args[n]) == 2 && strings.Contains(withValue, c.args[n][1:]) {
			n++
		}
		n++
	}
	n = min(n, len(c.args))
	sub := *c
	sub.args = c.args[:n]
	set, _, err := sub.flags(known, withValue)
	return set, c.args[n:], err
}

func basename(c *call) int {
	if len(c.args) < 2 {
		return c.usage(fmt.Errorf("Needs 1 argument"))
	}
	b := path.Base(c.args[1])
	if len(c.args) > 2 && b != c.args[2] {
		b = strings.TrimSuffix(b, c.args[2])
	}
	fmt.Fprintln(c.out, b)
	return 0
}

func dirname(c *call) int {
	for _, a := range c.args[1:] {
		fmt.Fprintln(c.out, path.Dir(a))
	}
	return 0
}
