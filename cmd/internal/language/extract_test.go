package language

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// said is a sentence of the product's source, in the form of the catalogue's keys.
type said struct{ id, where string }

// product visits the files whose sentences people read; paths are relative to
// this folder.
const product = "../../.."

// read says whether people read the texts of a folder or file; the longest
// matching name applies. Virtual phones and servers say what real ones say, in
// the same words, and what is written into files is the same for all readers.
var read = map[string]bool{
	"cmd": true, "cmd/internal/language": false, "cmd/internal/metrics": false,
	"device": true, "device/trace.go": false, "device/android/trace.go": false, "device/android/jdwp/trace.go": false, "device/ios/trace.go": false, "device/virtual": false, "device/virtual/options": true,
	"device/virtual/virtualandroid/options.go": true, "device/virtual/virtualios/options.go": true,
	"intents": true, "intents/suite/report": false, "intents/suite/reference.go": false, "intents/suite/schema.go": false,
	"oauth": true, "oauth/virtualoauth": false, "oauth/virtualoauth/fault.go": true,
}

// isRead looks up a file in read.
func isRead(file string) bool {
	best := ""
	for name := range read {
		if (file == name || strings.HasPrefix(file, name+"/")) && len(name) > len(best) {
			best = name
		}
	}
	return read[best]
}

// matching are calls whose arguments are compared with text from outside, or
// show what goes over a wire.
var matching = []string{
	"Contains", "ContainsAny", "HasPrefix", "HasSuffix", "Cut", "CutPrefix", "CutSuffix", "TrimPrefix", "TrimSuffix", "Index", "LastIndex",
	"Split", "SplitN", "MustCompile", "NewReplacer", "ReplaceAll", "Replace", "EqualFold", "Count", "panic", "after", "between",
	"Sent", "Got",
}

// speaking are methods whose text is shown even if it is a single word.
var speaking = []string{"Translate", "Label", "Sprintf", "Words", "Note", "Warn", "Say", "row"}

// wording matches text that has at least two words in a row.
var wording = regexp.MustCompile(`[A-Za-z]{2,}[,:;]? +[A-Za-z%(]|[A-Za-z)%][,:;]? [a-z]{2,}`)

