// Package shell is the shell of a virtual Android phone, and the programs in
// /system/bin that tools send over adb. The programs' output and exit codes are
// those of the phone's API level.
//
// The language is implemented by mvdan.cc/sh, its parser and interpreter. The
// handlers here give it the phone's files and programs, so that a command line
// can't reach any host file, program, environment variable or user.
package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// Limits that keep a hostile or wrong line from using up the host.
const (
	maxLine  = 128 << 10 // Linux MAX_ARG_STRLEN: execve accepts no longer argument
	maxDepth = 30        // shells in shells
	maxCalls = 3000      // Go frames below a command: functions that call themselves
)

// Activities is the part of the activity manager that am uses; a *phone.Phone
// is one.
type Activities interface {
	StartActivityAndWait(context.Context, phone.StartRequest) (phone.WaitResult, error)
}

// Shell runs command lines. Its zero value is ready; one serves any number of
// phones at once.
type Shell struct {
	// Activities, if set, answers am in place of the phone, so that am can be
	// tested alone.
	Activities Activities
}

var _ phone.Shell = Shell{}

// session is one shell process: its user, and its streams.
type session struct {
	p     *phone.Phone
	am    Activities
	cred  phone.Cred
	env   environ // what it was started with
	dir   string
	name  string // as its errors print it
	pid   int
	depth int // shells around it
	in    io.Reader
	out   io.Writer
	err   io.Writer
	jobs  *jobs
}

// Exec runs a command line, or without one the lines of Stdin, and returns
// the exit code. It returns early when the context ends, and closes Stdin then if
// that can be closed; the code is then 130.
func (sh Shell) Exec(ctx context.Context, p *phone.Phone, c phone.Command) (code int) {
	s := &session{p: p, am: sh.Activities, cred: phone.ShellCred(), dir: "/", name: "/system/bin/sh"}
	if s.am == nil {
		s.am = p
	}
	s.env = newEnviron(p)
	s.pid = p.Spawn(s.cred.UID, "sh")
	defer p.Exit(s.pid)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if closer, ok := c.Stdin.(io.Closer); ok {
		defer context.AfterFunc(ctx, func() { _ = closer.Close() })() // what is read ends
	}
	if c.TTY {
		c.Stdout, c.Stderr = crlf{orDiscard(c.Stdout)}, crlf{orDiscard(c.Stderr)}
	}
	out, errs := &syncWriter{w: orDiscard(c.Stdout)}, &syncWriter{w: orDiscard(c.Stderr)}
	defer out.close() // what & started may still run
	defer errs.close()
	s.out, s.err = out, errs
	var term *terminal
	switch {
	case c.Stdin != nil && c.TTY:
		term = newTerminal(ctx, c.Stdin, s.out)
		s.in = term
	case c.Stdin != nil:
		s.in = &input{src: c.Stdin}
	default:
		s.in = strings.NewReader("")
	}
	defer func() {
		if r := recover(); r != nil {
			code = s.crashed(r)
		}
	}()
	if c.Line == "" {
		code = s.interactive(ctx, term)
	} else {
		code = s.line(ctx, c.Line, nil)
	}
	if ctx.Err() != nil {
		return 130
	}
	return code
}

func orDiscard(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}

// crashed handles a panic, which would be a bug in the library or here, as if
// the shell had got SIGSEGV.
func (s *session) crashed(r any) int {
	fmt.Fprintf(s.err, "Segmentation fault \n")
	text := fmt.Sprintf("Fatal signal 11 (SIGSEGV), code 1 in tid %d (sh): %v", s.pid, r)
	s.p.Logcat(s.pid, s.cred.UID, phone.Fatal, "libc", text)
	return 139
}

// complain prints an error of the shell itself.
func (s *session) complain(format string, a ...any) {
	fmt.Fprintf(s.err, "%s: %s\n", s.name, fmt.Sprintf(format, a...))
}

