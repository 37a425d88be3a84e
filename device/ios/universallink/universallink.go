// Package universallink reads apple-app-site-association files as iOS does,
// from a website or Apple's copy, and reports whether they assign a URL to an
// app.
package universallink

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Association is an apple-app-site-association file.
type Association struct {
	details  details
	misspelt []string // keys that iOS does not read, since their case is wrong
}

// details is a list of details or, in the format from before iOS 9.2, an object
// of them by app.
type details []detail

type detail struct {
	appID      string
	appIDs     []string
	paths      []string
	components []component
	misspelt   []string
}

// component is a pattern in the format from iOS 13 on.
type component struct {
	path, fragment *string
	query          json.RawMessage
	exclude        bool
	caseSensitive  *bool
}

// fields reads a JSON object's values by their keys. In contrast to
// encoding/json, and like iOS, it reads "appid" not as "appID"; such keys are
// returned.
func fields(data []byte, into map[string]any) (misspelt []string, err error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(data, &object); err != nil {
		return nil, err
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if to, ok := into[key]; ok {
			if err := json.Unmarshal(object[key], to); err != nil {
				return nil, err
			}
			continue
		}
		for known := range into {
			if strings.EqualFold(key, known) {
				misspelt = append(misspelt, key)
			}
		}
	}
	return misspelt, nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (d *detail) UnmarshalJSON(data []byte) (err error) {
	d.misspelt, err = fields(data, map[string]any{
		"appID": &d.appID, "appIDs": &d.appIDs, "paths": &d.paths, "components": &d.components,
	})
	return err
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *component) UnmarshalJSON(data []byte) error {
	_, err := fields(data, map[string]any{
		"/": &c.path, "?": &c.query, "#": &c.fragment, "exclude": &c.exclude, "caseSensitive": &c.caseSensitive,
	})
	return err
}

// UnmarshalJSON implements json.Unmarshaler.
func (d *details) UnmarshalJSON(data []byte) error {
	var list []detail
	if err := json.Unmarshal(data, &list); err == nil {
		*d = list
		return nil
	}
	byApp := map[string]detail{}
	if err := json.Unmarshal(data, &byApp); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(byApp)) {
		one := byApp[id]
		one.appID = id
		*d = append(*d, one)
	}
	return nil
}

// UnmarshalJSON implements json.Unmarshaler. Substitution variables and defaults
// are applied to the patterns.
func (a *Association) UnmarshalJSON(data []byte) (err error) {
	var defaults component
	var variables map[string][]string
	a.misspelt, err = fields(data, map[string]any{"details": &a.details, "defaults": &defaults, "substitutionVariables": &variables})
	left := maxSubstituted
	for i := range a.details {
		a.misspelt = append(a.misspelt, a.details[i].misspelt...)
		var all []component
		for _, c := range a.details[i].components {
			if c.caseSensitive == nil {
				c.caseSensitive = defaults.caseSensitive
			}
			these, tooMany := c.substituted(variables, &left)
			if tooMany != nil {
				return tooMany
			}
			all = append(all, these...)
		}
		if a.details[i].components != nil {
			a.details[i].components = append([]component{}, all...)
		}
	}
	return err
}

// maxSubstituted limits what all patterns of a file become, in bytes.
const maxSubstituted = 4 << 20

var errSubstituted = errors.New("its substitution variables make more patterns than can be checked")

// predefined are the variables that iOS knows, each as a pattern of its length
// (Apple, applinks.substitutionVariables).
var predefined = map[string]string{
	"alpha": "?", "upper": "?", "lower": "?", "alnum": "?", "digit": "?", "xdigit": "?", "region": "??", "lang": "??",
}

// substituted returns the component for each value of the variables in its path.
// A value is not searched for variables: one that names itself would never end.
// Each path is taken from left.
func (c component) substituted(variables map[string][]string, left *int) ([]component, error) {
	if c.path == nil {
		return []component{c}, nil
	}
	type half struct{ done, rest string }
	done, todo := []component{}, []half{{"", *c.path}}
	for len(todo) > 0 {
		one := todo[0]
		todo = todo[1:]
		before, rest, ok := strings.Cut(one.rest, "$(")
		name, after, closed := strings.Cut(rest, ")")
		values := variables[name]
		if pattern, known := predefined[name]; known {
			values = []string{pattern}
		}
		if !ok || !closed || values == nil {
			text := one.done + one.rest
			again := c
			again.path = &text
			done = append(done, again)
			continue
		}
		for _, v := range values {
			text := one.done + before + v
			if *left -= len(text) + len(after) + 64; *left < 0 {
				return nil, errSubstituted
			}
			todo = append(todo, half{text, after})
		}
	}
	return done, nil
}

