// Package output prints answers: a table for people, tab-separated lines for
// pipes, JSON for programs, and JSON through a jq expression.
package output

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"unicode"

	"github.com/itchyny/gojq"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/language"
	"github.com/wxctl/wxctl/cmd/internal/streams"
)

// SchemaVersion is the version of every JSON object that wxctl prints.
// Fields may be added within a version; none changes its meaning.
const SchemaVersion = 1

// Printer prints a command's answer in the form that the flags ask for.
type Printer struct {
	streams *streams.Streams
	ctx     context.Context // the command's, for expressions that don't end
	json    bool
	jq      *gojq.Code
	printed atomic.Bool // several phones print at the same time
}

// New returns a printer. json is --json, jq the expression of --jq, which
// implies it; an expression that doesn't compile is an error of usage. The
// expression runs until ctx ends, since it may loop forever.
func New(ctx context.Context, s *streams.Streams, jsonOut bool, jq string) (*Printer, error) {
	p := &Printer{streams: s, ctx: ctx, json: jsonOut || jq != ""}
	if jq == "" {
		return p, nil
	}
	query, err := gojq.Parse(jq)
	if parse := (*gojq.ParseError)(nil); errors.As(err, &parse) && parse.Token == "" { // gojq calls that EOF
		return nil, exit.Usagef("try the expression with jq itself", "invalid --jq %q: it ends too early", jq)
	}
	if err != nil {
		return nil, exit.Usagef("try the expression with jq itself", "invalid --jq %q: %v", jq, err)
	}
	// No environment: an expression could print secrets from it.
	if p.jq, err = gojq.Compile(query, gojq.WithEnvironLoader(func() []string { return nil })); err != nil {
		return nil, exit.Usagef("try the expression with jq itself", "--jq %q can't be compiled: %v", jq, err)
	}
	return p, nil
}

// JSON says whether the answer is JSON.
func (p *Printer) JSON() bool { return p.json }

// Printed says whether any JSON was printed.
func (p *Printer) Printed() bool { return p.printed.Load() }

// Object prints v as one JSON object: indented for a terminal, on one line
// otherwise.
func (p *Printer) Object(v any) error { return p.emit(v, p.streams.OutTTY) }

// Line prints v as one line of a stream of JSON objects.
func (p *Printer) Line(v any) error { return p.emit(v, false) }

func (p *Printer) emit(v any, indent bool) error {
	p.printed.Store(true)
	if p.jq != nil {
		return p.query(v)
	}
	text, err := Marshal(v, indent)
	if err != nil {
		return err
	}
	return p.streams.Println(string(text))
}

// Marshal is JSON without HTML escaping and without a final line break. What a
// terminal might interpret (C1 control characters, which encoding/json does not
// escape, and bidirectional marks) is escaped; the value stays the same.
func Marshal(v any, indent bool) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if indent {
		enc.SetIndent("", "  ")
	}
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return escapeControls(bytes.TrimRight(b.Bytes(), "\n")), nil
}

