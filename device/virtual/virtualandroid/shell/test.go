package shell

import (
	"regexp"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/errno"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// test is test(1): 0 true, 1 false, 2 wrong.
func (m *machine) test(args []string) int {
	name := args[0]
	args = args[1:]
	if name == "[" || name == "[[" {
		close := "]"
		if name == "[[" {
			close = "]]"
		}
		if len(args) == 0 || args[len(args)-1] != close {
			m.complain("%s: missing %s", name, close)
			return 2
		}
		args = args[:len(args)-1]
	}
	t := &tester{m: m, args: args}
	ok := t.or()
	if t.bad == "" && len(t.args) > 0 {
		t.bad = t.args[0] + ": unexpected operator/operand"
	}
	switch {
	case strings.HasSuffix(t.bad, "bad number"):
		m.complain("%s: %v", t.bad, errno.EINVAL)
		return 2
	case t.bad != "":
		m.complain("%s: %s", name, t.bad)
		return 2
	}
	return b2i(!ok)
}

// tester parses test's arguments as it evaluates them.
type tester struct {
	m    *machine
	args []string
	bad  string
	deep int
}

func (t *tester) next() string {
	if len(t.args) == 0 {
		return ""
	}
	a := t.args[0]
	t.args = t.args[1:]
	return a
}

func (t *tester) peek(a string) bool { return len(t.args) > 0 && t.args[0] == a }

func (t *tester) or() bool {
	ok := t.and()
	for t.bad == "" && t.peek("-o") {
		t.next()
		ok = t.and() || ok
	}
	return ok
}

func (t *tester) and() bool {
	ok := t.not()
	for t.bad == "" && t.peek("-a") {
		t.next()
		ok = t.not() && ok
	}
	return ok
}

func (t *tester) not() bool {
	if t.deep++; t.deep > maxDepth {
		t.bad = "nested too deeply"
		return false
	}
	defer func() { t.deep-- }()
	if len(t.args) > 1 && t.args[0] == "!" && !(len(t.args) == 3 && isBinary(t.args[1])) {
		t.next()
		return !t.not()
	}
	return t.primary()
}

func isBinary(op string) bool {
	switch op {
	case "=", "==", "!=", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef":
		return true
	}
	return false
}

func (t *tester) primary() bool {
	if len(t.args) == 0 {
		return false
	}
	if len(t.args) >= 3 && isBinary(t.args[1]) {
		a, op, b := t.next(), t.next(), t.next()
		return t.binary(op, a, b)
	}
	if t.peek("(") && len(t.args) > 1 {
		t.next()
		ok := t.or()
		if t.next() != ")" {
			t.bad = "missing )"
		}
		return ok
	}
	if len(t.args) == 2 && isBinary(t.args[1]) {
		t.bad = t.args[1] + ": missing second argument"
		return false
	}
	a := t.next()
	if len(a) == 2 && a[0] == '-' && len(t.args) > 0 && strings.ContainsRune("abcdefgGhknLoOprsStuwxz", rune(a[1])) && !t.peek("-a") && !t.peek("-o") {
		return t.m.fileTest(a, t.next())
	}
	return a != ""
}

func (t *tester) binary(op, a, b string) bool {
	switch op {
	case "=", "==":
		return a == b
	case "!=":
		return a != b
	case "<":
		return a < b
	case ">":
		return a > b
	case "-nt", "-ot", "-ef":
		return t.m.compareFiles(op, a, b)
	}
	return compareInts(op, t.number(a), t.number(b))
}

// number evaluates an operand: a number, or a variable that holds one.
func (t *tester) number(s string) int {
	for range 8 {
		s = strings.TrimSpace(s)
		if n, err := strconv.Atoi(s); err == nil {
			return n
		}
		if !syntax.ValidName(s) {
			break
		}
		if s = t.m.Get(s).String(); s == "" {
			return 0
		}
	}
	if s != "" {
		t.bad = s + ": bad number"
	}
	return 0
}

func compareInts(op string, x, y int) bool {
	switch op {
	case "-eq":
		return x == y
	case "-ne":
		return x != y
	case "-lt":
		return x < y
	case "-le":
		return x <= y
	case "-gt":
		return x > y
	}
	return x >= y
}

func (m *machine) compareFiles(op, a, b string) bool {
	x, errX := m.p.FS.Stat(m.cred, m.abs(a))
	y, errY := m.p.FS.Stat(m.cred, m.abs(b))
	switch op {
	case "-nt":
		return errX == nil && (errY != nil || x.MTime.After(y.MTime))
	case "-ot":
		return errY == nil && (errX != nil || y.MTime.After(x.MTime))
	}
	return errX == nil && errY == nil && x.Ino == y.Ino
}

// fileTest is a test with one operand.
func (m *machine) fileTest(op, a string) bool {
	switch op {
	case "-z":
		return a == ""
	case "-n":
		return a != ""
	case "-t":
		return m.tty
	case "-o":
		return a == "errexit" && m.opts.errexit || a == "nounset" && m.opts.nounset
	case "-r":
		return m.p.FS.Access(m.cred, m.abs(a), 4) == nil
	case "-w":
		return m.p.FS.Access(m.cred, m.abs(a), 2) == nil
	case "-x":
		return m.p.FS.Access(m.cred, m.abs(a), 1) == nil
	case "-L", "-h":
		i, err := m.p.FS.Lstat(m.cred, m.abs(a))
		return err == nil && i.Mode&phone.ModeFmt == phone.ModeLink
	}
	i, err := m.p.FS.Stat(m.cred, m.abs(a))
	if err != nil {
		return false
	}
	switch op {
	case "-e", "-a":
		return true
	case "-f":
		return i.IsRegular()
	case "-d":
		return i.IsDir()
	case "-c":
		return i.Mode&phone.ModeFmt == phone.ModeChar
	case "-s":
		return i.Size > 0
	case "-O":
		return i.UID == m.cred.UID
	case "-G":
		return i.GID == m.cred.UID
	case "-k":
		return i.Mode&0o1000 != 0
	case "-u":
		return i.Mode&0o4000 != 0
	case "-g":
		return i.Mode&0o2000 != 0
	}
	return false
}

// testExpr evaluates [[ … ]]; "" is false.
func (m *machine) testExpr(x syntax.TestExpr) string {
	word := func(x syntax.TestExpr) string {
		w, ok := x.(*syntax.Word)
		if !ok {
			return m.testExpr(x)
		}
		s, err := m.literal(w)
		if err != nil {
			m.expandFailed(err)
		}
		return s
	}
	truth := func(ok bool) string {
		if ok {
			return "1"
		}
		return ""
	}
	switch x := x.(type) {
	case *syntax.Word:
		return word(x)
	case *syntax.ParenTest:
		return m.testExpr(x.X)
	case *syntax.UnaryTest:
		if x.Op == syntax.TsNot {
			return truth(m.testExpr(x.X) == "")
		}
		return truth(m.fileTest(x.Op.String(), word(x.X)))
	case *syntax.BinaryTest:
		switch x.Op {
		case syntax.AndTest:
			return truth(m.testExpr(x.X) != "" && m.testExpr(x.Y) != "")
		case syntax.OrTest:
			return truth(m.testExpr(x.X) != "" || m.testExpr(x.Y) != "")
		case syntax.TsMatchShort, syntax.TsMatch, syntax.TsNoMatch:
			if w, ok := x.Y.(*syntax.Word); ok {
				return truth(m.matches(w, word(x.X)) == (x.Op != syntax.TsNoMatch))
			}
		case syntax.TsReMatch:
			rx, err := regexp.Compile(word(x.Y))
			return truth(err == nil && rx.MatchString(word(x.X)))
		}
		t := &tester{m: m}
		return truth(t.binary(x.Op.String(), word(x.X), word(x.Y)))
	}
	return ""
}
