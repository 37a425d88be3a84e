package shell

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

type flow uint8

const (
	flowNone flow = iota
	flowBreak
	flowContinue
	flowReturn
	flowExit
)

// machine is one shell process, or subshell.
type machine struct {
	*session
	ctx    context.Context
	vars   map[string]expand.Variable
	funcs  map[string]*syntax.Stmt
	params []string
	zero   string // $0
	name   string // as errors print it
	dir    string
	in     io.Reader
	out    io.Writer
	err    io.Writer
	last   int
	lastBG int
	flow   flow
	levels int // of break and continue still to leave
	loops  int
	depth  int
	quiet  int // inside a condition: errexit does not count
	opts   options
	cfg    *expand.Config
	substs int                          // status of the last command substitution in a word; -1 none
	locals []map[string]expand.Variable // what to restore as functions return
	trap   string                       // for EXIT
	umask  uint32
	keep   bool // exec without a command: its redirections stay
}

type options struct{ errexit, nounset, noglob, xtrace bool }

func newMachine(ctx context.Context, s *session) *machine {
	m := &machine{session: s, ctx: ctx, vars: map[string]expand.Variable{}, funcs: map[string]*syntax.Stmt{}, zero: "/system/bin/sh", name: "/system/bin/sh", in: strings.NewReader(""), out: io.Discard, err: io.Discard}
	user := phone.UserName(s.cred.UID)
	home := "/"
	if s.runAs != "" {
		home = s.p.DataDir(s.runAs, s.cred.UID/phone.PerUser)
	}
	for k, v := range map[string]string{
		"PATH": "/product/bin:/apex/com.android.runtime/bin:/apex/com.android.art/bin:/system_ext/bin:/system/bin:/system/xbin:/odm/bin:/vendor/bin:/vendor/xbin",
		"HOME": home, "USER": user, "LOGNAME": user, "SHELL": "/system/bin/sh", "TMPDIR": "/data/local/tmp", "HOSTNAME": s.p.Property("ro.product.device"),
		"ANDROID_ROOT": "/system", "ANDROID_DATA": "/data", "ANDROID_STORAGE": "/storage", "EXTERNAL_STORAGE": "/sdcard", "ANDROID_BOOTLOGO": "1", "ANDROID_ASSETS": "/system/app", "ASEC_MOUNTPOINT": "/mnt/asec",
	} {
		m.vars[k] = expand.Variable{Set: true, Exported: true, Kind: expand.String, Str: v}
	}
	m.vars["IFS"] = text(" \t\n")
	m.vars["OPTIND"] = text("1")
	m.setDir("/")
	m.configure()
	return m
}

func text(s string) expand.Variable {
	return expand.Variable{Set: true, Kind: expand.String, Str: s}
}

func (m *machine) setDir(dir string) {
	m.dir = dir
	v := m.vars["PWD"]
	m.vars["PWD"] = expand.Variable{Set: true, Exported: true, Kind: expand.String, Str: dir}
	if v.Set {
		v.Exported = false
		m.vars["OLDPWD"] = v
	}
}

// fork makes a subshell.
func (m *machine) fork() *machine {
	c := *m
	c.vars, c.funcs, c.params = maps.Clone(m.vars), maps.Clone(m.funcs), slices.Clone(m.params)
	c.depth++
	c.loops, c.quiet = 0, m.quiet
	c.flow, c.levels = flowNone, 0
	c.locals, c.trap, c.keep = nil, "", false
	c.configure()
	return &c
}

// finish ends a shell and gives its exit code.
func (m *machine) finish() int {
	m.flow = flowNone
	return m.last & 0xff
}

// goner is an output whose reader went away.
type goner interface{ gone() bool }

// stop reports whether to stop here: something left the block, the context
// ended, or nobody reads what is printed (SIGPIPE).
func (m *machine) stop() bool {
	if m.flow != flowNone {
		return true
	}
	if m.ctx.Err() != nil {
		m.last, m.flow = 130, flowExit
		return true
	}
	if g, ok := m.out.(goner); ok && g.gone() {
		m.last, m.flow = 141, flowExit
		return true
	}
	return false
}

func (m *machine) stmts(list []*syntax.Stmt) {
	for _, st := range list {
		if m.stop() {
			return
		}
		m.stmt(st)
	}
}

