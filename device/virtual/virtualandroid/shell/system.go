package shell

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/errno"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// contexts are the SELinux contexts that id prints.
func (c *call) context() string {
	switch {
	case c.cred.UID == phone.RootUID:
		return "u:r:su:s0"
	case c.cred.UID == phone.ShellUID:
		return "u:r:shell:s0"
	}
	return fmt.Sprintf("u:r:runas_app:s0:c%d,c%d,c512,c768", c.cred.UID%256, 256+c.cred.UID/256%256)
}

func id(c *call) int {
	set, _, err := c.flags("ugGnZ", "")
	if err != nil {
		return c.usage(err)
	}
	uid := c.cred.UID
	name := func(n int) string {
		if _, ok := set['n']; ok {
			return phone.UserName(n)
		}
		return strconv.Itoa(n)
	}
	full := func(n int) string { return fmt.Sprintf("%d(%s)", n, phone.UserName(n)) }
	switch {
	case has(set, 'u'), has(set, 'g'):
		fmt.Fprintln(c.out, name(uid))
	case has(set, 'G'):
		var out []string
		for _, g := range append([]int{uid}, c.cred.Groups...) {
			out = append(out, name(g))
		}
		fmt.Fprintln(c.out, strings.Join(slices.Compact(out), " "))
	case has(set, 'Z'):
		fmt.Fprintln(c.out, c.context())
	default:
		var groups []string
		for _, g := range c.cred.Groups {
			if g != uid || uid != phone.ShellUID {
				groups = append(groups, full(g))
			}
		}
		if len(groups) == 0 {
			groups = []string{full(uid)}
		}
		c.printf("uid=%s gid=%s groups=%s context=%s\n", full(uid), full(uid), strings.Join(groups, ","), c.context())
	}
	return 0
}

func has(set map[byte]string, b byte) bool { _, ok := set[b]; return ok }

func whoami(c *call) int { fmt.Fprintln(c.out, phone.UserName(c.cred.UID)); return 0 }

func uname(c *call) int {
	set, _, err := c.flags("asnrvmpio", "")
	if err != nil {
		return c.usage(err)
	}
	all := has(set, 'a')
	var out []string
	for _, f := range []struct {
		b byte
		v string
	}{{'s', "Linux"}, {'n', "localhost"}, {'r', "5.10.198-android13-4"}, {'v', "#1 SMP PREEMPT"}, {'m', "aarch64"}} {
		if all || has(set, f.b) || len(set) == 0 && f.b == 's' {
			out = append(out, f.v)
		}
	}
	if all && c.p.API >= 30 {
		out = append(out, "Toybox")
	}
	fmt.Fprintln(c.out, strings.Join(out, " "))
	return 0
}

func date(c *call) int {
	set, rest, err := c.flags("u", "drDs")
	if err != nil {
		return c.usage(err)
	}
	now := c.p.Now().UTC()
	if v, ok := set['d']; ok && strings.HasPrefix(v, "@") {
		n, _ := strconv.ParseInt(v[1:], 10, 64)
		now = time.Unix(n, 0).UTC()
	}
	format := "+%a %b %e %H:%M:%S %Z %Y"
	if len(rest) > 0 {
		if !strings.HasPrefix(rest[0], "+") {
			c.errorf("date: cannot set date: %v\n", errno.EPERM)
			return 1
		}
		format = rest[0]
	}
	fmt.Fprintln(c.out, strftime(format[1:], now))
	return 0
}

func strftime(format string, t time.Time) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		if layout, ok := map[byte]string{'Y': "2006", 'm': "01", 'd': "02", 'e': "_2", 'H': "15", 'M': "04", 'S': "05", 'a': "Mon", 'b': "Jan", 'y': "06", 'F': "2006-01-02", 'T': "15:04:05", 'z': "-0700", 'A': "Monday", 'B': "January", 'I': "03", 'p': "PM"}[format[i]]; ok {
			b.WriteString(t.Format(layout))
			continue
		}
		switch format[i] {
		case 's':
			b.WriteString(unixText(t))
		case 'N':
			fmt.Fprintf(&b, "%09d", t.Nanosecond())
		case 'Z':
			b.WriteString("GMT")
		case 'j':
			fmt.Fprintf(&b, "%03d", t.YearDay())
		case 'n':
			b.WriteByte('\n')
		case '%':
			b.WriteByte('%')
		}
	}
	return b.String()
}

func uptime(c *call) int {
	up := c.p.Uptime()
	c.printf(" %s up %d min,  0 users,  load average: 0.00, 0.00, 0.00\n", c.p.Now().UTC().Format("15:04:05"), int(up.Minutes()))
	return 0
}

// sleep takes seconds with a fraction and s, m, h, d.
func sleep(c *call) int {
	if len(c.args) < 2 {
		return c.usage(fmt.Errorf("Needs 1 argument"))
	}
	total := 0.0
	for _, a := range c.args[1:] {
		unit := 1.0
		if n := len(a) - 1; n > 0 {
			if i := strings.IndexByte("smhd", a[n]); i >= 0 {
				unit, a = []float64{1, 60, 3600, 86400}[i], a[:n]
			}
		}
		v, err := strconv.ParseFloat(a, 64)
		if err != nil || v < 0 || math.IsNaN(v) {
			return c.usage(fmt.Errorf("not integer: %s", a))
		}
		total += v * unit
	}
	t := time.NewTimer(time.Duration(min(total, 1e6) * float64(time.Second)))
	defer t.Stop()
	select {
	case <-t.C:
		return 0
	case <-c.ctx.Done():
		return 130
	}
}

func env(c *call) int {
	args := c.args[1:]
	sub := c.machine.fork()
	for len(args) > 0 {
		name, val, ok := strings.Cut(args[0], "=")
		switch {
		case args[0] == "-i":
			for k, v := range sub.vars {
				if v.Exported {
					delete(sub.vars, k)
				}
			}
		case ok && c.args[0] == "env":
			v := text(val)
			v.Exported = true
			sub.vars[name] = v
		default:
			if c.args[0] == "printenv" {
				v := c.vars[args[0]]
				if !v.Exported {
					return 1
				}
				fmt.Fprintln(c.out, v.Str)
				return 0
			}
			sub.in, sub.out, sub.err = c.in, c.out, c.err
			if b := builtin(args[0]); b != nil && args[0] == "sh" {
				return b(sub, args)
			}
			return sub.program(c.ctx, args)
		}
		args = args[1:]
	}
	for _, e := range sub.environ() {
		fmt.Fprintln(c.out, e)
	}
	return 0
}

func which(c *call) int {
	set, names, err := c.flags("a", "")
	_ = set
	if err != nil {
		return c.usage(err)
	}
	code := 0
	for _, n := range names {
		p, err := c.lookPath(n)
		if err != nil {
			code = 1
			continue
		}
		fmt.Fprintln(c.out, p)
	}
	return code
}

func df(c *call) int {
	c.printf("Filesystem      1K-blocks    Used Available Use%% Mounted on\n")
	c.printf("/dev/block/dm-0   2064208 2064208         0 100%% /\n")
	c.printf("/dev/block/dm-5  52428800 %7d  50331648   4%% /data\n", 2097152)
	return 0
}
