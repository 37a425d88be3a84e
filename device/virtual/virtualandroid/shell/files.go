package shell

import (
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"path"
	"strings"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/errno"
)

// flags splits the -flags off the arguments; each letter is noted. A letter in
// withValue takes a value. An unknown letter ends the program.
func (c *call) flags(known, withValue string) (set map[byte]string, rest []string) {
	set = map[byte]string{}
	args := c.args[1:]
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			return set, append(rest, args[i+1:]...)
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
						panic(c.usage("Missing argument to -%c", a[j]))
					}
					v = args[i]
				}
				set[a[j]] = v
				j = len(a)
			case strings.IndexByte(known, a[j]) >= 0:
				set[a[j]] += "+"
			default:
				panic(c.usage("Unknown option '%s'", a[1:]))
			}
		}
	}
	return set, rest
}

// usage is how toybox refuses arguments; the program ends with its result.
func (c *call) usage(format string, a ...any) quit {
	c.errorf("%s: %s", c.args[0], fmt.Sprintf(format, a...))
	if c.p.API >= 30 {
		c.errorf(" (see \"%s --help\")", c.args[0])
	}
	c.errorf("\n")
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
	_, names := c.flags("uvet", "")
	return c.each(names, func(_ string, r io.Reader) error {
		_, err := io.CopyBuffer(onlyWriter{c.out}, onlyReader{r}, make([]byte, 64<<10))
		return err
	})
}

// onlyWriter and onlyReader make io.Copy use the given buffer.
type onlyWriter struct{ io.Writer }
type onlyReader struct{ io.Reader }

func rm(c *call) int {
	set, names := c.flags("fiRrv", "")
	_, force := set['f']
	_, r := set['r']
	_, R := set['R']
	if len(names) == 0 && !force {
		panic(c.usage("Needs 1 argument"))
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

// mv renames files, or moves them into a directory.
func mv(c *call) int {
	_, names := c.flags("fnivT", "")
	if len(names) < 2 {
		panic(c.usage("Needs 2 arguments"))
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
		if err := c.move(c.abs(n), c.abs(dst)); err != nil {
			code = c.fail("bad '"+n+"'", err)
		}
	}
	return code
}

// move renames a file; between file systems it copies it.
func (c *call) move(from, to string) error {
	err := c.p.FS.Rename(c.cred, from, to)
	if err != errno.EXDEV {
		return err
	}
	i, err := c.p.FS.Stat(c.cred, from)
	if err != nil {
		return err
	}
	data, err := c.p.FS.ReadFile(c.cred, from)
	if err != nil {
		return err
	}
	if err := c.p.FS.WriteFile(c.cred, to, data, i.Mode&0o777); err != nil {
		return err
	}
	return c.p.FS.Remove(c.cred, from)
}

func md5sum(c *call) int    { return c.sum(md5.New) }
func sha256sum(c *call) int { return c.sum(sha256.New) }

func (c *call) sum(newHash func() hash.Hash) int {
	set, names := c.flags("bcs", "")
	return c.each(names, func(name string, r io.Reader) error {
		h := newHash()
		if _, err := io.Copy(h, onlyReader{r}); err != nil {
			return err
		}
		if has(set, 'b') {
			c.printf("%x\n", h.Sum(nil))
		} else {
			c.printf("%x  %s\n", h.Sum(nil), name)
		}
		return nil
	})
}

// has reports whether a flag was given.
func has(set map[byte]string, b byte) bool { _, ok := set[b]; return ok }
