package shell

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// printf is printf(1): the format is used again as long as arguments are left.
func printf(c *call) int {
	if len(c.args) < 2 {
		return c.usage(fmt.Errorf("Needs 1 argument"))
	}
	f := formatter{args: c.args[2:]}
	for range 1 << 16 {
		before := len(f.args)
		text, stop, err := f.once(c.args[1])
		if _, werr := io.WriteString(c.out, text); werr != nil {
			return 1
		}
		if err != nil {
			return c.wrong(err)
		}
		if stop || len(f.args) == 0 || len(f.args) == before {
			break
		}
	}
	for _, b := range f.bad {
		c.errorf("printf: %s\n", b)
	}
	return b2i(len(f.bad) > 0)
}

type formatter struct {
	args []string
	bad  []string // complaints about arguments
}

func (f *formatter) next() string {
	if len(f.args) == 0 {
		return ""
	}
	a := f.args[0]
	f.args = f.args[1:]
	return a
}

// once goes through the format once.
func (f *formatter) once(format string) (out string, stop bool, err error) {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		switch c := format[i]; {
		case c == '\\' && i+1 < len(format):
			if format[i+1] == 'c' {
				return b.String(), true, nil
			}
			text, used := escape(format[i:])
			b.WriteString(text)
			i += used - 1
		case c == '%' && i+1 < len(format) && format[i+1] == '%':
			b.WriteByte('%')
			i++
		case c == '%':
			spec := "%"
			for i++; i < len(format) && strings.IndexByte("-+ 0#'.*123456789", format[i]) >= 0; i++ {
				if format[i] == '*' {
					n, _ := strconv.Atoi(f.next())
					spec += strconv.Itoa(min(max(n, -4096), 4096))
				} else {
					spec += format[i : i+1]
				}
			}
			if i >= len(format) {
				return b.String(), true, fmt.Errorf("bad %s@%d", format, len(format))
			}
			if !fits(spec) {
				return b.String(), true, fmt.Errorf("bad %%%c@%d", format[i], i+1)
			}
			text, ends, ok := f.convert(spec, format[i])
			if !ok {
				return b.String(), true, fmt.Errorf("bad %%%c@%d", format[i], i+1)
			}
			b.WriteString(text)
			if ends {
				return b.String(), true, nil
			}
		default:
			b.WriteByte(c)
		}
		if b.Len() > maxString {
			return b.String(), true, fmt.Errorf("out of memory")
		}
	}
	return b.String(), false, nil
}

// fits keeps widths to what a line may hold.
func fits(spec string) bool {
	for n := range strings.FieldsFuncSeq(spec, func(r rune) bool { return r < '0' || r > '9' }) {
		if v, err := strconv.Atoi(n); err != nil || v > 4096 {
			return false
		}
	}
	return true
}

// convert does one conversion. ends tells of \c in a %b.
func (f *formatter) convert(spec string, verb byte) (out string, ends, ok bool) {
	switch verb {
	case 's':
		return fmt.Sprintf(spec+"s", f.next()), false, true
	case 'b':
		text, stop := unescape(f.next(), false)
		return fmt.Sprintf(spec+"s", text), stop, true
	case 'c':
		a := f.next()
		return fmt.Sprintf(spec+"s", a[:min(1, len(a))]), false, true
	case 'd', 'i':
		return fmt.Sprintf(spec+"d", f.integer(verb)), false, true
	case 'u':
		return fmt.Sprintf(spec+"d", uint64(f.integer(verb))), false, true
	case 'x', 'X', 'o':
		return fmt.Sprintf(spec+string(verb), uint64(f.integer(verb))), false, true
	case 'e', 'E', 'f', 'F', 'g', 'G':
		v, err := strconv.ParseFloat(f.next(), 64)
		if err != nil {
			f.bad = append(f.bad, fmt.Sprintf("bad %%%c", verb))
		}
		return fmt.Sprintf(spec+string(verb), v), false, true
	}
	return "", false, false
}

func (f *formatter) integer(verb byte) int64 {
	a := strings.TrimSpace(f.next())
	if a == "" {
		return 0
	}
	if len(a) > 1 && (a[0] == '\'' || a[0] == '"') {
		return int64(a[1])
	}
	n, err := strconv.ParseInt(a, 0, 64)
	if err != nil {
		f.bad = append(f.bad, fmt.Sprintf("bad %%%c %s", verb, a))
	}
	return n
}

// escape reads one backslash escape of a format, and tells its length.
func escape(s string) (string, int) {
	n := 2
	switch s[1] {
	case 'x':
		for n < 4 && n < len(s) && strings.IndexByte("0123456789abcdefABCDEF", s[n]) >= 0 {
			n++
		}
	case '0', '1', '2', '3', '4', '5', '6', '7':
		for n < 4 && n < len(s) && s[n] >= '0' && s[n] <= '7' {
			n++
		}
		v, _ := strconv.ParseUint(s[1:n], 8, 16)
		return string([]byte{byte(v)}), n
	}
	text, _ := unescape(s[:n], false)
	return text, n
}

// seq counts: seq [FIRST [STEP]] LAST.
func seq(c *call) int {
	var v []float64
	for _, a := range c.args[1:] {
		n, err := strconv.ParseFloat(a, 64)
		if err != nil {
			return c.usage(fmt.Errorf("not float: %s", a))
		}
		v = append(v, n)
	}
	first, step := 1.0, 1.0
	switch len(v) {
	case 1:
	case 2:
		first = v[0]
	case 3:
		first, step = v[0], v[1]
	default:
		return c.usage(fmt.Errorf("Needs 1 argument"))
	}
	last := v[len(v)-1]
	for n := first; step != 0 && (step > 0 && n <= last || step < 0 && n >= last); n += step {
		if _, err := fmt.Fprintln(c.out, strconv.FormatFloat(n, 'f', -1, 64)); err != nil || c.ctx.Err() != nil {
			return 1
		}
	}
	return 0
}
