package shell

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/errno"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

const (
	oRead      = os.O_RDONLY
	oWrite     = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	oAppend    = os.O_WRONLY | os.O_CREATE | os.O_APPEND
	oReadWrite = os.O_RDWR | os.O_CREATE
)

// builtin finds a command that only the shell itself can do.
func builtin(name string) func(*machine, []string) int {
	switch name {
	case ":":
		return func(*machine, []string) int { return 0 }
	case "exit", "return", "break", "continue":
		return (*machine).leave
	case "cd":
		return (*machine).cd
	case "pwd":
		return func(m *machine, _ []string) int { fmt.Fprintln(m.out, m.dir); return 0 }
	case "set":
		return (*machine).set
	case "shift":
		return (*machine).shift
	case "unset":
		return (*machine).unset
	case "read":
		return (*machine).read
	case "eval":
		return func(m *machine, args []string) int { return m.source(strings.Join(args[1:], " "), nil) }
	case ".", "source":
		return (*machine).dot
	case "exec":
		return (*machine).exec
	case "command", "builtin":
		return (*machine).command
	case "type", "whence":
		return (*machine).kind
	case "wait":
		return (*machine).wait
	case "trap":
		return (*machine).setTrap
	case "umask":
		return (*machine).setUmask
	case "ulimit", "alias", "unalias", "hash", "times", "getopts", "jobs":
		return func(*machine, []string) int { return 0 }
	case "test", "[", "[[":
		return func(m *machine, args []string) int { return m.test(args) }
	case "sh", "/system/bin/sh", "mksh":
		return (*machine).sh
	}
	return nil
}

func (m *machine) leave(args []string) int {
	n := m.last
	if len(args) > 1 {
		v, err := strconv.Atoi(args[1])
		if err != nil {
			m.complain("%s: bad number: %s", args[0], args[1])
			m.flow = flowExit
			return 1
		}
		n = v
	}
	switch args[0] {
	case "exit":
		m.flow = flowExit
		return n
	case "return":
		m.flow = flowReturn
		return n
	}
	if m.loops == 0 {
		m.complain("%s: can't %s", args[0], args[0])
		return 0
	}
	m.levels, m.flow = 1, flowBreak
	if len(args) > 1 {
		m.levels = min(max(n, 1), m.loops)
	}
	if args[0] == "continue" {
		m.flow = flowContinue
	}
	return 0
}

func (m *machine) cd(args []string) int {
	to := m.Get("HOME").String()
	if len(args) > 1 {
		to = args[1]
	}
	if to == "-" {
		to = m.Get("OLDPWD").String()
		fmt.Fprintln(m.out, to)
	}
	dir := phone.Clean(m.dir, to)
	i, err := m.p.FS.Stat(m.cred, dir)
	if err == nil && !i.IsDir() {
		err = errno.ENOTDIR
	}
	if err == nil {
		err = m.p.FS.Access(m.cred, dir, 1)
	}
	if err != nil {
		m.complain("cd: %s: %v", dir, err)
		return 2
	}
	m.setDir(dir)
	return 0
}

func (m *machine) set(args []string) int {
	for i, a := range args[1:] {
		switch {
		case a == "--":
			m.params = args[i+2:]
			return 0
		case len(a) < 2 || a[0] != '-' && a[0] != '+':
			m.params = args[i+1:]
			return 0
		}
		on := a[0] == '-'
		for _, c := range a[1:] {
			switch c {
			case 'e':
				m.opts.errexit = on
			case 'u':
				m.opts.nounset = on
			case 'f':
				m.opts.noglob = on
			case 'x':
				m.opts.xtrace = on
			}
		}
	}
	m.configure()
	return 0
}

func (m *machine) shift(args []string) int {
	n := 1
	if len(args) > 1 {
		n, _ = strconv.Atoi(args[1])
	}
	if n < 0 || n > len(m.params) {
		m.complain("shift: nothing to shift")
		return 1
	}
	m.params = m.params[n:]
	return 0
}

func (m *machine) unset(args []string) int {
	for _, a := range args[1:] {
		if a == "-f" || a == "-v" {
			continue
		}
		if m.vars[a].ReadOnly {
			m.complain("read-only: %s", a)
			return 1
		}
		delete(m.vars, a)
		if args[1] == "-f" {
			delete(m.funcs, a)
		}
	}
	return 0
}

func (m *machine) read(args []string) int {
	args = args[1:]
	raw := false
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		raw = raw || strings.Contains(args[0], "r")
		if args[0] == "-p" && len(args) > 1 {
			args = args[1:]
		}
		args = args[1:]
	}
	line, err := readLine(m.in)
	for err == nil && !raw && strings.HasSuffix(line, "\\\n") {
		var more string
		more, err = readLine(m.in)
		line = strings.TrimSuffix(line, "\\\n") + more
	}
	if len(args) == 0 {
		args = []string{"REPLY"}
	}
	vals := expand.ReadFields(m.cfg, strings.TrimSuffix(line, "\n"), len(args), raw)
	for i, name := range args {
		v := ""
		if i < len(vals) {
			v = vals[i]
		}
		if !m.assign(name, v) {
			return 2
		}
	}
	return b2i(err != nil)
}

