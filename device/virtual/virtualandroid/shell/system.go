package shell

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

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

// env lists the environment.
func env(c *call) int {
	if len(c.args) > 1 {
		return c.usage(fmt.Errorf("Unknown option '%s'", c.args[1]))
	}
	for _, name := range slices.Sorted(maps.Keys(c.env)) {
		c.printf("%s=%s\n", name, c.env[name])
	}
	return 0
}

// echo is /system/bin/echo; the shell has one of its own.
func echo(c *call) int {
	fmt.Fprintln(c.out, strings.Join(c.args[1:], " "))
	return 0
}

func pwd(c *call) int {
	fmt.Fprintln(c.out, c.dir)
	return 0
}
