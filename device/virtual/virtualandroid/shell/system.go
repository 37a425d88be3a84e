package shell

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// context is the SELinux context that id prints.
func (c *call) context() string {
	if c.cred.UID == phone.RootUID {
		return "u:r:su:s0"
	}
	return "u:r:shell:s0"
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

// sleep takes seconds, with a fraction.
func sleep(c *call) int {
	if len(c.args) != 2 {
		return c.usage(fmt.Errorf("Needs 1 argument"))
	}
	seconds, err := strconv.ParseFloat(c.args[1], 64)
	if err != nil || seconds < 0 || math.IsNaN(seconds) {
		return c.usage(fmt.Errorf("not integer: %s", c.args[1]))
	}
	t := time.NewTimer(time.Duration(min(seconds, 1e6) * float64(time.Second)))
	defer t.Stop()
	select {
	case <-t.C:
		return 0
	case <-c.ctx.Done():
		return 130
	}
}

func pwd(c *call) int {
	fmt.Fprintln(c.out, c.dir)
	return 0
}
