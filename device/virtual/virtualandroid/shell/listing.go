package shell

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// ls prints as toybox ls does.
func ls(c *call) int {
	set, names := c.flags("ald1", "")
	if len(names) == 0 {
		names = []string{"."}
	}
	dirs := has(set, 'd')
	code := 0
	var files, folders []listed
	for _, n := range names {
		i, err := c.p.FS.Lstat(c.cred, c.abs(n))
		if err == nil && i.Target != "" && !dirs && (!has(set, 'l') || strings.HasSuffix(n, "/")) {
			if at, serr := c.p.FS.Stat(c.cred, c.abs(n)); serr == nil && at.IsDir() {
				i = at
			}
		}
		switch {
		case err != nil:
			code = c.fail(n, err)
		case i.IsDir() && !dirs:
			folders = append(folders, listed{n, i})
		default:
			files = append(files, listed{n, i})
		}
	}
	if len(files) > 0 && len(folders) > 0 {
		fmt.Fprintln(c.out) // toybox does
	}
	c.list(files, set)
	for k, f := range folders {
		if len(names) > 1 {
			if k > 0 || len(files) > 0 {
				fmt.Fprintln(c.out)
			}
			c.printf("%s:\n", f.name)
		}
		if c.listDir(f.name, set) != 0 {
			code = 1
		}
	}
	return code
}

type listed struct {
	name string
	info phone.Info
}

func (c *call) listDir(name string, set map[byte]string) int {
	list, err := c.p.FS.List(c.cred, c.abs(name))
	if err != nil {
		return c.fail(name, err)
	}
	var out []listed
	if has(set, 'a') {
		self, _ := c.p.FS.Stat(c.cred, c.abs(name))
		out = append(out, listed{".", self}, listed{"..", self})
	}
	blocks := int64(0)
	for _, i := range list {
		if strings.HasPrefix(i.Name, ".") && !has(set, 'a') {
			continue
		}
		out = append(out, listed{i.Name, i})
		blocks += (i.Size + 4095) / 4096 * 4
	}
	if has(set, 'l') {
		c.printf("total %d\n", blocks)
	}
	c.list(out, set)
	return 0
}

func (c *call) list(entries []listed, set map[byte]string) {
	if !has(set, 'l') {
		for _, e := range entries {
			fmt.Fprintln(c.out, e.name)
		}
		return
	}
	var w [4]int
	for _, e := range entries {
		w[0] = max(w[0], len(strconv.Itoa(e.info.NLink)))
		w[1] = max(w[1], len(phone.UserName(e.info.UID)))
		w[2] = max(w[2], len(phone.UserName(e.info.GID)))
		w[3] = max(w[3], len(strconv.FormatInt(e.info.Size, 10)))
	}
	for _, e := range entries {
		name := e.name
		if e.info.Mode&phone.ModeFmt == phone.ModeLink {
			name += " -> " + e.info.Target
		}
		c.printf("%s %*d %-*s %-*s %*d %s %s\n", modeText(e.info), w[0], e.info.NLink, w[1], phone.UserName(e.info.UID),
			w[2], phone.UserName(e.info.GID), w[3], e.info.Size, e.info.MTime.UTC().Format("2006-01-02 15:04"), name)
	}
}

// modeText is the rwx form of a mode.
func modeText(i phone.Info) string {
	return strings.NewReplacer("L", "l", "Dc", "c").Replace(i.FileMode().String())
}
