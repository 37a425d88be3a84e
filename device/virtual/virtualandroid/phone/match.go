package phone

import (
	"slices"
	"strings"
)

// A match is an activity that an intent without a component resolves to.
type match struct {
	pkg  string
	comp Component
}

// match finds the activities for an implicit intent, the app that was
// installed first by name coming first.
func (s *starter) match() []match {
	return s.Phone.match(s.in, s.q.User, true)
}

func (p *Phone) match(in Intent, user int, defaults bool) []match {
	var out []match
	for name, it := range p.packages {
		if in.Package != "" && in.Package != name || !it.users[user].Usable() {
			continue
		}
		for _, c := range it.Components {
			if c.Kind == ActivityKind && !c.Disabled && slices.ContainsFunc(c.Filters, func(f Filter) bool { return f.matches(in, defaults) }) {
				out = append(out, match{name, c})
			}
		}
	}
	slices.SortFunc(out, func(a, b match) int { return strings.Compare(a.pkg+"/"+a.comp.Name, b.pkg+"/"+b.comp.Name) })
	return out
}

// Resolve lists the activities (package/class) that match an intent.
func (p *Phone) Resolve(in Intent, user int) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for _, m := range p.match(in, user, false) {
		out = append(out, m.pkg+"/"+m.comp.Name)
	}
	return out
}

// matches is Matches, requiring the category DEFAULT as startActivity does.
func (f Filter) matches(in Intent, defaults bool) bool {
	if defaults && !slices.Contains(in.Categories, "android.intent.category.LAUNCHER") &&
		!slices.Contains(in.Categories, "android.intent.category.HOME") {
		in.Categories = append(slices.Clip(in.Categories), "android.intent.category.DEFAULT")
	}
	return f.Matches(in)
}

// Matches is IntentFilter.match: action, data, categories.
func (f Filter) Matches(in Intent) bool {
	if in.Action != "" && !slices.Contains(f.Actions, in.Action) {
		return false
	}
	for _, c := range in.Categories {
		if !slices.Contains(f.Categories, c) {
			return false
		}
	}
	return f.matchesData(in)
}

func (f Filter) matchesData(in Intent) bool {
	if len(f.Types) == 0 && len(f.Schemes) == 0 {
		return in.Type == "" && in.Data == ""
	}
	scheme := ""
	if in.Data != "" {
		scheme, _, _ = strings.Cut(in.Data, ":")
	}
	if len(f.Schemes) > 0 {
		if !slices.Contains(f.Schemes, scheme) {
			return false
		}
	} else if scheme != "" && scheme != "content" && scheme != "file" {
		return false // a filter that only has types matches content: and file:
	}
	if len(f.Types) == 0 {
		return in.Type == ""
	}
	return slices.ContainsFunc(f.Types, func(t string) bool { return typeMatches(t, in.Type) })
}

func typeMatches(pattern, mime string) bool {
	if mime == "" {
		return false
	}
	if pattern == mime || pattern == "*/*" || mime == "*/*" {
		return true
	}
	pm, ps, _ := strings.Cut(pattern, "/")
	m, s, _ := strings.Cut(mime, "/")
	return pm == m && (ps == "*" || s == "*")
}
