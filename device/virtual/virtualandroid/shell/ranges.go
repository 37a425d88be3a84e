package shell

import (
	"io"
	"strconv"
	"strings"
)

// dd copies whole blocks of a file to standard output (toybox's and toolbox's
// if=, bs=, skip= and count=).
func dd(c *call) int {
	var name string
	size, skip, count := int64(512), int64(0), int64(-1)
	for _, a := range c.args[1:] {
		key, value, _ := strings.Cut(a, "=")
		n, err := strconv.ParseInt(value, 10, 64)
		switch {
		case key == "if":
			name, err = value, nil
		case key == "bs" && n > 0 && n <= 1<<20:
			size = n
		case key == "skip" && n >= 0:
			skip = n
		case key == "count" && n >= 0:
			count = n
		default:
			err = strconv.ErrSyntax
		}
		if err != nil {
			panic(c.usage("bad arg %s", a))
		}
	}
	if name == "" {
		panic(c.usage("Needs if="))
	}
	return c.each([]string{name}, func(_ string, r io.Reader) error {
		if _, err := r.(io.Seeker).Seek(skip*size, io.SeekStart); err != nil {
			return err
		}
		if count >= 0 {
			r = io.LimitReader(r, count*size)
		}
		n, err := io.CopyBuffer(onlyWriter{c.out}, onlyReader{r}, make([]byte, 64<<10))
		c.errorf("%d+%d records in\n%d+%d records out\n", n/size, min(n%size, 1), n/size, min(n%size, 1))
		return err
	})
}

// stat prints the size of files: -c %s.
func stat(c *call) int {
	set, names := c.flags("", "c")
	if set['c'] != "%s" {
		panic(c.usage("Unknown format '%s'", set['c']))
	}
	if len(names) == 0 {
		panic(c.usage("Needs 1 argument"))
	}
	code := 0
	for _, n := range names {
		info, err := c.p.FS.Stat(c.cred, c.abs(n))
		if err != nil {
			code = c.fail(n, err)
			continue
		}
		c.printf("%d\n", info.Size)
	}
	return code
}
