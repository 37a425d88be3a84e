package shell

import (
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/errno"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// options splits leading -flags off the arguments; each letter is noted. A
// letter in withValue takes a value. An unknown letter is an error.
func (c *call) flags(known, withValue string) (set map[byte]string, rest []string, err error) {
	set = map[byte]string{}
	args := c.args[1:]
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			return set, append(rest, args[i+1:]...), nil
		}
		if len(a) < 2 || a[0] != '-' {
			rest = append(rest, a)
			continue
		}
		for j := 1; j < len(a); j++ {
			switch {
			case strings.IndexByte(withValue, a[j]) >= 0:
				v := a[j+1:]
				if v == "" {
					if i++; i >= len(args) {
						return nil, nil, fmt.Errorf("Missing argument to -%c", a[j])
					}
					v = args[i]
				}
				if old, again := set[a[j]]; again {
					v = old + "\n" + v // grep -e A -e B
				}
				set[a[j]] = v
				j = len(a)
			case strings.IndexByte(known, a[j]) >= 0:
				set[a[j]] += "+"
			default:
				return nil, nil, fmt.Errorf("Unknown option '%s'", a[1:])
			}
		}
	}
	return set, rest, nil
}

// usage is how toybox refuses an option.
func (c *call) usage(err error) int {
	if c.p.API >= 30 {
		c.errorf("%s: %v (see \"%s --help\")\n", c.args[0], err, c.args[0])
	} else {
		c.errorf("%s: %v\n", c.args[0], err)
	}
	return 1
}

// wrong is how toybox refuses an argument that is no option.
func (c *call) wrong(err error) int {
	c.errorf("%s: %v\n", c.args[0], err)
	return 1
}

// each opens the files named, or stdin for none and for -, and calls do.
func (c *call) each(names []string, do func(name string, r io.Reader) error) int {
	if len(names) == 0 {
		names = []string{"-"}
	}
	code := 0
	for _, n := range names {
		if c.ctx.Err() != nil {
			return 130
		}
		if n == "-" {
			if err := do("-", c.in); err != nil {
				code = 1
			}
			continue
		}
		f, err := c.p.FS.Open(c.cred, c.abs(n))
		if err != nil {
			code = c.fail(n, err)
			continue
		}
		err = do(n, f)
		_ = f.Close()
		if e, ok := err.(errno.Errno); ok {
			code = c.fail(n, e)
		} else if err != nil {
			code = 1
		}
	}
	return code
}

func cat(c *call) int {
	_, names, err := c.flags("uvet", "")
	if err != nil {
		return c.usage(err)
	}
	return c.each(names, func(_ string, r io.Reader) error {
		_, err := io.CopyBuffer(onlyWriter{c.out}, onlyReader{r}, make([]byte, 64<<10))
		return err
	})
}

// onlyWriter and onlyReader keep io.Copy to the buffer it is given.
type onlyWriter struct{ io.Writer }
type onlyReader struct{ io.Reader }

func rm(c *call) int {
	set, names, err := c.flags("fiRrv", "")
	if err != nil {
		return c.usage(err)
	}
	_, force := set['f']
	_, r := set['r']
	_, R := set['R']
	if len(names) == 0 && !force {
		return c.usage(fmt.Errorf("Needs 1 argument"))
	}
	code := 0
	for _, n := range names {
		full := c.abs(n)
		i, err := c.p.FS.Lstat(c.cred, full)
		switch {
		case err == nil && i.IsDir() && !r && !R:
			err = errno.EISDIR
		case err == nil && i.IsDir():
			err = c.p.FS.RemoveAll(c.cred, full)
		case err == nil:
			err = c.p.FS.Remove(c.cred, full)
		}
		if err != nil && !(force && err == errno.ENOENT) {
			code = c.fail(n, err)
		}
	}
	return code
}

func rmdir(c *call) int {
	_, names, err := c.flags("p", "")
	if err != nil {
		return c.usage(err)
	}
	code := 0
	for _, n := range names {
		i, err := c.p.FS.Lstat(c.cred, c.abs(n))
		if err == nil && !i.IsDir() {
			err = errno.ENOTDIR
		}
		if err == nil {
			err = c.p.FS.Remove(c.cred, c.abs(n))
		}
		if err != nil {
			code = c.fail(n, err)
		}
	}
	return code
}

func mkdir(c *call) int {
	set, names, err := c.flags("pv", "m")
	if err != nil {
		return c.usage(err)
	}
	if len(names) == 0 {
		return c.usage(fmt.Errorf("Needs 1 argument"))
	}
	mode := 0o777 &^ c.umask
	if m, ok := set['m']; ok {
		n, err := strconv.ParseUint(m, 8, 32)
		if err != nil {
			return c.wrong(fmt.Errorf("bad mode '%s'", m))
		}
		mode = uint32(n)
	}
	code := 0
	for _, n := range names {
		var err error
		if _, p := set['p']; p {
			err = c.p.FS.MkdirAll(c.cred, c.abs(n), mode)
		} else {
			err = c.p.FS.Mkdir(c.cred, c.abs(n), mode)
		}
		if err != nil {
			code = c.fail("'"+n+"'", err)
		}
	}
	return code
}

