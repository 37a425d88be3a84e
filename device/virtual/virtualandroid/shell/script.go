package shell

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// script is a program that may be run.
type script struct {
	file *syntax.File
	// background are the statements started with &, in order. The interpreter
	// calls the first g1, and so on.
	background []*syntax.Stmt
	// reads is set if it contains the shell's own read.
	reads bool
}

// maxNest limits how deeply brackets and prefixes in a text may nest, since the
// parser and the interpreter are recursive.
const maxNest = 1000

// errNest is a text that nests too deeply.
var errNest = errors.New("nested too deeply")

// parse reads a program and refuses what could access the host, or use up its
// memory: process substitution (the interpreter creates a named pipe for it),
// and braces that expand to very many words. name is $0.
func parse(name, text string) (s script, err error) {
	if nested(text) > maxNest {
		return script{}, errNest
	}
	defer func() {
		if r := recover(); r != nil {
			s, err = script{}, fmt.Errorf("syntax error: %v", r)
		}
	}()
	s.file, err = syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), name)
	if err != nil {
		return script{}, err
	}
	depth := 0
	syntax.Walk(s.file, func(node syntax.Node) bool {
		if node == nil {
			depth--
			return true
		}
		if depth++; depth > maxNest {
			err = errNest
		}
		if err == nil {
			err = s.check(node)
		}
		if err != nil {
			depth-- // the walk leaves no node that it did not enter
		}
		return err == nil
	})
	return s, err
}

// syntaxText words an error of parse as mksh does, as far as it contains the
// reason.
func syntaxText(err error) string {
	var wrong syntax.ParseError
	if !errors.As(err, &wrong) {
		return err.Error()
	}
	switch {
	case syntax.IsIncomplete(err) && strings.Contains(wrong.Text, "closing quote"):
		return "no closing quote"
	case syntax.IsIncomplete(err):
		return "syntax error: unexpected EOF"
	}
	return "syntax error: " + wrong.Text
}

// check looks at one node.
func (s *script) check(node syntax.Node) error {
	switch n := node.(type) {
	case *syntax.ProcSubst:
		return errors.New("syntax error: unexpected '('")
	case *syntax.CoprocClause, *syntax.TestDecl:
		return errors.New("syntax error: unexpected command")
	case *syntax.ForClause:
		if n.Select {
			return errors.New("syntax error: unexpected 'select'")
		}
	case *syntax.Stmt:
		if n.Coprocess || n.Disown {
			return errors.New("syntax error: unexpected '&'")
		}
		if n.Background {
			s.background = append(s.background, n)
		}
	case *syntax.CallExpr:
		if len(n.Args) > 0 && slices.Contains([]string{"read", "mapfile", "readarray"}, n.Args[0].Lit()) {
			s.reads = true
		}
	case *syntax.ParamExp:
		// The interpreter would give the host's numbers.
		if n.Param != nil && (n.Param.Value == "$" || n.Param.Value == "PPID") {
			n.Param.Value = map[string]string{"$": shellPID, "PPID": parentPID}[n.Param.Value]
		}
	case *syntax.Word:
		return checkBraces(n)
	}
	return nil
}

// checkBraces refuses braces that multiply, and turns {1..9} into plain text,
// as mksh does.
func checkBraces(w *syntax.Word) error {
	words := 1
	for _, part := range w.Parts {
		lit, ok := part.(*syntax.Lit)
		if !ok {
			continue
		}
		if strings.Contains(lit.Value, "..") {
			lit.Value = strings.ReplaceAll(lit.Value, "{", `\{`)
		}
		words += strings.Count(lit.Value, "{")
	}
	if words > 10 {
		return errors.New("argument list too long")
	}
	return nil
}

// nested limits the recursion depth of parsing a text.
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
	for _, word := range []string{"if ", "! ", "- ", "while ", "until ", "for ", "case ", "!", "-", "~", "&&", "||", "|"} {
		most = max(most, strings.Count(text, word)/len(word))
	}
	return most
}

// The variables that stand for $$ and $PPID.
const (
	shellPID  = "ANDROID_SHELL_PID"
	parentPID = "ANDROID_PARENT_PID"
)

// jobNumber reads the interpreter's $!, which is g and a number.
func jobNumber(word string) (int, bool) {
	digits, ok := strings.CutPrefix(word, "g")
	n, err := strconv.Atoi(digits)
	return n, ok && err == nil && n > 0
}
