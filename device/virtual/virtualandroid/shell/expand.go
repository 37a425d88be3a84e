package shell

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/errno"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// configure sets up the expansions to see this machine alone.
func (m *machine) configure() {
	m.cfg = &expand.Config{Env: m, CmdSubst: m.substitute, NoUnset: m.opts.nounset, ReadDir2: m.readDir,
		ProcSubst: func(*syntax.ProcSubst) (string, error) { return "", errors.New("syntax error: unexpected '('") }}
	if m.opts.noglob {
		m.cfg.ReadDir2 = nil
	}
}

// substitute runs $(…).
func (m *machine) substitute(w io.Writer, cs *syntax.CmdSubst) error {
	c := m.fork()
	if c.depth > maxDepth {
		return errors.New("nested too deeply")
	}
	buf := &limitBuffer{}
	c.out = buf
	if r := onlyInput(cs.Stmts); r != nil { // $(<file)
		name, err := m.literal(r.Word)
		if err != nil {
			return err
		}
		data, err := m.p.FS.ReadFile(m.cred, m.abs(name))
		if err != nil {
			m.complain("can't open %s: %v", name, err)
			m.substs = 1
			return nil
		}
		_, err = w.Write(data)
		return err
	}
	c.stmts(cs.Stmts)
	m.substs = c.finish()
	if buf.over {
		return errors.New("out of memory")
	}
	_, err := w.Write(buf.b.Bytes())
	return err
}

func onlyInput(list []*syntax.Stmt) *syntax.Redirect {
	if len(list) != 1 || list[0].Cmd != nil || len(list[0].Redirs) != 1 || list[0].Redirs[0].Op != syntax.RdrIn {
		return nil
	}
	return list[0].Redirs[0]
}