// line runs sh -c TEXT, or a script, with its arguments.
func (s *session) line(ctx context.Context, text string, params []string) int {
	if len(text) >= maxLine {
		fmt.Fprintf(s.err, "/system/bin/sh: Argument list too long\n")
		return 126
	}
	program, err := parse(s.name, text)
	if err != nil {
		s.complain("%s", syntaxText(err))
		return 1
	}
	s.jobs = newJobs(program.background)
	r := s.runner(params)
	if program.reads {
		defer s.pipeIn(r, s.in)()
	}
	code := exitCode(r.Run(ctx, program.file))
	if len(program.background) > 0 {
		// What was started with & keeps the streams open until it is done, as
		// pipes held by a child do.
		if wait, err := parse(s.name, "wait"); err == nil {
			_ = r.Run(ctx, wait.file)
		}
	}
	return code
}

// pipeIn gives the interpreter's own read the standard input, for which it
// needs a pipe of the host. Programs get the reader itself. A host that has
// none crashes the shell.
func (s *session) pipeIn(r *interp.Runner, in io.Reader) (done func()) {
	pr, pw, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	go func() {
		_, _ = io.Copy(onlyWriter{pw}, onlyReader{in})
		pw.Close()
	}()
	s.setInput(r, pr)
	return func() { pr.Close() }
}

// setInput sets what the interpreter's own read reads.
func (s *session) setInput(r *interp.Runner, in io.Reader) {
	if err := interp.StdIO(in, s.out, s.err)(r); err != nil {
		panic(err) // it makes a pipe of the host, for other readers than files
	}
}

// exit is the end of a whole shell, with a code.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// exitCode is the code that a run ended with.
func exitCode(err error) int {
	var status interp.ExitStatus
	var whole exit
	switch {
	case err == nil:
		return 0
	case errors.As(err, &whole):
		return int(whole)
	case errors.As(err, &status):
		return int(status)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return 130
	}
	return 1
}

// interactive runs the lines of stdin one after the other, as a shell without
// a command does. On a terminal it prompts, and Ctrl-C ends what runs.
func (s *session) interactive(ctx context.Context, term *terminal) int {
	r := s.runner(nil)
	var text strings.Builder
	code := 0
	for lines := 1; ctx.Err() == nil; lines++ {
		var line string
		var err error
		if term == nil {
			line, err = readLine(s.in)
		} else {
			prompt := "> "
			if text.Len() == 0 {
				prompt = fmt.Sprintf("%s:%s $ ", s.p.Property("ro.product.device"), r.Dir)
			}
			io.WriteString(s.err, prompt)
			line, err = term.line()
		}
		if errors.Is(err, errInterrupt) {
			text.Reset()
			code = 130
			continue
		}
		text.WriteString(line)
		if err != nil && text.Len() == 0 {
			break
		}
		program, wrong := parse(s.name, text.String())
		if syntax.IsIncomplete(wrong) && err == nil && text.Len() < maxLine {
			continue
		}
		text.Reset()
		if term == nil {
			s.name = fmt.Sprintf("/system/bin/sh: <stdin>[%d]", lines)
		}
		if wrong != nil {
			s.complain("%s", syntaxText(wrong))
			code = 1
		} else {
			code = s.foreground(ctx, r, term, program, code)
		}
		if r.Exited() || err != nil {
			break
		}
	}
	return code
}

// foreground runs statements so that Ctrl-C on the terminal, if there is one,
// ends them and not the shell. code is that of the statement before.
func (s *session) foreground(ctx context.Context, r *interp.Runner, term *terminal, program script, code int) int {
	if program.reads {
		defer s.pipeIn(r, &oneLine{in: s.in})()
	} else {
		s.setInput(r, nil)
	}
	s.jobs = newJobs(program.background)
	whole := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if term != nil {
		term.foreground(cancel)
		defer term.foreground(nil)
	}
	for _, st := range program.file.Stmts {
		code = exitCode(r.Run(ctx, st))
		if r.Exited() {
			break
		}
	}
	if term != nil && ctx.Err() != nil && whole.Err() == nil {
		io.WriteString(s.err, "^C\n")
		// The interpreter treats the end of the context as the end of the
		// shell; another statement resets that.
		if nothing, err := parse(s.name, "(exit 130)"); err == nil {
			_ = r.Run(whole, nothing.file.Stmts[0])
		}
		return 130
	}
	return code
}
