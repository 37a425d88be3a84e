package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/pattern"
	"mvdan.cc/sh/v3/syntax"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/errno"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// fileWriter is a redirection's file, shared by what runs in parallel.
type fileWriter struct {
	mu sync.Mutex
	f  *phone.File
}

func (w *fileWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.f.Write(p)
}

func compilePattern(pat string) (*regexp.Regexp, error) {
	if len(pat) > 4096 {
		return nil, errors.New("pattern too long")
	}
	expr, err := pattern.Regexp(pat, pattern.EntireString)
	if err != nil {
		return nil, err
	}
	return regexp.Compile(expr)
}

// call runs a simple command: assignments, then a function, builtin or
// program.
func (m *machine) call(c *syntax.CallExpr) {
	m.substs = -1
	args, err := m.fields(c.Args...)
	if err != nil {
		m.expandFailed(err)
		return
	}
	if len(args) == 0 {
		m.last = 0
		for _, a := range c.Assigns {
			if !m.assignment(a, false) {
				return
			}
		}
		if m.substs >= 0 {
			m.last = m.substs
		}
		return
	}
	var saved map[string]expand.Variable
	if len(c.Assigns) > 0 {
		saved = map[string]expand.Variable{}
		for _, a := range c.Assigns {
			saved[a.Name.Value] = m.vars[a.Name.Value]
			if !m.assignment(a, true) {
				return
			}
		}
	}
	if m.opts.xtrace {
		fmt.Fprintf(m.err, "+ %s\n", strings.Join(args, " "))
	}
	m.run(args)
	for k, v := range saved {
		if v.Set {
			m.vars[k] = v
		} else {
			delete(m.vars, k)
		}
	}
}

func (m *machine) assignment(a *syntax.Assign, export bool) bool {
	name := a.Name.Value
	v := expand.Variable{Set: true, Kind: expand.String, Exported: export}
	var err error
	switch {
	case a.Array != nil:
		v.Kind, v.Exported = expand.Indexed, false
		var words []*syntax.Word
		for _, e := range a.Array.Elems {
			words = append(words, e.Value)
		}
		v.List, err = m.fields(words...)
	case a.Index != nil:
		v, err = m.element(a)
	case a.Value != nil:
		v.Str, err = m.literal(a.Value)
	}
	if err != nil {
		m.expandFailed(err)
		return false
	}
	if a.Append && v.Kind == expand.String && a.Index == nil {
		v.Str = m.Get(name).String() + v.Str
	}
	if err := m.Set(name, v); err != nil {
		m.complain("%v", err)
		m.last, m.flow = 2, flowExit
		return false
	}
	return true
}

// element is x[i]=v: the array with the element set.
func (m *machine) element(a *syntax.Assign) (expand.Variable, error) {
	i := m.arithm(a.Index)
	if i < 0 {
		return expand.Variable{}, fmt.Errorf("%s: bad array index", a.Name.Value)
	}
	old := m.vars[a.Name.Value]
	list, at := slices.Clone(old.List), slices.Clone(old.Indexes)
	if old.Kind == expand.String && old.Set {
		list = []string{old.Str}
	}
	if at == nil {
		for n := range list {
			at = append(at, n)
		}
	}
	val, err := "", error(nil)
	if a.Value != nil {
		val, err = m.literal(a.Value)
	}
	n, found := slices.BinarySearch(at, i)
	if found {
		list[n] = val
	} else {
		list, at = slices.Insert(list, n, val), slices.Insert(at, n, i)
	}
	return expand.Variable{Set: true, Kind: expand.Indexed, List: list, Indexes: at}, err
}

// declare is export, readonly, typeset and local.
func (m *machine) declare(c *syntax.DeclClause) {
	m.last = 0
	export, readonly := c.Variant.Value == "export", c.Variant.Value == "readonly"
	for _, a := range c.Args {
		if n := len(m.locals); n > 0 && !export && !readonly && a.Name != nil {
			if _, saved := m.locals[n-1][a.Name.Value]; !saved {
				m.locals[n-1][a.Name.Value] = m.vars[a.Name.Value]
				delete(m.vars, a.Name.Value)
			}
		}
		if a.Name == nil { // an option, or an expansion that gives name=value
			words, err := m.fields(a.Value)
			if err != nil {
				m.expandFailed(err)
				return
			}
			for _, w := range words {
				if opt, ok := strings.CutPrefix(w, "-"); ok {
					export = export || strings.Contains(opt, "x")
					readonly = readonly || strings.Contains(opt, "r")
				} else if name, val, ok := strings.Cut(w, "="); ok {
					m.assign(name, val)
					m.mark(name, export, readonly)
				} else {
					m.mark(w, export, readonly)
				}
			}
			continue
		}
		if !a.Naked && !m.assignment(a, export) {
			return
		}
		m.mark(a.Name.Value, export, readonly)
	}
}