func (m *machine) stmt(st *syntax.Stmt) {
	if m.depth > maxDepth {
		m.complain("nested too deeply")
		m.last, m.flow = 1, flowExit
		return
	}
	if st.Background || st.Coprocess {
		m.background(st)
		return
	}
	if st.Negated {
		m.quiet++
	}
	m.redirected(st.Redirs, func() {
		if st.Cmd == nil {
			m.last = 0
			return
		}
		m.cmd(st.Cmd)
	})
	if st.Negated {
		m.quiet--
		if m.flow == flowNone {
			m.last = b2i(m.last == 0)
		}
		return
	}
	if m.last != 0 && m.opts.errexit && m.quiet == 0 && m.flow == flowNone {
		if bin, ok := st.Cmd.(*syntax.BinaryCmd); !ok || bin.Op != syntax.AndStmt && bin.Op != syntax.OrStmt {
			m.flow = flowExit
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (m *machine) background(st *syntax.Stmt) {
	c := m.fork()
	c.in = strings.NewReader("")
	copied := *st
	copied.Background, copied.Coprocess = false, false
	m.lastBG = m.p.Spawn(m.cred.UID, "sh")
	pid := m.lastBG
	m.bg.Add(1)
	go func() {
		defer m.bg.Done()
		defer m.p.Exit(pid)
		c.guard(func() { c.stmt(&copied) })
	}()
	m.last = 0
}

// guard runs f on this goroutine with panics fenced.
func (m *machine) guard(f func()) {
	defer func() {
		if r := recover(); r != nil {
			m.last, m.flow = m.crashed(r), flowExit
		}
	}()
	f()
}

func (m *machine) cmd(cmd syntax.Command) {
	if m.stop() {
		return
	}
	m.depth++
	defer func() { m.depth-- }()
	switch c := cmd.(type) {
	case *syntax.CallExpr:
		m.call(c)
	case *syntax.Block:
		m.stmts(c.Stmts)
	case *syntax.Subshell:
		s := m.fork()
		s.stmts(c.Stmts)
		m.last = s.quit()
	case *syntax.BinaryCmd:
		m.binary(c)
	case *syntax.IfClause:
		m.branch(c)
	case *syntax.WhileClause:
		m.loop(c)
	case *syntax.ForClause:
		m.forEach(c)
	case *syntax.CaseClause:
		m.choose(c)
	case *syntax.FuncDecl:
		if c.Name != nil {
			m.funcs[c.Name.Value] = c.Body
		}
		m.last = 0
	case *syntax.DeclClause:
		m.declare(c)
	case *syntax.ArithmCmd:
		m.last = b2i(m.arithm(c.X) == 0)
	case *syntax.LetClause:
		n := 0
		for _, x := range c.Exprs {
			n = m.arithm(x)
		}
		m.last = b2i(n == 0)
	case *syntax.TestClause:
		m.last = b2i(m.testExpr(c.X) == "")
	case *syntax.TimeClause:
		if c.Stmt != nil {
			m.stmt(c.Stmt)
		}
		io.WriteString(m.err, "    0m00.00s real     0m00.00s user     0m00.00s system\n")
	default:
		m.complain("syntax error: unexpected command")
		m.last = 1
	}
}

func (m *machine) binary(c *syntax.BinaryCmd) {
	switch c.Op {
	case syntax.AndStmt, syntax.OrStmt:
		m.quiet++
		m.stmt(c.X)
		m.quiet--
		if m.flow == flowNone && (m.last == 0) == (c.Op == syntax.AndStmt) {
			m.stmt(c.Y)
		}
	default:
		m.pipeline(c)
	}
}

// pipeline runs both sides as subshells, as mksh does.
func (m *machine) pipeline(c *syntax.BinaryCmd) {
	pr, pw := io.Pipe()
	left, right := m.fork(), m.fork()
	out := &syncWriter{w: pw}
	left.out = out
	if c.Op == syntax.PipeAll {
		left.err = out
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer pw.Close()
		left.guard(func() { left.stmt(c.X) })
	}()
	right.in = pr
	right.stmt(c.Y)
	pr.Close()
	<-done
	m.last = right.finish()
}

func (m *machine) condition(list []*syntax.Stmt) bool {
	m.quiet++
	m.stmts(list)
	m.quiet--
	return m.last == 0
}

func (m *machine) branch(c *syntax.IfClause) {
	for ; c != nil; c = c.Else {
		if len(c.Cond) == 0 { // else
			m.stmts(c.Then)
			return
		}
		yes := m.condition(c.Cond)
		if m.flow != flowNone {
			return
		}
		if yes {
			m.stmts(c.Then)
			return
		}
	}
	m.last = 0
}

// looped runs a loop's body once; it reports whether to go on.
func (m *machine) looped(body []*syntax.Stmt) bool {
	m.loops++
	m.stmts(body)
	m.loops--
	switch m.flow {
	case flowNone:
		return true
	case flowBreak, flowContinue:
		if m.levels--; m.levels > 0 {
			return false
		}
		again := m.flow == flowContinue
		m.flow = flowNone
		return again
	}
	return false
}

func (m *machine) loop(c *syntax.WhileClause) {
	status := 0
	for !m.stop() {
		yes := m.condition(c.Cond)
		if m.flow != flowNone {
			return
		}
		if yes == c.Until {
			break
		}
		more := m.looped(c.Do)
		status = m.last
		if !more {
			break
		}
	}
	if m.flow == flowNone {
		m.last = status
	}
}

func (m *machine) forEach(c *syntax.ForClause) {
	it, ok := c.Loop.(*syntax.WordIter)
	if !ok || c.Select {
		m.complain("syntax error: unexpected '('")
		m.last = 1
		return
	}
	items := m.params
	if it.InPos.IsValid() {
		var err error
		if items, err = m.fields(it.Items...); err != nil {
			m.expandFailed(err)
			return
		}
	}
	m.last = 0
	for _, v := range items {
		if m.stop() || !m.assign(it.Name.Value, v) || !m.looped(c.Do) {
			break
		}
	}
}

func (m *machine) choose(c *syntax.CaseClause) {
	word, err := m.literal(c.Word)
	if err != nil {
		m.expandFailed(err)
		return
	}
	m.last = 0
	fall := false
	for _, item := range c.Items {
		if !fall && !slices.ContainsFunc(item.Patterns, func(p *syntax.Word) bool { return m.matches(p, word) }) {
			continue
		}
		m.stmts(item.Stmts)
		if fall = item.Op == syntax.Fallthrough; !fall {
			return
		}
	}
}

func (m *machine) expandFailed(err error) {
	text := strings.TrimSuffix(err.Error(), "\n")
	switch {
	case strings.HasSuffix(text, ": unbound variable"):
		text = strings.TrimSuffix(text, "unbound variable") + "parameter not set"
	case strings.HasSuffix(text, ":") || strings.HasSuffix(text, ": "):
		text = strings.TrimRight(text, " ") + " parameter null or not set"
	}
	m.complain("%s", text)
	m.last, m.flow = 1, flowExit
}

// assign sets a plain variable; false if it is read-only.
func (m *machine) assign(name, value string) bool {
	if err := m.Set(name, text(value)); err != nil {
		m.complain("%v", err)
		m.last, m.flow = 2, flowExit
		return false
	}
	return true
}

// environ is what a command started now gets.
func (m *machine) environ() []string {
	var out []string
	for k, v := range m.vars {
		if v.Exported && v.Set && v.Kind == expand.String {
			out = append(out, k+"="+v.Str)
		}
	}
	slices.Sort(out)
	return out
}

// Get gives a variable to the expansions.
func (m *machine) Get(name string) expand.Variable {
	switch name {
	case "#":
		return text(strconv.Itoa(len(m.params)))
	case "@", "*":
		list := m.params
		if list == nil {
			list = []string{}
		}
		return expand.Variable{Set: true, Kind: expand.Indexed, List: list}
	case "?":
		return text(strconv.Itoa(m.last & 0xff))
	case "$":
		return text(strconv.Itoa(m.pid))
	case "PPID":
		return text("884")
	case "!":
		if m.lastBG == 0 {
			return expand.Variable{}
		}
		return text(strconv.Itoa(m.lastBG))
	case "-":
		return text("c")
	case "0":
		return text(m.zero)
	case "RANDOM":
		return text(strconv.Itoa(int(uint32(m.p.Now().UnixNano())*2654435761>>17) & 0x7fff))
	case "UID", "EUID", "USER_ID":
		return text(strconv.Itoa(m.cred.UID))
	case "LINENO":
		return text("1")
	}
	if n, err := strconv.Atoi(name); err == nil && n > 0 {
		if n <= len(m.params) {
			return text(m.params[n-1])
		}
		return expand.Variable{}
	}
	if user, ok := strings.CutPrefix(name, "HOME "); ok {
		return text("~" + user) // no other user has a home, and the host's are not to be asked
	}
	return m.vars[name]
}

// Each lists the variables.
func (m *machine) Each(f func(string, expand.Variable) bool) {
	for k, v := range m.vars {
		if !f(k, v) {
			return
		}
	}
}

// Set sets a variable for the expansions (${x:=y}, arithmetic).
func (m *machine) Set(name string, v expand.Variable) error {
	old := m.vars[name]
	if old.ReadOnly {
		return fmt.Errorf("read-only: %s", name)
	}
	if !v.IsSet() && v.Kind != expand.KeepValue {
		delete(m.vars, name)
		return nil
	}
	if v.Kind == expand.KeepValue {
		v.Kind, v.Str, v.List, v.Set = old.Kind, old.Str, old.List, old.Set
	} else {
		v.Exported = v.Exported || old.Exported
	}
	if len(v.Str) > maxString {
		return fmt.Errorf("%s: too long", name)
	}
	m.vars[name] = v
	return nil
}