func (m *machine) readDir(dir string) ([]fs.DirEntry, error) {
	name := m.abs(filepath.ToSlash(dir))
	list, err := m.p.FS.List(m.cred, name)
	if errors.Is(err, errno.EACCES) {
		// The matcher lists directories also to see that they are there, and
		// one that can't be listed, such as /data, may be passed through.
		if info, serr := m.p.FS.Stat(m.cred, name); serr == nil && info.IsDir() {
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

// dirEntry shows a file of the phone to the glob matcher.
type dirEntry struct{ i phone.Info }

func (d dirEntry) Name() string               { return d.i.Name }
func (d dirEntry) IsDir() bool                { return d.i.IsDir() }
func (d dirEntry) Type() fs.FileMode          { return d.i.FileMode().Type() }
func (d dirEntry) Info() (fs.FileInfo, error) { return d, nil }
func (d dirEntry) Size() int64                { return d.i.Size }
func (d dirEntry) Mode() fs.FileMode          { return d.i.FileMode() }
func (d dirEntry) ModTime() time.Time         { return d.i.MTime }
func (d dirEntry) Sys() any                   { return nil }

// abs makes a path absolute where this shell is.
func (m *machine) abs(name string) string {
	if name == "" {
		return ""
	}
	if !strings.HasPrefix(name, "/") {
		name = path.Join(m.dir, name) + slashOf(name)
	}
	return name
}

func slashOf(name string) string {
	if strings.HasSuffix(name, "/") && name != "/" {
		return "/"
	}
	return ""
}

// prepare replaces what mksh does differently from the library before a word
// is expanded: arithmetic is done in 32 bits, and {1..3} is no sequence.
func (m *machine) prepare(w *syntax.Word) (*syntax.Word, error) {
	if w == nil {
		return w, nil
	}
	parts, err := m.prepareParts(w.Parts, false)
	if err != nil || parts == nil {
		return w, err
	}
	c := *w
	c.Parts = parts
	return &c, nil
}

var sequence = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\{[^{},]*\.\.[^{},]*\}`)
})

// prepareParts returns the parts changed, or nil if there is nothing to change.
func (m *machine) prepareParts(parts []syntax.WordPart, quoted bool) ([]syntax.WordPart, error) {
	var out []syntax.WordPart
	for i, p := range parts {
		var now syntax.WordPart
		switch p := p.(type) {
		case *syntax.ArithmExp:
			n, err := expand.Arithm(m.cfg, p.X)
			if err != nil {
				return nil, m.arithmText(p.X, err)
			}
			now = &syntax.SglQuoted{Value: strconv.Itoa(int(int32(n)))}
			if quoted {
				now = &syntax.Lit{Value: strconv.Itoa(int(int32(n)))}
			}
		case *syntax.Lit:
			if !quoted && strings.Contains(p.Value, "..") && sequence().MatchString(p.Value) {
				now = &syntax.Lit{Value: sequence().ReplaceAllStringFunc(p.Value, func(s string) string { return `\` + s })}
			}
		case *syntax.DblQuoted:
			inner, err := m.prepareParts(p.Parts, true)
			if err != nil {
				return nil, err
			}
			if inner != nil {
				now = &syntax.DblQuoted{Dollar: p.Dollar, Parts: inner}
			}
		}
		if now == nil {
			continue
		}
		if out == nil {
			out = slices.Clone(parts)
		}
		out[i] = now
	}
	return out, nil
}

// arithmText words an arithmetic error as mksh does: with the expression.
func (m *machine) arithmText(x syntax.ArithmExpr, err error) error {
	if !strings.Contains(err.Error(), "division by zero") {
		return err
	}
	var b strings.Builder
	_ = syntax.NewPrinter(syntax.Minify(true)).Print(&b, &syntax.Word{Parts: []syntax.WordPart{&syntax.ArithmExp{X: x}}})
	text := strings.TrimSuffix(strings.TrimPrefix(b.String(), "$(("), "))")
	return errors.New(strings.NewReplacer(" ", "", "\\\n", "", "\n", "").Replace(text) + ": zero divisor")
}

// literal expands a word to one string.
func (m *machine) literal(w *syntax.Word) (string, error) {
	w, err := m.prepare(w)
	if err != nil {
		return "", err
	}
	return expand.Literal(m.cfg, w)
}

func (m *machine) fields(words ...*syntax.Word) ([]string, error) {
	var out []string
	size := 0
	for _, w := range words {
		w, err := m.prepare(w)
		if err != nil {
			return nil, err
		}
		for f, err := range expand.FieldsSeq(m.cfg, w) {
			if err != nil {
				return nil, err
			}
			if size += len(f) + 16; size > 4*maxString {
				return nil, errors.New("Argument list too long")
			}
			out = append(out, f)
		}
	}
	return out, nil
}

func (m *machine) arithm(x syntax.ArithmExpr) int {
	n, err := expand.Arithm(m.cfg, x)
	if err != nil {
		m.expandFailed(m.arithmText(x, err))
		return 0
	}
	return int(int32(n)) // mksh counts in 32 bits
}

func (m *machine) matches(p *syntax.Word, s string) bool {
	pat, err := expand.Pattern(m.cfg, p)
	if err != nil {
		m.expandFailed(err)
		return false
	}
	return globMatch(pat, s)
}

func globMatch(pat, s string) bool {
	rx, err := compilePattern(pat)
	return err == nil && rx.MatchString(s)
}

// redirected runs do with the redirections in force.
func (m *machine) redirected(list []*syntax.Redirect, do func()) {
	if len(list) == 0 {
		do()
		return
	}
	in, out, errw := m.in, m.out, m.err
	var files []*phone.File
	ok := true
	for _, r := range list {
		f, err := m.redirect(r)
		if f != nil {
			files = append(files, f)
		}
		if err != nil {
			fmt.Fprintf(errw, "%s: %v\n", m.name, err)
			m.last, ok = 1, false
			break
		}
	}
	if ok {
		do()
	}
	if m.keep && ok {
		m.keep = false
		return
	}
	m.keep = false
	m.in, m.out, m.err = in, out, errw
	for _, f := range files {
		_ = f.Close()
	}
}

func (m *machine) redirect(r *syntax.Redirect) (*phone.File, error) {
	fd := 1
	switch r.Op {
	case syntax.RdrIn, syntax.DplIn, syntax.Hdoc, syntax.DashHdoc, syntax.WordHdoc, syntax.RdrInOut:
		fd = 0
	}
	if r.N != nil {
		if len(r.N.Value) != 1 || r.N.Value[0] < '0' || r.N.Value[0] > '2' {
			return nil, fmt.Errorf("%s: bad file descriptor", r.N.Value)
		}
		fd = int(r.N.Value[0] - '0')
	}
	switch r.Op {
	case syntax.Hdoc, syntax.DashHdoc:
		body, err := m.heredoc(r)
		m.in = strings.NewReader(body)
		return nil, err
	}
	word, err := m.literal(r.Word)
	if err != nil {
		return nil, err
	}
	switch r.Op {
	case syntax.WordHdoc:
		m.in = strings.NewReader(word + "\n")
		return nil, nil
	case syntax.DplOut, syntax.DplIn:
		return nil, m.duplicate(fd, word)
	}
	return m.openRedirect(r.Op, fd, word)
}

func (m *machine) duplicate(fd int, word string) error {
	if word == "-" {
		if fd == 0 {
			m.in = strings.NewReader("")
		} else {
			m.setOut(fd, io.Discard)
		}
		return nil
	}
	switch {
	case word == "1" && fd != 0:
		m.setOut(fd, m.out)
	case word == "2" && fd != 0:
		m.setOut(fd, m.err)
	case word == "0" && fd == 0:
	default:
		return fmt.Errorf("%s: bad file descriptor", word)
	}
	return nil
}

func (m *machine) setOut(fd int, w io.Writer) {
	if fd == 2 {
		m.err = w
	} else {
		m.out = w
	}
}

func (m *machine) openRedirect(op syntax.RedirOperator, fd int, word string) (*phone.File, error) {
	name := m.abs(word)
	flags, what := 0, "create"
	switch op {
	case syntax.RdrIn:
		flags, what = oRead, "open"
	case syntax.AppOut, syntax.AppAll:
		flags = oAppend
	case syntax.RdrInOut:
		flags = oReadWrite
	default:
		flags = oWrite
	}
	f, err := m.p.FS.OpenFile(m.cred, name, flags, 0o666&^m.umask)
	if err != nil {
		return nil, fmt.Errorf("can't %s %s: %w", what, word, err)
	}
	if i := f.Stat(); i.IsDir() && fd != 0 {
		return nil, fmt.Errorf("can't %s %s: %w", what, word, errno.EISDIR)
	}
	switch {
	case fd == 0:
		m.in = f
	case op == syntax.RdrAll || op == syntax.AppAll:
		w := &fileWriter{f: f}
		m.out, m.err = w, w
	default:
		m.setOut(fd, &fileWriter{f: f})
	}
	return f, nil
}

// heredoc expands a here-document, unless its delimiter is quoted.
func (m *machine) heredoc(r *syntax.Redirect) (string, error) {
	if r.Hdoc == nil {
		return "", nil
	}
	quoted := false
	for _, part := range r.Word.Parts {
		switch p := part.(type) {
		case *syntax.SglQuoted, *syntax.DblQuoted:
			quoted = true
		case *syntax.Lit:
			quoted = quoted || strings.Contains(p.Value, `\`)
		}
	}
	body := ""
	if quoted {
		for _, part := range r.Hdoc.Parts {
			if lit, ok := part.(*syntax.Lit); ok {
				body += lit.Value
			}
		}
	} else {
		doc, err := m.prepare(r.Hdoc)
		if err != nil {
			return "", err
		}
		if body, err = expand.Document(m.cfg, doc); err != nil {
			return "", err
		}
	}
	if r.Op == syntax.DashHdoc {
		lines := strings.SplitAfter(body, "\n")
		for i := range lines {
			lines[i] = strings.TrimLeft(lines[i], "\t")
		}
		body = strings.Join(lines, "")
	}
	return body, nil
}