// escapeControls escapes characters that can only occur in the strings of a
// JSON text.
func escapeControls(text []byte) []byte {
	hostile := func(r rune) bool { return r >= 0x7f && unicode.IsControl(r) || streams.IsBidiControl(r) }
	if !bytes.ContainsFunc(text, hostile) {
		return text
	}
	var b bytes.Buffer
	for _, r := range string(text) {
		if hostile(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.Bytes()
}

func (p *Printer) query(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber() // gojq takes json.Number, so that long integers stay exact
	var plain any
	if err := dec.Decode(&plain); err != nil {
		return err
	}
	results := p.jq.RunWithContext(p.ctx, plain)
	for {
		result, ok := results.Next()
		if !ok {
			return nil
		}
		if err, failed := result.(error); failed {
			if cause := context.Cause(p.ctx); cause != nil && errors.Is(err, p.ctx.Err()) {
				return cause
			}
			var halt *gojq.HaltError
			if errors.As(err, &halt) && halt.Value() == nil {
				return nil
			}
			return exit.Usagef("try the expression with jq itself", "--jq failed: %v", err)
		}
		if s, isText := result.(string); isText {
			if p.streams.OutTTY { // a program gets the unchanged text
				s = streams.Safe(s)
			}
			if err := p.streams.Println(s); err != nil {
				return err
			}
			continue
		}
		line, err := gojq.Marshal(result)
		if err != nil {
			return err
		}
		if err := p.streams.Println(string(escapeControls(line))); err != nil {
			return err
		}
	}
}

// Cell is one cell of a table.
type Cell struct {
	Text  string
	Paint streams.Paint
	// Ours is set if the text is wxctl's own and not a name from outside: on a
	// terminal it is translated.
	Ours bool
}

// Text is a plain cell.
func Text(s string) Cell { return Cell{Text: s} }

// Words is a plain cell with wxctl's own text.
func Words(s string) Cell { return Cell{Text: s, Ours: true} }

// Table prints rows: aligned under upper-case headers on a terminal,
// tab-separated without headers and in English elsewhere. Text from outside is
// escaped.
func (p *Printer) Table(header []string, rows [][]Cell) error {
	if !p.streams.OutTTY {
		for _, row := range rows {
			cells := make([]string, len(row))
			for i, c := range row {
				cells[i] = streams.Safe(c.Text)
			}
			if err := p.streams.Println(strings.Join(cells, "\t")); err != nil {
				return err
			}
		}
		return nil
	}
	head := make([]Cell, len(header))
	for i, h := range header {
		head[i] = Cell{Text: p.streams.Translate(strings.ToUpper(h)), Paint: streams.Bold}
	}
	all := [][]Cell{head}
	for _, row := range rows {
		row = slices.Clone(row)
		for i, c := range row {
			if c.Ours {
				row[i].Text = p.streams.Translate(c.Text)
			}
		}
		all = append(all, row)
	}
	widths, fits := p.fit(all)
	if !fits {
		return p.blocks(head, all[1:])
	}
	for _, row := range all {
		var b strings.Builder
		for i, c := range row {
			text := language.Cut(streams.Safe(c.Text), widths[i])
			b.WriteString(p.streams.PaintOut(c.Paint, text))
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-language.Columns(text)+2))
			}
		}
		if err := p.streams.Println(strings.TrimRight(b.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

// Tables with this many columns are shortened on a narrow terminal. In smaller
// ones every value is meant to be read, or copied, completely.
const manyColumns = 4

// narrowest is the minimum width of a shortened column.
const narrowest = 8

// fit returns the widths of a table's columns. If the terminal is too narrow,
// the widest ones are shortened, but never the first, which identifies the row.
// fits is false if that is not enough.
func (p *Printer) fit(rows [][]Cell) (widths []int, fits bool) {
	total := 0
	for _, row := range rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
				total += 2
			}
			n := language.Columns(streams.Safe(c.Text))
			total += max(0, n-widths[i])
			widths[i] = max(widths[i], n)
		}
	}
	total -= 2
	screen := 0
	if p.streams.Width != nil {
		screen = p.streams.Width()
	}
	if screen == 0 || len(widths) < manyColumns {
		return widths, true
	}
	for ; total > screen; total-- {
		widest := 1
		for i := range widths {
			if i > 0 && widths[i] > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= narrowest {
			return widths, false
		}
		widths[widest]--
	}
	return widths, true
}

// blocks prints a table that does not fit: each row's values below each other.
func (p *Printer) blocks(head []Cell, rows [][]Cell) error {
	for i, row := range rows {
		if i > 0 {
			if err := p.streams.Println(""); err != nil {
				return err
			}
		}
		for j, c := range row {
			text := p.streams.PaintOut(c.Paint, streams.Safe(c.Text))
			switch {
			case c.Text == "":
				continue
			case j > 0:
				text = "  " + strings.ToLower(head[j].Text) + ": " + text
			}
			if err := p.streams.Println(text); err != nil {
				return err
			}
		}
	}
	return nil
}
