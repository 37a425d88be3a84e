package shell

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// logCommand is toybox's log: it writes a line of the main buffer.
func logCommand(c *call) int {
	set, args, err := c.flagsUntilWord("", "pt")
	if err != nil {
		return c.usage(err)
	}
	tag, priority := "log", phone.Information
	if v, ok := set['t']; ok {
		tag = v
	}
	if v, ok := set['p']; ok {
		i := strings.IndexByte("vdiwef", (strings.ToLower(v) + " ")[0])
		if i < 0 {
			c.errorf("log: bad -p '%s'\n", v)
			return 1
		}
		priority = phone.Verbose + i
	}
	c.p.Log.Write(phone.LogEntry{Time: c.p.Now(), PID: c.pid, TID: c.pid, UID: c.cred.UID, Buffer: phone.LogMain, Priority: priority, Tag: tag, Text: strings.Join(args, " ")})
	return 0
}

// timeout is toybox's timeout: a command that gets so many seconds.
func timeout(c *call) int {
	_, args, err := c.flagsUntilWord("fiv", "ks")
	if err == nil && len(args) < 2 {
		err = fmt.Errorf("Needs 2 arguments")
	}
	if err != nil {
		return c.usage(err)
	}
	d, err := seconds(args[0])
	if err != nil {
		return c.usage(err)
	}
	ctx, cancel := context.WithTimeout(c.ctx, d)
	defer cancel()
	m := c.machine.fork()
	m.ctx, m.in, m.out, m.err = ctx, c.in, c.out, c.err
	m.run(args[1:])
	if ctx.Err() != nil && c.ctx.Err() == nil {
		return 124
	}
	return m.last
}

// seconds reads what sleep and timeout take: 1.5, 2m, 1h.
func seconds(s string) (time.Duration, error) {
	unit, number := 1.0, s
	if n := len(s) - 1; n > 0 {
		if i := strings.IndexByte("smhd", s[n]); i >= 0 {
			unit, number = []float64{1, 60, 3600, 86400}[i], s[:n]
		}
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || !(v >= 0) {
		return 0, fmt.Errorf("not integer: %s", number)
	}
	return time.Duration(min(v*unit, 1e6) * float64(time.Second)), nil
}

// toybox runs the program that its first argument names, or lists them.
func toybox(c *call) int {
	if len(c.args) < 2 {
		c.args = []string{"ls", "/system/bin"}
		return ls(c)
	}
	run := find(c.args[1])
	if run == nil || c.args[1] == "toybox" {
		c.errorf("toybox: Unknown command %s\n", c.args[1])
		return 127
	}
	c.args = c.args[1:]
	return run(c)
}

// yesCommand prints a line until nobody listens.
func yesCommand(c *call) int {
	line := "y\n"
	if len(c.args) > 1 {
		line = strings.Join(c.args[1:], " ") + "\n"
	}
	block := strings.Repeat(line, 1+4096/len(line))
	for c.ctx.Err() == nil {
		if _, err := io.WriteString(c.out, block); err != nil {
			return 1
		}
	}
	return 130
}

// dd copies between files, or the standard streams, in blocks.
func dd(c *call) int {
	size, count, in, out, quiet := int64(512), int64(-1), "", "", false
	for _, a := range c.args[1:] {
		key, value, ok := strings.Cut(a, "=")
		var err error
		switch {
		case !ok:
			err = fmt.Errorf("bad arg %s", a)
		case key == "if":
			in = value
		case key == "of":
			out = value
		case key == "bs":
			size, err = blocks(value)
		case key == "count":
			count, err = blocks(value)
		case key == "status":
			quiet = value == "none"
		case key != "conv":
			err = fmt.Errorf("bad arg %s", a)
		}
		if err != nil {
			return c.usage(err)
		}
	}
	from := c.in
	if in != "" {
		file, err := c.p.FS.Open(c.cred, c.abs(in))
		if err != nil {
			return c.fail(in, err)
		}
		defer file.Close()
		from = file
	}
	if count >= 0 {
		from = io.LimitReader(from, size*count)
	}
	to := c.out
	if out != "" {
		file, err := c.p.FS.Create(c.cred, c.abs(out), 0o666)
		if err != nil {
			return c.fail(out, err)
		}
		defer file.Close()
		to = file
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{stopping{c.ctx, from}}, make([]byte, min(size, 1<<20)))
	part := 0
	if n%size > 0 {
		part = 1
	}
	if !quiet {
		c.errorf("%d+%d records in\n%d+%d records out\n%d bytes copied\n", n/size, part, n/size, part, n)
	}
	if err != nil {
		return c.fail(out, err)
	}
	return 0
}

// blocks reads a number of dd: 4096, 4k, 1M.
func blocks(s string) (int64, error) {
	unit, number := int64(1), s
	if n := len(s) - 1; n > 0 {
		if i := strings.IndexByte("kmg", strings.ToLower(s)[n]); i >= 0 {
			unit, number = int64(1)<<(10*(i+1)), s[:n]
		}
	}
	v, err := strconv.ParseInt(number, 10, 32)
	if err != nil || v < 1 {
		return 0, fmt.Errorf("not integer: %s", s)
	}
	return v * unit, nil
}

// stopping is a reader that ends with a context.
type stopping struct {
	ctx context.Context
	r   io.Reader
}

func (s stopping) Read(b []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(b)
}
