package androidwire

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// printedBytes is the length up to which a printed byte[] shows its content.
const printedBytes = 64

// Printed is a Wire whose JSON form is for reading and comparing: a byte[]
// shows its length and SHA-256, and its content only up to 64 bytes. It can't
// be read back.
type Printed Wire

// Print returns the wire forms in their printed form.
func Print(wires []Wire) []Printed {
	out := make([]Printed, len(wires))
	for i, w := range wires {
		out[i] = Printed(w)
	}
	return out
}

type printedValue struct {
	Type   string  `json:"type"`
	Value  any     `json:"value,omitempty"`
	Length *int    `json:"length,omitempty"`
	SHA256 string  `json:"sha256,omitempty"`
	Base64 *string `json:"base64,omitempty"`
}

// MarshalJSON writes the printed form. Categories are written as
// Intent.getCategories().toString() gives them.
func (p Printed) MarshalJSON() ([]byte, error) {
	i := p.Intent
	if i == nil {
		return Wire(p).MarshalJSON()
	}
	extras := make(map[string]printedValue, len(i.Extras))
	for _, x := range i.Extras {
		extras[x.Key] = x.Value.printed()
	}
	var categories *string
	if len(i.Categories) > 0 {
		categories = new("{" + strings.Join(i.Categories, ", ") + "}")
	}
	return json.Marshal(struct {
		Form       string                  `json:"form"`
		Component  *string                 `json:"component"`
		Package    *string                 `json:"package,omitempty"`
		Action     *string                 `json:"action"`
		Data       *string                 `json:"data"`
		Type       *string                 `json:"type"`
		Flags      int32                   `json:"flags"`
		Categories *string                 `json:"categories"`
		ClipData   []string                `json:"clipData"`
		Extras     map[string]printedValue `json:"extras"`
	}{
		formIntent, orNull(i.Component), orNull(i.Package), orNull(i.Action), orNull(i.Data), orNull(i.Type),
		i.Flags, categories, i.ClipData, extras,
	})
}

func (v Value) printed() printedValue {
	p := printedValue{Type: v.Class()}
	if v.kind != TypeBytes {
		p.Value = v.plain()
		return p
	}
	sum := sha256.Sum256(v.bytes)
	p.Length, p.SHA256 = new(len(v.bytes)), hex.EncodeToString(sum[:])
	if len(v.bytes) <= printedBytes {
		p.Base64 = new(base64.StdEncoding.EncodeToString(v.bytes))
	}
	return p
}

// Text returns the wire forms as lines of text for comparing: extras are sorted
// by key, strings are quoted, absent fields omitted.
func Text(wires []Wire) string {
	var b strings.Builder
	for n, w := range wires {
		if n > 0 {
			b.WriteByte('\n')
		}
		switch {
		case w.Intent != nil:
			w.Intent.text(&b)
		case w.Query != nil:
			w.Query.text(&b)
		}
	}
	return b.String()
}

func (i *Intent) text(b *strings.Builder) {
	b.WriteString("intent\n")
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(b, "  %s %s\n", name, value)
		}
	}
	line("component", i.Component)
	line("package", i.Package)
	line("action", i.Action)
	line("data", quoted(i.Data))
	line("type", quoted(i.Type))
	line("flags", fmt.Sprintf("%#x", uint32(i.Flags)))
	for _, c := range i.Categories {
		line("category", c)
	}
	for _, uri := range i.ClipData {
		line("clip", strconv.Quote(uri))
	}
	for _, x := range i.Extras.Sorted() {
		line("extra", x.Key+" "+x.Value.String())
	}
}

func (q *Query) text(b *strings.Builder) {
	fmt.Fprintf(b, "query\n  uri %s\n", q.URI)
	for _, c := range q.Projection {
		fmt.Fprintf(b, "  column %s\n", strconv.Quote(c))
	}
	if q.Selection != nil {
		fmt.Fprintf(b, "  selection %s\n", strconv.Quote(*q.Selection))
	}
	for _, a := range q.Args {
		fmt.Fprintf(b, "  arg %s\n", StringOrNull(a).String())
	}
	if q.SortOrder != nil {
		fmt.Fprintf(b, "  order %s\n", strconv.Quote(*q.SortOrder))
	}
}

// String returns the value's Java type and its content in one line; a byte[]
// as its length and SHA-256.
func (v Value) String() string {
	switch v.kind {
	case TypeNull:
		return "null"
	case TypeString, TypeURI, TypeOther:
		return v.Class() + " " + strconv.Quote(v.text)
	case TypeBytes:
		return fmt.Sprintf("byte[] %d sha256:%x", len(v.bytes), sha256.Sum256(v.bytes))
	case TypeHashMap, TypeURIList:
		text, _ := json.Marshal(v.plain()) // strings only: it can't fail
		return v.Class() + " " + string(text)
	}
	return fmt.Sprintf("%s %v", v.Class(), v.plain())
}

func quoted(s string) string {
	if s == "" {
		return ""
	}
	return strconv.Quote(s)
}
