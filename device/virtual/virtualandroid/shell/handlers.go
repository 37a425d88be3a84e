package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/errno"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// runner makes an interpreter that only sees the phone.
func (s *session) runner(params []string) *interp.Runner {
	s.env[shellPID], s.env[parentPID] = strconv.Itoa(s.pid), "884"
	r, err := interp.New(
		func(r *interp.Runner) error { r.Dir, r.Params = s.dir, params; return nil }, // interp.Dir uses the host
		interp.Env(s.env),
		interp.StdIO(nil, s.out, s.err),
		interp.CallHandler(s.called),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc { return s.exec }),
		interp.OpenHandler(s.open),
		interp.ReadDirHandler2(s.readDir),
		interp.StatHandler(s.stat),
		interp.AccessHandler(s.access),
	)
	if err != nil {
		panic(fmt.Errorf("starting a shell: %w", err))
	}
	return r
}

// environ is what a shell is started with; all of it is exported.
type environ map[string]string

// newEnviron is the environment that adbd gives a shell.
func newEnviron(p *phone.Phone) environ {
	id := strconv.Itoa(phone.ShellUID)
	return environ{
		"PATH": "/product/bin:/apex/com.android.runtime/bin:/apex/com.android.art/bin:/system_ext/bin:/system/bin:/system/xbin" +
			":/odm/bin:/vendor/bin:/vendor/xbin",
		"HOME": "/", "USER": "shell", "LOGNAME": "shell", "SHELL": "/system/bin/sh", "TMPDIR": "/data/local/tmp",
		"HOSTNAME": p.Property("ro.product.device"), "ANDROID_ROOT": "/system", "ANDROID_DATA": "/data", "ANDROID_STORAGE": "/storage",
		"EXTERNAL_STORAGE": "/sdcard", "ANDROID_BOOTLOGO": "1", "ANDROID_ASSETS": "/system/app", "ASEC_MOUNTPOINT": "/mnt/asec",
		"UID": id, "EUID": id, "GID": id,
	}
}

// hidden are variables that programs don't get.
func hidden(name string) bool {
	return slices.Contains([]string{"UID", "EUID", "GID", shellPID, parentPID}, name)
}

// Get implements expand.Environ.
func (e environ) Get(name string) expand.Variable {
	if user, ok := strings.CutPrefix(name, "HOME "); ok {
		// No other user has a home, and those of the host must not be used.
		return expand.Variable{Set: true, Kind: expand.String, Str: "~" + user}
	}
	value, ok := e[name]
	if !ok {
		return expand.Variable{}
	}
	return expand.Variable{Set: true, Exported: !hidden(name), Kind: expand.String, Str: value}
}

// Each implements expand.Environ.
func (e environ) Each(f func(string, expand.Variable) bool) {
	for name := range e {
		if !f(name, e.Get(name)) {
			return
		}
	}
}

// exported is what a program that is started now gets.
func exported(env expand.Environ) environ {
	out := environ{}
	env.Each(func(name string, v expand.Variable) bool {
		switch {
		case v.Set && v.Exported && v.Kind == expand.String:
			out[name] = v.Str
		case !v.Set || !v.Exported:
			delete(out, name) // set further down, and hidden further up
		}
		return true
	})
	return out
}

// gone ends a shell whose output is no longer read (SIGPIPE).
const gone = exit(141)

// called sees each command before it runs, also functions and builtins. It ends
// a shell whose output is no longer read or whose recursion is too deep, and
// replaces builtins that would use the host by programs of the phone.
func (s *session) called(ctx context.Context, args []string) ([]string, error) {
	hc := interp.HandlerCtx(ctx)
	if w, ok := hc.Stdout.(*syncWriter); ok && w.gone() {
		return nil, gone
	}
	refuse := func(err error) ([]string, error) {
		fmt.Fprintf(hc.Stderr, "%s: %s\n", s.name, syntaxText(err))
		return []string{"false"}, nil
	}
	switch name := args[0]; name {
	case "pwd", "type", "kill", "help", "dirs", "pushd", "popd", "shopt":
		return append([]string{"/system/bin/" + name}, args[1:]...), nil
	case "echo":
		if len(args) < 2 || !strings.HasPrefix(args[1], "-") || args[1] == "-n" {
			return append([]string{"echo", "-e"}, args[1:]...), nil // as mksh's does
		}
	case "command", "builtin":
		if len(args) > 1 && strings.HasPrefix(args[1], "-") && strings.ContainsAny(args[1], "vV") {
			return append([]string{"/system/bin/which"}, args[2:]...), nil
		}
		if len(args) > 1 && slices.Contains([]string{"pwd", "type", "command", "builtin", "eval", ".", "source", "trap", "help"}, args[1]) {
			return s.called(ctx, args[1:])
		}
	case "eval", "trap":
		if _, err := parse(s.name, strings.Join(args[1:], " ")); err != nil && name == "eval" {
			return refuse(err)
		}
		if len(args) > 1 {
			if _, err := parse(s.name, args[1]); name == "trap" && err != nil {
				return refuse(err)
			}
		}
		return args, deepEnough()
	case ".", "source":
		if len(args) > 1 {
			data, err := s.p.FS.ReadFile(s.cred, abs(slash(hc.Dir), args[1]))
			if err == nil {
				_, err = parse(s.name, string(data))
			}
			if err != nil {
				return refuse(fmt.Errorf(".: %s: %w", args[1], err))
			}
		}
		return args, deepEnough()
	default:
		if !interp.IsBuiltin(name) && find(name) == nil {
			return args, deepEnough() // a function, as far as can be told
		}
	}
	return args, nil
}

