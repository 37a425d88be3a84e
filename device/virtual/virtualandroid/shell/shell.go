// Package shell is the shell of a virtual Android phone: /system/bin/sh
// (mksh) and the programs in /system/bin that people and tools use over adb.
// What they print, and the codes they exit with, are those of the phone's API
// level.
//
// The grammar and the expansions are mvdan.cc/sh's; the statements are run
// here, because a phone's shell must not reach the host: there is no way from
// a command line to a host file, program, environment variable or user.
package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/syntax"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// Limits that keep a hostile or mistaken line from eating the host.
const (
	maxLine   = 128 << 10 // Linux MAX_ARG_STRLEN: execve takes no longer argument
	maxDepth  = 200       // nested calls, subshells and substitutions
	maxNest   = 2000      // nested brackets in a line
	maxString = 16 << 20  // what a substitution may gather
)

// Activities is what am asks of the activity manager; a *phone.Phone is one.
type Activities interface {
	StartActivityAndWait(context.Context, phone.StartRequest) (phone.WaitResult, error)
}

// Shell runs command lines. Its zero value is ready; one serves any number of
// phones at once.
type Shell struct {
	// Activities, if set, answers am in place of the phone: so am alone can
	// be judged.
	Activities Activities
}

var _ phone.Shell = Shell{}

// session is one run of a shell, with all that it starts.
type session struct {
	p     *phone.Phone
	am    Activities
	cred  phone.Cred
	runAs string // the package under run-as
	tty   bool
	pid   int
	bg    sync.WaitGroup
}

// Exec runs a command line, or without one the lines of Stdin, and returns
// the exit code. It returns early when the context ends; the code is then 130.
func (sh Shell) Exec(ctx context.Context, p *phone.Phone, c phone.Command) (code int) {
	s := &session{p: p, am: sh.Activities, cred: phone.ShellCred(), tty: c.TTY}
	if s.am == nil {
		s.am = p
	}
	switch {
	case c.Root:
		s.cred = phone.RootCred()
	case c.UID != 0:
		s.cred = phone.CredOf(c.UID)
	}
	s.pid = p.Spawn(s.cred.UID, "sh")
	defer p.Exit(s.pid)
	ctx, cancel := context.WithCancel(ctx)
	defer s.bg.Wait()
	defer cancel()
	if c.Stdout == nil {
		c.Stdout = io.Discard
	}
	if c.Stderr == nil {
		c.Stderr = io.Discard
	}
	if c.TTY {
		c.Stdout, c.Stderr = crlf{c.Stdout}, crlf{c.Stderr}
	}
	m := newMachine(ctx, s)
	m.out, m.err = &syncWriter{w: c.Stdout}, &syncWriter{w: c.Stderr}
	switch {
	case c.Stdin != nil && c.TTY:
		m.in = newTerminal(ctx, c.Stdin, m.out)
	case c.Stdin != nil:
		m.in = newInput(ctx, c.Stdin)
	default:
		m.in = strings.NewReader("")
	}
	if c.Dir != "" {
		m.setDir(c.Dir)
	}
	defer func() {
		if r := recover(); r != nil {
			code = m.crashed(r)
		}
	}()
	if c.Line == "" {
		code = m.interactive()
	} else {
		code = m.line(c.Line)
	}
	// What was started with & keeps the streams open until it is done, as
	// pipes held by a child do.
	waitOrDone(ctx, &s.bg)
	if ctx.Err() != nil {
		return 130
	}
	return code
}

