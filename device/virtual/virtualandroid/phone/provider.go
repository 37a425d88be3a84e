package phone

import (
	"context"
	"slices"
	"strings"
)

// A Query is one ContentResolver.query, of an app's own process.
type Query struct {
	UID        int
	PID        int
	Package    string // of the caller, according to itself
	User       int
	URI        string
	Projection []string
	Selection  *string
	Args       []*string
	SortOrder  *string
}

// A Cursor is a query's answer. Values are nil, int64, float64, string or
// []byte.
type Cursor struct {
	Columns []string
	Rows    [][]any
}

// Authority is the authority of a content URI, without a user in front.
func Authority(uri string) string {
	rest, ok := strings.CutPrefix(uri, "content://")
	if !ok {
		return ""
	}
	rest, _, _ = strings.Cut(rest, "/")
	rest, _, _ = strings.Cut(rest, "?")
	return rest[strings.LastIndexByte(rest, '@')+1:]
}

// provider finds the app that serves an authority, starts its process, and
// checks that the caller may query it.
func (p *Phone) provider(q Query, authority string) (App, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, it := range p.packages {
		if !it.users[q.User].Usable() {
			continue
		}
		for _, c := range it.Components {
			if c.Kind != ProviderKind || !slices.Contains(c.Authorities, authority) {
				continue
			}
			if own := it.UID(q.User); !c.Exported && q.UID != own {
				return nil, denied("Permission Denial: opening provider %s from %s (pid=%d, uid=%d) that is not exported from "+
					"UID %d", c.Name, "(null)", q.PID, q.UID, own)
			}
			p.startProcess(it, c.Process, q.User, "content provider", hostingName(p.API, it.Name, c.Name))
			return it.app, nil
		}
	}
	return nil, &Exception{Class: "java.lang.IllegalStateException", Message: "Could not find provider: " + authority}
}

// hostingName is what am_proc_start gives as the component to start a process
// for.
func hostingName(api int, pkg, class string) string {
	if api >= 29 {
		return "{" + pkg + "/" + class + "}"
	}
	return ShortComponent(pkg + "/" + class)
}

// Query asks a content provider. A nil Cursor without an error means that the
// provider returned null.
func (p *Phone) Query(ctx context.Context, q Query) (*Cursor, error) {
	if err := p.ResolveUser(q.UID, &q.User, "getContentProvider"); err != nil {
		return nil, err
	}
	app, err := p.provider(q, Authority(q.URI))
	if err != nil {
		return nil, err
	}
	if answers, ok := app.(Provider); ok {
		return answers.Query(ctx, p, q)
	}
	return nil, nil
}
