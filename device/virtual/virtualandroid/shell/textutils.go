package shell

import (
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