// MaxSize is the largest file that iOS reads, in bytes (Apple, "Supporting
// associated domains").
const MaxSize = 128 << 10

// Parse reads a file. Its errors complete a sentence.
func Parse(data []byte) (*Association, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("it is larger than %d KB", MaxSize>>10)
	}
	var top map[string]json.RawMessage
	if err := json.Unmarshal(data, &top); err != nil {
		if bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
			return nil, errors.New("it begins with a byte order mark, which JSON must not have")
		}
		if bytes.HasPrefix(data, []byte("\x1f\x8b")) {
			return nil, errors.New("it is compressed, and the header Content-Encoding does not say so")
		}
		if len(bytes.TrimSpace(data)) == 0 {
			return nil, errors.New("it is empty")
		}
		if strings.HasPrefix(strings.TrimSpace(string(data)), "<") {
			return nil, errors.New("it is a web page, not JSON")
		}
		if len(data) > 1 && data[0] == 0x30 && data[1] >= 0x80 {
			return nil, errors.New("it is a signed file of the form before iOS 9, not JSON")
		}
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	if top["applinks"] == nil {
		return nil, errors.New(`it has no "applinks"`)
	}
	a := new(Association)
	if err := json.Unmarshal(top["applinks"], a); err != nil {
		return nil, fmt.Errorf(`its "applinks" are not in the form that iOS reads: %w`, err)
	}
	return a, nil
}

// Names reports whether the file names the app, as TEAM.BUNDLE.
func (a *Association) Names(app string) bool {
	for _, d := range a.details {
		if d.is(app) {
			return true
		}
	}
	return false
}

// misspeltName is a key that would name apps, which iOS does not read since its
// upper and lower case is wrong; "" if there is none.
func (a *Association) misspeltName() string {
	for _, key := range a.misspelt {
		switch strings.ToLower(key) {
		case "appid", "appids", "details":
			return key
		}
	}
	return ""
}

// Apps lists the apps that the file names.
func (a *Association) Apps() []string {
	var out []string
	for _, d := range a.details {
		if d.appID != "" {
			out = append(out, d.appID)
		}
		out = append(out, d.appIDs...)
	}
	return out
}

func (d *detail) is(app string) bool {
	if d.appID == app {
		return true
	}
	for _, id := range d.appIDs {
		if id == app {
			return true
		}
	}
	return false
}

// Opens reports whether the file assigns a URL to the app.
func (a *Association) Opens(app, link string) bool {
	u, err := url.Parse(link)
	if err != nil {
		return false
	}
	for _, d := range a.details {
		if d.is(app) && d.opens(u) {
			return true
		}
	}
	return false
}

// opens uses the first pattern that matches, as iOS does. With components, iOS
// 13 and newer ignore paths.
func (d *detail) opens(u *url.URL) bool {
	if d.components != nil {
		for _, c := range d.components {
			if c.fits(u) {
				return !c.exclude
			}
		}
		return false
	}
	for _, p := range d.paths {
		rest, not := strings.CutPrefix(strings.TrimSpace(p), "NOT ")
		if match(strings.TrimSpace(rest), u.EscapedPath()) {
			return !not
		}
	}
	return false
}

func (c *component) fits(u *url.URL) bool {
	fold := func(s string) string {
		if c.caseSensitive != nil && !*c.caseSensitive {
			return strings.ToLower(s)
		}
		return s
	}
	if c.path != nil && !match(fold(*c.path), fold(u.EscapedPath())) {
		return false
	}
	if c.fragment != nil && !match(fold(*c.fragment), fold(u.EscapedFragment())) {
		return false
	}
	if c.query == nil {
		return true
	}
	var whole string
	if json.Unmarshal(c.query, &whole) == nil {
		return match(fold(whole), fold(u.RawQuery))
	}
	var items map[string]string
	if json.Unmarshal(c.query, &items) != nil {
		return false
	}
	for key, pattern := range items {
		// An item that is missing in the URL has an empty value.
		if !match(fold(pattern), fold(u.Query().Get(key))) {
			return false
		}
	}
	return true
}

// match matches the whole text: * is any run of characters, ? is one.
func match(pattern, text string) bool {
	star, again := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, again = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			again++
			p, t = star+1, again
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