// deepEnough ends a shell that calls itself without end: the interpreter would
// continue until the host's process dies.
func deepEnough() error {
	var one [1]uintptr
	if runtime.Callers(maxCalls, one[:]) > 0 {
		return exit(1)
	}
	return nil
}

// slash converts a path of the interpreter, in the host's form, to one of the
// phone.
func slash(name string) string { return filepath.ToSlash(name) }

// abs makes a path absolute.
func abs(dir, name string) string {
	if name == "" || strings.HasPrefix(name, "/") {
		return name
	}
	trailing := ""
	if strings.HasSuffix(name, "/") {
		trailing = "/"
	}
	return path.Join(dir, name) + trailing
}

// open opens the file of a redirection.
func (s *session) open(ctx context.Context, name string, flag int, perm fs.FileMode) (io.ReadWriteCloser, error) {
	hc := interp.HandlerCtx(ctx)
	f, err := s.p.FS.OpenFile(s.cred, abs(slash(hc.Dir), slash(name)), flag, uint32(perm)|0o066)
	if err != nil {
		op := s.name + ": can't open"
		if flag != 0 {
			op = s.name + ": can't create"
		}
		return nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return &openFile{f: f}, nil
}

func (s *session) stat(_ context.Context, name string, follow bool) (fs.FileInfo, error) {
	look := s.p.FS.Lstat
	if follow {
		look = s.p.FS.Stat
	}
	info, err := look(s.cred, slash(name))
	if err != nil {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	return dirEntry{info}, nil
}

func (s *session) access(_ context.Context, name string, mode interp.AccessMode) error {
	return s.p.FS.Access(s.cred, slash(name), uint32(mode))
}

func (s *session) readDir(_ context.Context, dir string) ([]fs.DirEntry, error) {
	name := slash(dir)
	list, err := s.p.FS.List(s.cred, name)
	if errors.Is(err, errno.EACCES) {
		// The matcher also lists directories to check that they exist, and one
		// that can't be listed, such as /data, may still be passed through.
		if info, serr := s.p.FS.Stat(s.cred, name); serr == nil && info.IsDir() {
			return nil, nil
		}
	}
	if err != nil {
		return nil, err
	}
	out := make([]fs.DirEntry, len(list))
	for i, e := range list {
		out[i] = dirEntry{e}
	}
	return out, nil
}

// dirEntry shows a file of the phone to the interpreter.
type dirEntry struct{ i phone.Info }

func (d dirEntry) Name() string               { return d.i.Name }
func (d dirEntry) IsDir() bool                { return d.i.IsDir() }
func (d dirEntry) Type() fs.FileMode          { return d.i.FileMode().Type() }
func (d dirEntry) Info() (fs.FileInfo, error) { return d, nil }
func (d dirEntry) Size() int64                { return d.i.Size }
func (d dirEntry) Mode() fs.FileMode          { return d.i.FileMode() }
func (d dirEntry) ModTime() time.Time         { return d.i.MTime }
func (d dirEntry) Sys() any                   { return nil }

// exec runs a program of the phone.
func (s *session) exec(ctx context.Context, args []string) error {
	hc := interp.HandlerCtx(ctx)
	c := &call{session: s, ctx: ctx, args: args, dir: slash(hc.Dir), env: exported(hc.Env), in: hc.Stdin, out: hc.Stdout, err: hc.Stderr}
	if hc.Stdin == nil {
		c.in = s.in
	}
	if job := s.jobs.of(hc.Pos.Offset()); job > 0 {
		var done func()
		c.ctx, done = s.jobs.start(ctx, job)
		defer done()
	}
	code := c.program(args)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var signal exit
	if errors.As(context.Cause(c.ctx), &signal) && code == 130 {
		code = int(signal)
	}
	switch {
	case c.ended >= 0:
		return exit(c.ended)
	case code == 0:
		return nil
	}
	return interp.ExitStatus(uint8(code))
}