// setTrap keeps what to do at EXIT; there are no other signals.
func (m *machine) setTrap(args []string) int {
	if len(args) < 2 {
		if m.trap != "" {
			fmt.Fprintf(m.out, "trap -- '%s' EXIT\n", m.trap)
		}
		return 0
	}
	action, signals := args[1], args[2:]
	if len(signals) == 0 {
		action, signals = "-", args[1:]
	}
	if slices.Contains(signals, "EXIT") || slices.Contains(signals, "0") {
		if m.trap = action; action == "-" {
			m.trap = ""
		}
	}
	return 0
}

func (m *machine) setUmask(args []string) int {
	if len(args) < 2 {
		fmt.Fprintf(m.out, "%03o\n", m.umask)
		return 0
	}
	n, err := strconv.ParseUint(args[1], 8, 32)
	if err != nil {
		m.complain("umask: bad number")
		return 1
	}
	m.umask = uint32(n) & 0o777
	return 0
}

// wait waits for what was started with &.
func (m *machine) wait(args []string) int {
	for _, a := range args[1:] {
		if a != strconv.Itoa(m.lastBG) {
			return 127
		}
	}
	waitOrDone(m.ctx, &m.bg)
	return 0
}

// source runs a program in this shell.
func (m *machine) source(text string, params []string) int {
	if len(text) > maxString {
		m.complain("out of memory")
		return 1
	}
	f, err := parse(text)
	if err != nil {
		m.complain("%s", syntaxText(err))
		m.flow = flowExit
		return 1
	}
	if params != nil {
		old := m.params
		m.params = params
		defer func() { m.params = old }()
	}
	m.last = 0
	m.depth++
	m.stmts(f.Stmts)
	m.depth--
	return m.last
}

func (m *machine) dot(args []string) int {
	if len(args) < 2 {
		m.complain(".: missing argument")
		return 1
	}
	data, err := m.p.FS.ReadFile(m.cred, m.abs(args[1]))
	if err != nil {
		m.complain(".: %s: %v", args[1], err)
		return 1
	}
	var params []string
	if len(args) > 2 {
		params = args[2:]
	}
	code := m.source(string(data), params)
	if m.flow == flowReturn {
		m.flow = flowNone
	}
	return code
}

func (m *machine) exec(args []string) int {
	if len(args) == 1 {
		m.keep = true
		return 0
	}
	args = args[1:]
	if len(args) > 1 && args[0] == "-a" {
		args = args[2:]
	}
	if len(args) > 0 {
		m.last = 0
		if b := builtin(args[0]); b != nil && strings.HasSuffix(args[0], "sh") {
			m.last = b(m, args)
		} else {
			m.last = m.program(m.ctx, args)
		}
	}
	m.flow = flowExit
	return m.last
}

func (m *machine) command(args []string) int {
	if len(args) > 1 && (args[1] == "-v" || args[1] == "-V") {
		return m.kind(append([]string{args[1]}, args[2:]...))
	}
	args = args[1:]
	if len(args) > 0 && args[0] == "-p" {
		args = args[1:]
	}
	if len(args) == 0 {
		return 0
	}
	if b := builtin(args[0]); b != nil {
		return b(m, args)
	}
	return m.program(m.ctx, args)
}

// kind is type, whence and command -v.
func (m *machine) kind(args []string) int {
	code := 0
	verbose := args[0] == "type" || args[0] == "-V"
	for _, a := range args[1:] {
		if strings.HasPrefix(a, "-") {
			continue
		}
		where, isFile := "", false
		switch {
		case m.funcs[a] != nil:
			where = a + " is a function"
		case builtin(a) != nil && a != "sh", slices.Contains([]string{"echo", "printf", "true", "false", "kill", "print"}, a):
			where = a + " is a shell builtin"
		default:
			if p, err := m.lookPath(a); err == nil {
				where, isFile = a+" is a tracked alias for "+p, true
				if !verbose {
					where = p
				}
			}
		}
		switch {
		case where == "":
			code = 1
			if verbose {
				fmt.Fprintf(m.out, "%s not found\n", a)
			}
		case verbose || isFile:
			fmt.Fprintln(m.out, where)
		default:
			fmt.Fprintln(m.out, a)
		}
	}
	return code
}

// sh is a shell in the shell: -c LINE, a script, or stdin.
func (m *machine) sh(args []string) int {
	c := m.fork()
	c.funcs = map[string]*syntax.Stmt{}
	c.opts = options{}
	c.zero, c.name = args[0], args[0]
	if c.depth > maxDepth {
		m.complain("nested too deeply")
		return 1
	}
	for k, v := range c.vars {
		if !v.Exported && k != "IFS" && k != "OPTIND" {
			delete(c.vars, k)
		}
	}
	c.configure()
	args = args[1:]
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		flags := args[0][1:]
		c.opts.errexit = c.opts.errexit || strings.Contains(flags, "e")
		c.opts.xtrace = c.opts.xtrace || strings.Contains(flags, "x")
		args = args[1:]
		if strings.Contains(flags, "c") {
			if len(args) == 0 {
				m.complain("-c: requires argument")
				return 1
			}
			c.params = nil
			if len(args) > 1 {
				c.zero, c.params = args[1], args[2:]
			}
			return c.line(args[0])
		}
	}
	if len(args) == 0 {
		c.tty = false
		return c.interactive()
	}
	data, err := m.p.FS.ReadFile(m.cred, m.abs(args[0]))
	if err != nil {
		c.complain("%s: %v", args[0], err)
		return 127
	}
	return c.script(args[0], data, args[1:])
}