func touch(c *call) int {
	set, names, err := c.flags("acmh", "drt")
	if err != nil {
		return c.usage(err)
	}
	code := 0
	for _, n := range names {
		full := c.abs(n)
		_, err := c.p.FS.Stat(c.cred, full)
		if err == errno.ENOENT {
			if _, no := set['c']; no {
				continue
			}
			err = c.p.FS.WriteFile(c.cred, full, nil, 0o666&^c.umask)
		} else if err == nil {
			err = c.p.FS.Chtimes(c.cred, full, c.p.Now())
		}
		if err != nil {
			code = c.fail("'"+n+"'", err)
		}
	}
	return code
}

func chmod(c *call) int {
	set, names, err := c.flags("Rvf", "")
	if err != nil && !strings.HasPrefix(strings.Join(c.args[1:], " "), "-") {
		return c.usage(err)
	}
	if len(names) < 2 {
		return c.usage(fmt.Errorf("Needs 2 arguments"))
	}
	_, deep := set['R']
	code := 0
	for _, n := range names[1:] {
		if err := c.chmodTree(c.abs(n), names[0], deep); err != nil {
			if _, bad := err.(errno.Errno); !bad {
				return c.wrong(err)
			}
			code = c.failMode(n, names[0], err)
		}
	}
	return code
}

func (c *call) failMode(name, mode string, err error) int {
	if n, perr := strconv.ParseUint(mode, 8, 32); perr == nil && err != errno.ENOENT {
		c.errorf("chmod: chmod '%s' to %04o: %v\n", name, n, err)
		return 1
	}
	return c.fail(name, err)
}

func (c *call) chmodTree(name, mode string, deep bool) error {
	i, err := c.p.FS.Stat(c.cred, name)
	if err != nil {
		return err
	}
	m, err := parseMode(mode, i)
	if err != nil {
		return err
	}
	if err := c.p.FS.Chmod(c.cred, name, m); err != nil || !deep || !i.IsDir() {
		return err
	}
	list, err := c.p.FS.List(c.cred, name)
	for _, e := range list {
		if e.Mode&phone.ModeFmt == phone.ModeLink {
			continue
		}
		if err := c.chmodTree(path.Join(name, e.Name), mode, true); err != nil {
			return err
		}
	}
	return err
}

// parseMode reads a mode as chmod takes it: octal, or u+x and the like.
func parseMode(mode string, i phone.Info) (uint32, error) {
	if n, err := strconv.ParseUint(mode, 8, 32); err == nil && n <= 0o7777 {
		return uint32(n), nil
	}
	bad := fmt.Errorf("bad mode '%s'", mode)
	out := i.Mode & phone.ModePerm
	for clause := range strings.SplitSeq(mode, ",") {
		at := strings.IndexAny(clause, "+-=")
		if at < 0 {
			return 0, bad
		}
		who, op, perms := clause[:at], clause[at], clause[at+1:]
		var mask, bits uint32
		for _, w := range who {
			switch w {
			case 'u':
				mask |= 0o4700
			case 'g':
				mask |= 0o2070
			case 'o':
				mask |= 0o007
			case 'a':
				mask |= 0o7777
			default:
				return 0, bad
			}
		}
		if who == "" {
			mask = 0o7777 &^ 0o022
		}
		for _, r := range perms {
			switch r {
			case 'r':
				bits |= 0o444
			case 'w':
				bits |= 0o222
			case 'x':
				bits |= 0o111
			case 'X':
				if i.IsDir() || i.Mode&0o111 != 0 {
					bits |= 0o111
				}
			case 's':
				bits |= 0o6000
			case 't':
				bits |= 0o1000
			default:
				return 0, bad
			}
		}
		switch op {
		case '+':
			out |= bits & mask
		case '-':
			out &^= bits & mask
		default:
			out = out&^mask | bits&mask
		}
	}
	return out, nil
}

func chown(c *call) int {
	_, names, err := c.flags("RhfvHLP", "")
	if err != nil {
		return c.usage(err)
	}
	if len(names) < 2 {
		return c.usage(fmt.Errorf("Needs 2 arguments"))
	}
	code := 0
	for _, n := range names[1:] {
		user, group, _ := strings.Cut(names[0], ":")
		uid, err1 := userID(user)
		gid, err2 := userID(group)
		if group == "" {
			gid, err2 = uid, nil
		}
		if err1 != nil || err2 != nil {
			return c.usage(fmt.Errorf("no user '%s'", user))
		}
		if err := c.p.FS.Chown(c.cred, c.abs(n), uid, gid); err != nil {
			c.errorf("chown: '%s' to '%s': %v\n", n, names[0], err)
			code = 1
		}
	}
	return code
}

