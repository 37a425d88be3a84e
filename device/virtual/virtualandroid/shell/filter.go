package shell

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

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
