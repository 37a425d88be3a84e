package shell

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// ls prints as toybox ls does.
func ls(c *call) int {
	set, names, err := c.flags("aAlLdi1nRrSthpFZsckmxCfgoqHu", "")
	if err != nil {
		return c.usage(err)
	}
	if len(names) == 0 {
		names = []string{"."}
	}
	_, dirs := set['d']
	code := 0
	var files, folders []listed
	for _, n := range names {
		i, err := c.p.FS.Lstat(c.cred, c.abs(n))
		_, long := set['l']
		if err == nil && i.Target != "" && !dirs && (!long || strings.HasSuffix(n, "/")) {
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
		if len(names) > 1 || has(set, 'R') {
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
	_, all := set['a']
	_, almost := set['A']
	if all {
		self, _ := c.p.FS.Stat(c.cred, c.abs(name))
		out = append(out, listed{".", self}, listed{"..", self})
	}
	for _, i := range list {
		if strings.HasPrefix(i.Name, ".") && !all && !almost {
			continue
		}
		out = append(out, listed{i.Name, i})
	}
	if _, long := set['l']; long {
		blocks := int64(0)
		for _, l := range out {
			blocks += (l.info.Size + 4095) / 4096 * 4
		}
		c.printf("total %d\n", blocks)
	}
	c.list(out, set)
	code := 0
	if _, deep := set['R']; deep {
		for _, l := range out {
			if l.info.IsDir() && l.name != "." && l.name != ".." {
				below := strings.TrimSuffix(name, "/") + "/" + l.name
				c.printf("\n%s:\n", below)
				code = max(code, c.listDir(below, set))
			}
		}
	}
	return code
}

func (c *call) list(entries []listed, set map[byte]string) {
	if _, ok := set['t']; ok {
		slices.SortStableFunc(entries, func(a, b listed) int { return b.info.MTime.Compare(a.info.MTime) })
	}
	if _, ok := set['S']; ok {
		slices.SortStableFunc(entries, func(a, b listed) int { return int(b.info.Size - a.info.Size) })
	}
	if _, ok := set['r']; ok {
		slices.Reverse(entries)
	}
	_, long := set['l']
	_, number := set['n']
	user := phone.UserName
	if number {
		user = strconv.Itoa
	}
	var w [4]int
	for _, e := range entries {
		w[0] = max(w[0], len(strconv.Itoa(e.info.NLink)))
		w[1] = max(w[1], len(user(e.info.UID)))
		w[2] = max(w[2], len(user(e.info.GID)))
		w[3] = max(w[3], len(strconv.FormatInt(e.info.Size, 10)))
	}
	for _, e := range entries {
		if !long && !number {
			fmt.Fprintln(c.out, e.name+mark(e.info, set))
			continue
		}
		name := e.name + mark(e.info, set)
		if e.info.Target != "" && e.info.Mode&phone.ModeFmt == phone.ModeLink {
			name += " -> " + e.info.Target
		}
		c.printf("%s %*d %-*s %-*s %*d %s %s\n", modeText(e.info.Mode), w[0], e.info.NLink, w[1], user(e.info.UID), w[2], user(e.info.GID),
			w[3], e.info.Size,
			e.info.MTime.UTC().Format("2006-01-02 15:04"), name)
	}
}

func mark(i phone.Info, set map[byte]string) string {
	_, F := set['F']
	_, p := set['p']
	switch {
	case i.IsDir() && (F || p):
		return "/"
	case F && i.Mode&phone.ModeFmt == phone.ModeLink:
		return "@"
	case F && i.IsRegular() && i.Mode&0o111 != 0:
		return "*"
	}
	return ""
}

// modeText is the rwx form of a mode.
func modeText(m uint32) string {
	kind := byte('-')
	switch m & phone.ModeFmt {
	case phone.ModeDir:
		kind = 'd'
	case phone.ModeLink:
		kind = 'l'
	case phone.ModeChar:
		kind = 'c'
	}
	out := []byte{kind, 'r', 'w', 'x', 'r', 'w', 'x', 'r', 'w', 'x'}
	for i := range 9 {
		if m&(1<<(8-i)) == 0 {
			out[i+1] = '-'
		}
	}
	for i, bit := range []uint32{0o4000, 0o2000, 0o1000} {
		if m&bit == 0 {
			continue
		}
		at, on, off := 3*i+3, byte('s'), byte('S')
		if bit == 0o1000 {
			on, off = 't', 'T'
		}
		if out[at] == 'x' {
			out[at] = on
		} else {
			out[at] = off
		}
	}
	return string(out)
}