func waitOrDone(ctx context.Context, wg *sync.WaitGroup) {
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// crashed turns a panic, which would be a mistake in the grammar's library or
// here, into what a shell that got SIGSEGV leaves behind.
func (m *machine) crashed(r any) int {
	fmt.Fprintf(m.err, "Segmentation fault \n")
	m.p.Logcat(m.pid, m.cred.UID, phone.Fatal, "libc", fmt.Sprintf("Fatal signal 11 (SIGSEGV), code 1 in tid %d (sh): %v", m.pid, r))
	return 139
}

// line parses and runs sh -c LINE.
func (m *machine) line(line string) int {
	if len(line) >= maxLine {
		fmt.Fprintf(m.err, "/system/bin/sh: Argument list too long\n")
		return 126
	}
	f, err := parse(line)
	if err != nil {
		m.complain("%s", syntaxText(err))
		return 1
	}
	return m.file(f)
}

// file runs statements that are a shell of their own.
func (m *machine) file(f *syntax.File) int {
	m.stmts(f.Stmts)
	return m.quit()
}

// quit runs the EXIT trap and gives the exit code.
func (m *machine) quit() int {
	code := m.finish()
	if m.trap != "" {
		trap := m.trap
		m.trap = ""
		m.last = code
		m.source(trap, nil)
		if m.flow == flowExit {
			code = m.last & 0xff
		}
	}
	return code
}

// parse reads a program in mksh's grammar.
func parse(text string) (f *syntax.File, err error) {
	if nested(text) > maxNest {
		return nil, errors.New("nested too deeply")
	}
	defer func() {
		if r := recover(); r != nil {
			f, err = nil, fmt.Errorf("parser: %v", r)
		}
	}()
	return syntax.NewParser(syntax.Variant(syntax.LangMirBSDKorn)).Parse(strings.NewReader(text), "")
}

// nested bounds how deep a recursive parser may get into a text.
func nested(text string) int {
	depth, most := 0, 0
	for i := range len(text) {
		switch text[i] {
		case '(', '{', '[', '`':
			depth++
			most = max(most, depth)
		case ')', '}', ']':
			depth = max(0, depth-1)
		}
	}
	return most
}

// What the parser says of a construct that does not end, of one that may not
// be where it is, and of one where something else came.
var (
	unended = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile("^`(if|while|until|for|case|select)|^reached EOF without matching `(?:\\$)?([({])`")
	})
	unexpected = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile("encountered `(.+)`|^`(.+?)` can only |^`(.+?)` is not a valid|unexpected `(.+)`")
	})
)

// syntaxText words a parse error as mksh does, as far as the parser tells.
func syntaxText(err error) string {
	var pe syntax.ParseError
	text := err.Error()
	if errors.As(err, &pe) {
		text = pe.Text
	}
	if syntax.IsIncomplete(err) {
		if strings.Contains(text, "closing quote") || strings.HasSuffix(text, "`${` with `}`") || strings.HasSuffix(text, "`$((` with `))`") {
			return "no closing quote"
		}
		if m := unended().FindStringSubmatch(text); m != nil {
			return "syntax error: unmatched '" + m[1] + m[2] + "'"
		}
		return "syntax error: unexpected EOF"
	}
	if text == "invalid parameter name" {
		return "${}: bad substitution"
	}
	if m := unexpected().FindStringSubmatch(text); m != nil {
		return "syntax error: unexpected '" + m[1] + m[2] + m[3] + m[4] + "'"
	}
	return "syntax error: " + text
}

// interactive runs the lines of stdin one after the other, as a shell without
// a command does. On a terminal it prompts, and Ctrl-C ends what runs.
func (m *machine) interactive() int {
	term, _ := m.in.(*terminal)
	ps1 := m.p.Property("ro.product.device") + ":%s $ "
	if m.cred.UID == phone.RootUID {
		ps1 = m.p.Property("ro.product.device") + ":%s # "
	}
	var text strings.Builder
	for lines := 1; ; lines++ {
		var line string
		var err error
		if term == nil {
			line, err = readLine(m.in)
		} else {
			prompt := "> "
			if text.Len() == 0 {
				prompt = fmt.Sprintf(ps1, m.dir)
			}
			io.WriteString(m.err, prompt)
			line, err = term.line()
		}
		if err == errInterrupt {
			text.Reset()
			m.last = 130
			continue
		}
		text.WriteString(line)
		if err != nil && text.Len() == 0 {
			break
		}
		f, perr := parse(text.String())
		if perr != nil && syntax.IsIncomplete(perr) && err == nil && text.Len() < maxLine {
			continue
		}
		text.Reset()
		if term == nil {
			m.name = fmt.Sprintf("%s: <stdin>[%d]", m.zero, lines)
		}
		if perr != nil {
			m.complain("%s", syntaxText(perr))
			m.last = 1
		} else {
			m.foreground(term, f.Stmts)
		}
		if m.flow == flowExit || err != nil || m.ctx.Err() != nil {
			break
		}
		m.flow = flowNone
	}
	return m.quit()
}

// foreground runs statements so that Ctrl-C on the terminal, if there is one,
// ends them and not the shell.
func (m *machine) foreground(term *terminal, list []*syntax.Stmt) {
	if term == nil {
		m.stmts(list)
		return
	}
	whole := m.ctx
	ctx, cancel := context.WithCancel(whole)
	defer cancel()
	term.foreground(cancel)
	m.ctx = ctx
	m.stmts(list)
	m.ctx = whole
	term.foreground(nil)
	if ctx.Err() != nil && whole.Err() == nil {
		io.WriteString(m.err, "^C\n")
		m.last, m.flow = 130, flowNone
	}
}

// complain prints an error of the shell itself.
func (m *machine) complain(format string, a ...any) {
	fmt.Fprintf(m.err, "%s: %s\n", m.name, fmt.Sprintf(format, a...))
}