// sentencesOf returns the product's sentences, in the order of the source.
func sentencesOf(t *testing.T) []said {
	t.Helper()
	var all []said
	for _, top := range []string{"cmd", "device", "intents", "oauth"} {
		err := filepath.WalkDir(filepath.Join(product, top), func(path string, d fs.DirEntry, err error) error {
			rel, _ := filepath.Rel(product, path)
			rel = filepath.ToSlash(rel)
			switch {
			case err != nil:
				return err
			case d.IsDir():
				all = append(all, inFolder(t, path, rel)...)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range slices.Concat(cobras, marks) {
		all = append(all, said{id: s, where: "cobra"})
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(s said) bool {
		again := seen[s.id]
		seen[s.id] = true
		return again
	})
}

// named are types whose values are shown in the user's language.
var named = []string{
	"cmd.labState", "device.State", "device.Transport", "device/lab/natslab.MarkKind", "device/check.Status", "device/check.Group", "intents/suite.Status", "oauth/credentials.Backend",
}

// cobras are texts of libraries and operating systems.
var cobras = []string{
	"Usage:", "Aliases:", "Examples:", "Available Commands:", "Flags:", "Global Flags:", "Additional help topics:", "(default",
	`Use "%s [command] --help" for more information about a command.`, "help for %s", "Help about any command",
	"Generate the autocompletion script for the specified shell", "unknown flag: %s", "unknown shorthand flag: %q in %s",
	"flag needs an argument: %s", "flag needs an argument: %q in %s", "unknown command %q for %q",
	"invalid argument %q for %q flag: %s",
	"1 problem", "%d problems", "1 warning", "%d warnings", "1 check", "%d checks", "1 thing", "%d things", // plural
	"no such file or directory", "permission denied", "is a directory", "not a directory", "file exists", "no space left on device",
	"connection refused", "unexpected end of file", "operation not permitted",
	"Generate the autocompletion script for %s for the specified shell.",
	"See each sub-command's help for details on how to use the generated script.",
	"Generate the autocompletion script for %s",
	"Generate the autocompletion script for the %s shell.",
	"Generate the autocompletion script for powershell.",
	"This script depends on the 'bash-completion' package.",
	"If it is not installed already, you can install it via your OS's package manager.",
	"To load completions in your current shell session:",
	"To load completions for every new session, execute once:",
	"You will need to start a new shell for this setup to take effect.",
	"If shell completion is not already enabled in your environment you will need to enable it.",
	"You can execute the following once:",
	"To load completions for every new session, add the output of the above command to your powershell profile.",
	"disable completion descriptions",
}

// marks are formats without a sentence in them, whose marks differ between
// languages.
var marks = []string{"%s (%s)", "%s, %s", "  %d ms", "%s (default %s)", "a version such as 8.0.50, none", "err.code %d (%s)", "%s%d ms: %s"}

// inFolder are the sentences of one package.
func inFolder(t *testing.T, dir, rel string) []said {
	t.Helper()
	files := token.NewFileSet()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	consts := map[string]ast.Expr{}
	r := reader{files: files, consts: consts, rel: rel}
	var parsed []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") || !isRead(rel+"/"+filepath.Base(name)) {
			continue
		}
		f, err := parser.ParseFile(files, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, f)
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.CONST {
				for _, s := range g.Specs {
					v := s.(*ast.ValueSpec)
					if kind, ok := v.Type.(*ast.Ident); ok && slices.Contains(named, rel+"."+kind.Name) {
						r.say(v.Values...)
					}
					if len(v.Values) == len(v.Names) {
						for i, n := range v.Names {
							consts[n.Name] = v.Values[i]
						}
					}
				}
			}
		}
	}
	for _, f := range parsed {
		ast.Inspect(f, func(n ast.Node) bool { return r.visit(n, false) })
	}
	return r.all
}

// reader collects the sentences of a package.
type reader struct {
	files  *token.FileSet
	consts map[string]ast.Expr
	rel    string
	all    []said
}

// visit looks at a node; spoken is set if every text at this place is shown to
// people.
func (r *reader) visit(n ast.Node, spoken bool) bool {
	again := func(nodes []ast.Expr, spoken bool) bool {
		for _, e := range nodes {
			ast.Inspect(e, func(n ast.Node) bool { return r.visit(n, spoken) })
		}
		return false
	}
	switch x := n.(type) {
	case *ast.ImportSpec:
		return false
	case *ast.Field:
		ast.Inspect(x.Type, func(n ast.Node) bool { return r.visit(n, false) })
		return false
	case *ast.CaseClause:
		for _, s := range x.Body {
			ast.Inspect(s, func(n ast.Node) bool { return r.visit(n, false) })
		}
		return false
	case *ast.KeyValueExpr:
		if key, ok := x.Key.(*ast.Ident); ok {
			if key.Name == "Use" {
				return false
			}
			return again([]ast.Expr{x.Value}, key.Name == "Short" || key.Name == "Title" || key.Name == "title" || key.Name == "Message")
		}
	case *ast.CallExpr:
		name := ""
		switch f := x.Fun.(type) {
		case *ast.Ident:
			name = f.Name
		case *ast.SelectorExpr:
			name = f.Sel.Name
			if p, ok := f.X.(*ast.Ident); ok && p.Name == "fmt" && name == "Sprintf" {
				return true
			}
		}
		if name == "examples" && len(x.Args) == 1 { // of command lines, only the comments are read
			text, _ := r.fold(x.Args[0])
			for line := range strings.Lines(text) {
				if comment, ok := strings.CutPrefix(line, "# "); ok {
					r.add(x.Pos(), strings.TrimSpace(comment))
				}
			}
			return false
		}
		if slices.Contains(matching, name) {
			return false
		}
		if name == "Table" && len(x.Args) > 0 {
			before := len(r.all)
			again(x.Args[:1], true)
			for i := range r.all[before:] { // headers are in capitals
				r.all[before+i].id = strings.ToUpper(r.all[before+i].id)
			}
			return again(x.Args[1:], false)
		}
		if slices.Contains(speaking, name) && strings.HasPrefix(r.rel, "cmd") {
			return again(x.Args, true)
		}
	case *ast.BinaryExpr:
		if x.Op == token.EQL || x.Op == token.NEQ {
			return false
		}
	case *ast.IndexExpr:
		return true
	}
	e, ok := n.(ast.Expr)
	if !ok {
		return true
	}
	if _, named := n.(*ast.Ident); named {
		return false
	}
	text, ok := r.fold(e)
	if !ok {
		return true
	}
	for _, id := range units(text) {
		if spoken && letters.MatchString(id) || wording.MatchString(id) {
			r.add(n.Pos(), id)
		}
	}
	if b, ok := n.(*ast.BinaryExpr); ok { // calls within: their own texts
		r.within(b)
	}
	return false
}

func (r *reader) add(pos token.Pos, id string) {
	at := r.files.Position(pos)
	r.all = append(r.all, said{id: id, where: r.rel + "/" + filepath.Base(at.Filename) + ":" + strconv.Itoa(at.Line)})
}

// say collects texts that are shown as they are.
func (r *reader) say(texts ...ast.Expr) {
	for _, e := range texts {
		ast.Inspect(e, func(n ast.Node) bool { return r.visit(n, true) })
	}
}

func (r *reader) within(b *ast.BinaryExpr) {
	for _, e := range []ast.Expr{b.X, b.Y} {
		switch x := e.(type) {
		case *ast.BinaryExpr:
			r.within(x)
		case *ast.CallExpr:
			ast.Inspect(x, func(n ast.Node) bool { return r.visit(n, false) })
		}
	}
}

var letters = regexp.MustCompile(`[A-Za-z]{2,}`)

// fold joins a text from its constant parts; other parts become %s.
func (r *reader) fold(e ast.Expr) (string, bool) {
	switch x := e.(type) {
	case *ast.BasicLit:
		if x.Kind == token.STRING {
			s, err := strconv.Unquote(x.Value)
			return s, err == nil
		}
	case *ast.ParenExpr:
		return r.fold(x.X)
	case *ast.Ident:
		if v, ok := r.consts[x.Name]; ok {
			return r.fold(v)
		}
	case *ast.BinaryExpr:
		if x.Op != token.ADD {
			return "", false
		}
		a, okA := r.fold(x.X)
		b, okB := r.fold(x.Y)
		if okA || okB {
			return cmp.Or(map[bool]string{true: a, false: "%s"}[okA], "") + cmp.Or(map[bool]string{true: b, false: "%s"}[okB], ""), true
		}
	}
	return "", false
}

// units are the keys of a text: what the catalogue looks up one by one.
func units(text string) []string {
	var ids []string
	list := []block{{text: text}}
	if strings.Contains(text, "\n") {
		list = blocks(text)
	}
	for _, b := range list {
		for _, s := range sentences(strings.TrimSpace(b.text)) {
			if s = strings.TrimSpace(s); s != "" {
				ids = append(ids, s)
			}
		}
	}
	return ids
}
