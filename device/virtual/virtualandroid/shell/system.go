package shell

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// selinux is the context that id prints.
const selinux = "u:r:shell:s0"

func id(c *call) int {
	set, _ := c.flags("ugGnZ", "")
	name, groups := strconv.Itoa, c.cred.Groups[1:] // the first is the user's own
	if has(set, 'n') {
		name = phone.UserName
	}
	list := func(separator string, ids []int, word func(int) string) string {
		words := make([]string, len(ids))
		for i, id := range ids {
			words[i] = word(id)
		}
		return strings.Join(words, separator)
	}
	full := func(n int) string { return fmt.Sprintf("%d(%s)", n, phone.UserName(n)) }
	switch {
	case has(set, 'u'), has(set, 'g'):
		fmt.Fprintln(c.out, name(c.cred.UID))
	case has(set, 'G'):
		fmt.Fprintln(c.out, list(" ", c.cred.Groups, name))
	case has(set, 'Z'):
		fmt.Fprintln(c.out, selinux)
	default:
		c.printf("uid=%[1]s gid=%[1]s groups=%[2]s context=%[3]s\n", full(c.cred.UID), list(",", groups, full), selinux)
	}
	return 0
}

// sleep accepts seconds, with a fraction.
func sleep(c *call) int {
	if len(c.args) != 2 {
		panic(c.usage("Needs 1 argument"))
	}
	seconds, err := strconv.ParseFloat(c.args[1], 64)
	if err != nil || seconds < 0 || math.IsNaN(seconds) {
		panic(c.usage("not integer: %s", c.args[1]))
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