func (m *machine) mark(name string, export, readonly bool) {
	v := m.vars[name]
	v.Exported, v.ReadOnly = v.Exported || export, v.ReadOnly || readonly
	if v.Set || export || readonly {
		m.vars[name] = v
	}
}

// run runs a command by its words.
func (m *machine) run(args []string) {
	if body := m.funcs[args[0]]; body != nil {
		params := m.params
		m.params = args[1:]
		m.depth++
		m.locals = append(m.locals, map[string]expand.Variable{})
		m.stmt(body)
		top := len(m.locals) - 1
		for k, v := range m.locals[top] {
			if v.Declared() {
				m.vars[k] = v
			} else {
				delete(m.vars, k)
			}
		}
		m.locals = m.locals[:top]
		m.depth--
		m.params = params
		if m.flow == flowReturn {
			m.flow = flowNone
		}
		return
	}
	if b := builtin(args[0]); b != nil {
		m.last = b(m, args) & 0xff
		return
	}
	m.last = m.program(m.ctx, args) & 0xff
}

// script runs a file as a shell of its own.
func (m *machine) script(name string, data []byte, params []string) int {
	m.params = params
	f, err := parse(string(data))
	if err != nil {
		m.complain("%s: %s", name, syntaxText(err))
		return 1
	}
	m.zero, m.name = name, name
	return m.file(f)
}

// lookPath finds a program: a name in /system/bin, or a path to a file that
// may be run.
func (m *machine) lookPath(name string) (string, error) {
	if !strings.Contains(name, "/") {
		name = "/system/bin/" + name
	}
	full := phone.Clean(m.dir, name)
	i, err := m.p.FS.Stat(m.cred, full)
	switch {
	case err != nil:
		return "", err
	case !i.IsRegular():
		return "", errno.EACCES
	}
	return full, m.p.FS.Access(m.cred, full, 1)
}

// program starts something outside the shell itself.
func (m *machine) program(ctx context.Context, args []string) int {
	name := args[0]
	run := find(name)
	if strings.Contains(name, "/") || run == nil {
		full, err := m.lookPath(name)
		if real, rerr := m.p.FS.RealPath(m.cred, full); err == nil && rerr == nil {
			full = real
		}
		switch {
		case errors.Is(err, errno.EACCES) && strings.Contains(name, "/"):
			m.complain("%s: can't execute: %v", name, err)
			return 126
		case err != nil:
			return m.notFound(name)
		}
		if run = find(path.Base(full)); run == nil || path.Dir(full) != "/system/bin" {
			data, err := m.p.FS.ReadFile(m.cred, full)
			if err != nil {
				m.complain("%s: can't execute: %v", name, err)
				return 126
			}
			if strings.HasPrefix(string(data), "\x7fELF") || slices.Contains(data[:min(len(data), 64)], 0) {
				m.complain("%s: not executable: 64-bit ELF file", name)
				return 126
			}
			c := m.fork()
			return c.script(name, data, args[1:])
		}
	}
	c := &call{machine: m, ctx: ctx, args: args, in: m.in, out: m.out, err: m.err}
	return c.guarded(run)
}

func (m *machine) notFound(name string) int {
	if m.p.API >= 29 {
		m.complain("%s: inaccessible or not found", name)
	} else {
		m.complain("%s: not found", name)
	}
	return 127
}

// call is one run of a program.
type call struct {
	*machine
	ctx  context.Context
	args []string // with the name in front
	in   io.Reader
	out  io.Writer
	err  io.Writer
}

func (c *call) guarded(run func(*call) int) (code int) {
	defer func() {
		if r := recover(); r != nil {
			code = c.crashed(r)
		}
	}()
	return run(c)
}

func (c *call) printf(format string, a ...any) { fmt.Fprintf(c.out, format, a...) }
func (c *call) errorf(format string, a ...any) { fmt.Fprintf(c.err, format, a...) }

// fail prints an error as toybox does and gives its code.
func (c *call) fail(what string, err error) int {
	fmt.Fprintf(c.err, "%s: %s: %v\n", c.args[0], what, err)
	return 1
}
