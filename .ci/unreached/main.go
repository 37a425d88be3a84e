// Command unreached lists functions and methods that the program and the
// generator of its docs never use. The tool deadcode takes every exported method
// of a value in an interface for used; this takes one for used only if an
// interface has a method of that name and type.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

const module = "github.com/wxctl/wxctl"

// unseen are methods of interfaces inside the packages errors and encoding/json.
var unseen = []string{"Is", "Unwrap", "MarshalText", "UnmarshalText"}

// listed is what `go list` says of a package.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
	Module                  *struct{ Path string }
}

// loader type-checks the packages of this module from source, all in one go, and
// reads others as the compiler left them.
type loader struct {
	fset   *token.FileSet
	known  map[string]listed
	done   map[string]*types.Package
	others types.Importer
	users  map[*types.Func]map[*types.Func]bool // of each function; nil stands for what is not a function
	faces  map[string][]*types.Signature        // methods of interfaces
}

func (l *loader) ours(path string) bool {
	p := l.known[path]
	return p.Module != nil && p.Module.Path == module
}

// Import implements types.Importer.
func (l *loader) Import(path string) (*types.Package, error) {
	if !l.ours(path) {
		pkg, err := l.others.Import(path)
		if err == nil && l.done[path] == nil {
			l.done[path] = pkg
			for _, name := range pkg.Scope().Names() {
				l.face(pkg.Scope().Lookup(name).Type())
			}
		}
		return pkg, err
	}
	if pkg := l.done[path]; pkg != nil {
		return pkg, nil
	}
	p := l.known[path]
	var files []*ast.File
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(l.fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	info := &types.Info{Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}, Types: map[ast.Expr]types.TypeAndValue{}}
	pkg, err := (&types.Config{Importer: l}).Check(path, l.fset, files, info)
	if err != nil {
		return nil, err
	}
	l.done[path] = pkg
	for _, file := range files {
		for _, d := range file.Decls {
			l.walk(d, info)
		}
	}
	return pkg, nil
}

// walk notes what a declaration uses.
func (l *loader) walk(d ast.Decl, info *types.Info) {
	var user *types.Func // stays nil for what runs by itself
	if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name != "main" && f.Name.Name != "init" {
		user = info.Defs[f.Name].(*types.Func)
		l.use(user)
	}
	ast.Inspect(d, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			if f, ok := info.Uses[n].(*types.Func); ok {
				l.use(f.Origin())[user] = true
			}
		case *ast.InterfaceType:
			l.face(info.Types[n].Type)
		}
		return true
	})
}

func (l *loader) use(f *types.Func) map[*types.Func]bool {
	if l.users[f] == nil {
		l.users[f] = map[*types.Func]bool{}
	}
	return l.users[f]
}

// face notes the methods of an interface.
func (l *loader) face(t types.Type) {
	if i, ok := t.Underlying().(*types.Interface); ok {
		for m := range i.Methods() {
			l.faces[m.Name()] = append(l.faces[m.Name()], m.Signature())
		}
	}
}

// reached reports whether a function is used by what runs, or through an
// interface.
func (l *loader) reached(f *types.Func, asked map[*types.Func]bool) bool {
	if f == nil {
		return true
	}
	asked[f] = true
	same := func(s *types.Signature) bool { return types.Identical(s, f.Signature()) }
	if f.Signature().Recv() != nil && (slices.Contains(unseen, f.Name()) || slices.ContainsFunc(l.faces[f.Name()], same)) {
		return true
	}
	for user := range l.users[f] {
		if !asked[user] && l.reached(user, asked) {
			return true
		}
	}
	return false
}

func run() error {
	out, err := exec.Command("go", "list", "-deps", "-export", "-json=ImportPath,Dir,Export,GoFiles,Module", ".", "./docs/gen").Output()
	if err != nil {
		return fmt.Errorf("go list: %w", err)
	}
	l := &loader{fset: token.NewFileSet(), known: map[string]listed{}, done: map[string]*types.Package{},
		users: map[*types.Func]map[*types.Func]bool{}, faces: map[string][]*types.Signature{}}
	l.others = importer.ForCompiler(l.fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(l.known[path].Export) })
	l.face(types.Universe.Lookup("error").Type())
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		l.known[p.ImportPath] = p
	}
	for path := range l.known {
		if l.ours(path) {
			if _, err := l.Import(path); err != nil {
				return err
			}
		}
	}
	var lines []string
	for f := range l.users {
		if f.Pkg() != nil && l.ours(f.Pkg().Path()) && !l.reached(f, map[*types.Func]bool{}) {
			lines = append(lines, fmt.Sprintf("%s: %s", l.fset.Position(f.Pos()), f.FullName()))
		}
	}
	slices.Sort(lines)
	for _, line := range lines {
		fmt.Println(line)
	}
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
