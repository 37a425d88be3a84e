package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/errno"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// call is one run of a program.
type call struct {
	*session
	ctx   context.Context
	args  []string // with the name in front
	dir   string
	env   environ
	in    io.Reader
	out   io.Writer
	err   io.Writer
	ended int // the exit code if a signal ended the shell itself
}

// program runs a program by its name or path.
func (c *call) program(args []string) int {
	c.ended = -1
	name := args[0]
	run := find(name)
	if strings.Contains(name, "/") || run == nil {
		full, err := c.lookPath(name)
		if real, rerr := c.p.FS.RealPath(c.cred, full); err == nil && rerr == nil {
			full = real
		}
		switch {
		case errors.Is(err, errno.EACCES) && strings.Contains(name, "/"):
			c.complain("%s: can't execute: %v", name, err)
			return 126
		case err != nil:
			return c.notFound(name)
		}
		if run = find(path.Base(full)); run == nil || path.Dir(full) != "/system/bin" {
			return c.file(name, full, args[1:])
		}
	}
	return c.guarded(run)
}

// file runs a file other than the phone's own programs: a script.
func (c *call) file(name, full string, params []string) int {
	data, err := c.p.FS.ReadFile(c.cred, full)
	switch {
	case err != nil:
		c.complain("%s: can't execute: %v", name, err)
		return 126
	case slices.Contains(data[:min(len(data), 64)], 0):
		c.complain("%s: not executable: 64-bit ELF file", name)
		return 126
	}
	return c.shell(name, string(data), params)
}

// shell runs a text in a child shell.
func (c *call) shell(name, text string, params []string) int {
	if c.depth >= maxDepth {
		c.complain("%s: nested too deeply", name)
		return 1
	}
	s := *c.session
	s.depth++
	s.name, s.dir, s.env = name, c.dir, c.env
	s.in, s.out, s.err = c.in, c.out, c.err
	s.env["UID"], s.env["EUID"], s.env["GID"] = c.session.env["UID"], c.session.env["EUID"], c.session.env["GID"]
	if text == "" {
		return s.interactive(c.ctx, nil)
	}
	return s.line(c.ctx, text, params)
}

// sh is a shell in the shell: -c LINE, a script, or stdin.
func sh(c *call) int {
	args := c.args[1:]
	options := ""
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		flags := strings.TrimSuffix(args[0][1:], "c")
		if flags != "" {
			options += "set -" + flags + "\n"
		}
		line := flags != args[0][1:]
		if args = args[1:]; !line {
			continue
		}
		if len(args) == 0 {
			c.complain("-c: requires argument")
			return 1
		}
		name := c.args[0]
		if len(args) > 1 {
			name = args[1]
		}
		return c.shell(name, options+args[0]+"\n", append([]string(nil), args[min(2, len(args)):]...))
	}
	if len(args) == 0 {
		return c.shell(c.args[0], "", nil)
	}
	data, err := c.p.FS.ReadFile(c.cred, c.abs(args[0]))
	if err != nil {
		c.complain("%s: %v", args[0], err)
		return 127
	}
	return c.shell(args[0], options+string(data)+"\n", args[1:])
}

// lookPath finds a program: a name in /system/bin, or a path to a file that
// may be run.
func (c *call) lookPath(name string) (string, error) {
	if !strings.Contains(name, "/") {
		name = "/system/bin/" + name
	}
	full := phone.Clean(c.dir, name)
	i, err := c.p.FS.Stat(c.cred, full)
	switch {
	case err != nil:
		return "", err
	case !i.IsRegular():
		return "", errno.EACCES
	}
	return full, c.p.FS.Access(c.cred, full, 1)
}

func (c *call) notFound(name string) int {
	if c.p.API >= 29 {
		c.complain("%s: inaccessible or not found", name)
	} else {
		c.complain("%s: not found", name)
	}
	return 127
}

// which prints where programs are; it also answers command -v and type.
func which(c *call) int {
	code := 0
	for _, name := range c.args[1:] {
		full, err := c.lookPath(name)
		switch {
		case interp.IsBuiltin(name) && c.args[0] != "which":
			full = name
		case err != nil:
			code = 1
			continue
		}
		fmt.Fprintln(c.out, full)
	}
	return code
}

// quit is the panic that ends a program with an exit code.
type quit int

func (c *call) guarded(run func(*call) int) (code int) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case quit:
			code = int(r)
		default:
			code = c.crashed(r)
		}
	}()
	return run(c)
}

func (c *call) abs(name string) string { return abs(c.dir, name) }

func (c *call) printf(format string, a ...any) { fmt.Fprintf(c.out, format, a...) }
func (c *call) errorf(format string, a ...any) { fmt.Fprintf(c.err, format, a...) }

// complain prints an error of the shell itself to the program's stderr.
func (c *call) complain(format string, a ...any) {
	c.errorf("%s: %s\n", c.name, fmt.Sprintf(format, a...))
}

// fail prints an error as toybox does and gives its code.
func (c *call) fail(what string, err error) int {
	fmt.Fprintf(c.err, "%s: %s: %v\n", c.args[0], what, err)
	return 1
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// jobs are the statements of a script that run in the background, by number,
// as kill and $! name them.
type jobs struct {
	stmts []*syntax.Stmt

	mu      sync.Mutex
	running map[int]context.CancelCauseFunc
	signals map[int]exit // that came before the job's program did
}

func newJobs(stmts []*syntax.Stmt) *jobs {
	return &jobs{stmts: stmts, running: map[int]context.CancelCauseFunc{}, signals: map[int]exit{}}
}

// of is the number of the job that a position is in; 0 for none.
func (j *jobs) of(offset uint) int {
	for i, st := range j.stmts {
		if offset >= st.Pos().Offset() && offset < st.End().Offset() {
			return i + 1
		}
	}
	return 0
}

// start records that a job's program runs; its context ends with a signal.
func (j *jobs) start(ctx context.Context, job int) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.running[job] = cancel
	if code, ok := j.signals[job]; ok {
		cancel(code)
	}
	return ctx, func() {
		j.mu.Lock()
		delete(j.running, job)
		j.mu.Unlock()
		cancel(nil)
	}
}

// signal ends a job with a signal's number; it reports whether there is such a
// job.
func (j *jobs) signal(job, number int) bool {
	if job > len(j.stmts) {
		return false
	}
	code := exit(128 + number)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.signals[job] = code
	if cancel := j.running[job]; cancel != nil {
		cancel(code)
	}
	return true
}