func userID(name string) (int, error) {
	if n, err := strconv.Atoi(name); err == nil {
		return n, nil
	}
	for _, id := range []int{phone.RootUID, phone.SystemUID, phone.ShellUID, phone.SDCardRW, phone.MediaRW} {
		if phone.UserName(id) == name {
			return id, nil
		}
	}
	return 0, fmt.Errorf("no user '%s'", name)
}

// mv and cp share how they read their targets.
func mv(c *call) int { return c.transfer("fnivT", c.move) }
func cp(c *call) int { return c.transfer("RrafpnivdPLHDHT", c.copy) }

func (c *call) transfer(known string, do func(from, to string, set map[byte]string) error) int {
	set, names, err := c.flags(known, "")
	if err != nil {
		return c.usage(err)
	}
	if len(names) < 2 {
		return c.usage(fmt.Errorf("Needs 2 arguments"))
	}
	to := names[len(names)-1]
	i, err := c.p.FS.Stat(c.cred, c.abs(to))
	dir := err == nil && i.IsDir()
	if !dir && len(names) > 2 {
		c.errorf("%s: '%s' not directory\n", c.args[0], to)
		return 1
	}
	code := 0
	for _, n := range names[:len(names)-1] {
		dst := to
		if dir {
			dst = path.Join(to, path.Base(n))
		}
		if err := do(c.abs(n), c.abs(dst), set); err == errSkipped {
			code = c.fail("Skipped dir '"+dst+"'", errno.ENOENT)
		} else if err != nil {
			code = c.fail("bad '"+n+"'", err)
		}
	}
	return code
}

// errSkipped is cp without -r on a directory.
var errSkipped = errors.New("skipped")

func (c *call) move(from, to string, set map[byte]string) error {
	err := c.p.FS.Rename(c.cred, from, to)
	if err != errno.EXDEV {
		return err
	}
	set['r'], set['p'] = "+", "+"
	if err := c.copy(from, to, set); err != nil {
		return err
	}
	return c.p.FS.RemoveAll(c.cred, from)
}

func (c *call) copy(from, to string, set map[byte]string) error {
	fs := c.p.FS
	i, err := fs.Stat(c.cred, from)
	if err != nil {
		return err
	}
	if i.IsDir() {
		_, r := set['r']
		_, R := set['R']
		_, a := set['a']
		if !r && !R && !a {
			return errSkipped
		}
		if to == from || strings.HasPrefix(to, from+"/") {
			return errno.EINVAL
		}
		if err := fs.MkdirAll(c.cred, to, i.Mode&0o777|0o700); err != nil {
			return err
		}
		list, err := fs.List(c.cred, from)
		if err != nil {
			return err
		}
		for _, e := range list {
			if err := c.copy(path.Join(from, e.Name), path.Join(to, e.Name), set); err != nil {
				return err
			}
		}
		return nil
	}
	src, err := fs.Open(c.cred, from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := fs.Create(c.cred, to, i.Mode&0o777)
	if err != nil {
		return err
	}
	defer dst.Close()
	if _, err := io.CopyBuffer(onlyWriter{dst}, onlyReader{src}, make([]byte, 64<<10)); err != nil {
		return err
	}
	if _, keep := set['p']; keep {
		_ = fs.Chtimes(c.cred, to, i.MTime)
	}
	return nil
}

func ln(c *call) int {
	set, names, err := c.flags("sfnv", "")
	if err != nil {
		return c.usage(err)
	}
	if _, soft := set['s']; !soft || len(names) != 2 {
		c.errorf("ln: cannot create hard link from '%s' to '%s': %v\n", strings.Join(names, " "), "", errno.EPERM)
		return 1
	}
	if _, f := set['f']; f {
		_ = c.p.FS.Remove(c.cred, c.abs(names[1]))
	}
	if err := c.p.FS.Symlink(c.cred, names[0], c.abs(names[1])); err != nil {
		c.errorf("ln: cannot create symbolic link from '%s' to '%s': %v\n", names[0], names[1], err)
		return 1
	}
	return 0
}

func readlink(c *call) int {
	set, names, err := c.flags("fenqm", "")
	if err != nil {
		return c.usage(err)
	}
	code := 0
	for _, n := range names {
		if _, f := set['f']; f || c.args[0] == "realpath" {
			real, err := c.p.FS.RealPath(c.cred, c.abs(n))
			if err == errno.ENOENT && c.args[0] == "realpath" { // the last part need not exist
				if up, uerr := c.p.FS.RealPath(c.cred, path.Dir(c.abs(n))); uerr == nil {
					real, err = path.Join(up, path.Base(n)), nil
				}
			}
			if err != nil {
				if c.args[0] == "realpath" {
					c.fail(n, err)
				}
				code = 1
				continue
			}
			fmt.Fprintln(c.out, real)
			continue
		}
		i, err := c.p.FS.Lstat(c.cred, c.abs(n))
		if err != nil || i.Target == "" {
			code = 1
			continue
		}
		fmt.Fprintln(c.out, i.Target)
	}
	return code
}
