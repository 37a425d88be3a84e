package shell

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

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
		c.printf("%s %*d %-*s %-*s %*d %s %s\n", modeText(e.info.Mode), w[0], e.info.NLink, w[1], user(e.info.UID), w[2], user(e.info.GID), w[3], e.info.Size,
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

// stat prints as toybox stat does, with -c the fields asked for.
func stat(c *call) int {
	set, names, err := c.flags("Lft", "c")
	if err != nil {
		return c.usage(err)
	}
	if len(names) == 0 {
		return c.usage(fmt.Errorf("Needs 1 argument"))
	}
	code := 0
	for _, n := range names {
		look := c.p.FS.Lstat
		if _, follow := set['L']; follow {
			look = c.p.FS.Stat
		}
		i, err := look(c.cred, c.abs(n))
		if err != nil {
			c.errorf("stat: '%s': %v\n", n, err)
			code = 1
			continue
		}
		format, ok := set['c']
		if !ok {
			format = "  File: %N\n  Size: %s\t Blocks: %b\t IO Blocks: %B\t%F\nDevice: fd00h/64768d\t Inode: %i\t Links: %h\nAccess: (%a/%A)\tUid: (%u/ %U)\tGid: (%g/ %G)\nAccess: %x\nModify: %y\nChange: %z"
		}
		fmt.Fprintln(c.out, statText(format, n, i))
	}
	return code
}

func statText(format, name string, i phone.Info) string {
	kind := "regular file"
	switch i.Mode & phone.ModeFmt {
	case phone.ModeDir:
		kind = "directory"
	case phone.ModeLink:
		kind = "symbolic link"
	case phone.ModeChar:
		kind = "character device"
	default:
		if i.Size == 0 {
			kind = "regular empty file"
		}
	}
	when := i.MTime.UTC().Format("2006-01-02 15:04:05.000000000 +0000")
	quoted := name
	if i.Mode&phone.ModeFmt == phone.ModeLink {
		quoted += " -> '" + i.Target + "'"
	}
	return strings.NewReplacer("%%", "%", "%n", name, "%N", quoted, "%s", strconv.FormatInt(i.Size, 10), "%a", strconv.FormatUint(uint64(i.Mode&0o7777), 8), "%A", modeText(i.Mode),
		"%u", strconv.Itoa(i.UID), "%U", phone.UserName(i.UID), "%g", strconv.Itoa(i.GID), "%G", phone.UserName(i.GID), "%F", kind, "%f", strconv.FormatUint(uint64(i.Mode), 16),
		"%i", strconv.FormatUint(i.Ino, 10), "%h", strconv.Itoa(i.NLink), "%b", strconv.FormatInt((i.Size+511)/512, 10), "%B", "512", "%o", "4096",
		"%x", when, "%y", when, "%z", when, "%X", unixText(i.MTime), "%Y", unixText(i.MTime), "%Z", unixText(i.MTime)).Replace(format)
}

func unixText(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

func findFiles(c *call) int {
	var roots []string
	args := c.args[1:]
	for len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		roots, args = append(roots, args[0]), args[1:]
	}
	if len(roots) == 0 {
		roots = []string{"."}
	}
	name, kind, depth := "", "", 1<<30
	for i := 0; i < len(args); i++ {
		if args[i] == "-print" {
			continue
		}
		if i+1 >= len(args) {
			return c.usage(fmt.Errorf("bad arg '%s'", args[i]))
		}
		switch v := args[i+1]; args[i] {
		case "-name":
			name = v
		case "-type":
			kind = v
		case "-maxdepth":
			depth, _ = strconv.Atoi(v)
		default:
			return c.usage(fmt.Errorf("bad arg '%s'", args[i]))
		}
		i++
	}
	code := 0
	var visit func(n string, level int)
	visit = func(n string, level int) {
		i, err := c.p.FS.Lstat(c.cred, c.abs(n))
		if err != nil {
			code = c.fail("'"+n+"'", err)
			return
		}
		ok := kind == "" || kind == "f" && i.IsRegular() || kind == "d" && i.IsDir() || kind == "l" && i.Mode&phone.ModeFmt == phone.ModeLink
		if ok && (name == "" || globMatch(name, path.Base(n))) {
			fmt.Fprintln(c.out, n)
		}
		if !i.IsDir() || level >= depth || c.ctx.Err() != nil {
			return
		}
		list, err := c.p.FS.List(c.cred, c.abs(n))
		if err != nil {
			code = c.fail("'"+n+"'", err)
		}
		for _, e := range list {
			visit(strings.TrimSuffix(n, "/")+"/"+e.Name, level+1)
		}
	}
	for _, r := range roots {
		visit(r, 0)
	}
	return code
}
