// Package universallink reads apple-app-site-association files as iOS does,
// from a website or Apple's copy, and reports whether they assign a URL to an
// app.
package universallink

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Association is an apple-app-site-association file.
type Association struct {
	AppLinks struct {
		Details details `json:"details"`
	} `json:"applinks"`
}

// details is a list of details or, in the format from before iOS 9.2, an object
// of them by app.
type details []detail

type detail struct {
	AppID      string      `json:"appID"`
	AppIDs     []string    `json:"appIDs"`
	Paths      []string    `json:"paths"`
	Components []component `json:"components"`
}

// component is a pattern in the format from iOS 13 on.
type component struct {
	Path          *string         `json:"/"`
	Query         json.RawMessage `json:"?"`
	Fragment      *string         `json:"#"`
	Exclude       bool            `json:"exclude"`
	CaseSensitive *bool           `json:"caseSensitive"`
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
	for id, one := range byApp {
		one.AppID = id
		*d = append(*d, one)
	}
	return nil
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
	if err := json.Unmarshal(data, a); err != nil {
		return nil, fmt.Errorf(`its "applinks" are not in the form that iOS reads: %w`, err)
	}
	return a, nil
}

// Names reports whether the file names the app, as TEAM.BUNDLE.
func (a *Association) Names(app string) bool {
	for _, d := range a.AppLinks.Details {
		if d.is(app) {
			return true
		}
	}
	return false
}

// Apps lists the apps that the file names.
func (a *Association) Apps() []string {
	var out []string
	for _, d := range a.AppLinks.Details {
		if d.AppID != "" {
			out = append(out, d.AppID)
		}
		out = append(out, d.AppIDs...)
	}
	return out
}

func (d *detail) is(app string) bool {
	if d.AppID == app {
		return true
	}
	for _, id := range d.AppIDs {
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
	for _, d := range a.AppLinks.Details {
		if d.is(app) && d.opens(u) {
			return true
		}
	}
	return false
}

// opens uses the first pattern that matches, as iOS does. With components, iOS
// 13 and newer ignore paths.
func (d *detail) opens(u *url.URL) bool {
	if d.Components != nil {
		for _, c := range d.Components {
			if c.fits(u) {
				return !c.Exclude
			}
		}
		return false
	}
	for _, p := range d.Paths {
		rest, not := strings.CutPrefix(strings.TrimSpace(p), "NOT ")
		if match(strings.TrimSpace(rest), u.EscapedPath()) {
			return !not
		}
	}
	return false
}

func (c *component) fits(u *url.URL) bool {
	fold := func(s string) string {
		if c.CaseSensitive != nil && !*c.CaseSensitive {
			return strings.ToLower(s)
		}
		return s
	}
	if c.Path != nil && !match(fold(*c.Path), fold(u.EscapedPath())) {
		return false
	}
	if c.Fragment != nil && !match(fold(*c.Fragment), fold(u.EscapedFragment())) {
		return false
	}
	if c.Query == nil {
		return true
	}
	var whole string
	if json.Unmarshal(c.Query, &whole) == nil {
		return match(fold(whole), fold(u.RawQuery))
	}
	var items map[string]string
	if json.Unmarshal(c.Query, &items) != nil {
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
