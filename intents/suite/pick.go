package suite

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ParseTags reads an expression such as "smoke and not (slow or ios)". and
// binds closer than or.
func ParseTags(expression string) (func(tags []string) bool, error) {
	p := &tagParser{words: tagWord().FindAllString(expression, -1)}
	holds, err := p.or()
	if err == nil && len(p.words) > 0 {
		err = fmt.Errorf("%q is not expected there", p.words[0])
	}
	return holds, err
}

var tagWord = pattern(`[()]|[^()\s]+`)

type tagParser struct{ words []string }

func (p *tagParser) next(word string) bool {
	if len(p.words) > 0 && strings.EqualFold(p.words[0], word) {
		p.words = p.words[1:]
		return true
	}
	return false
}

func (p *tagParser) or() (func([]string) bool, error) {
	left, err := p.and()
	for err == nil && p.next("or") {
		l := left
		var r func([]string) bool
		r, err = p.and()
		left = func(tags []string) bool { return l(tags) || r(tags) }
	}
	return left, err
}

func (p *tagParser) and() (func([]string) bool, error) {
	left, err := p.not()
	for err == nil && p.next("and") {
		l := left
		var r func([]string) bool
		r, err = p.not()
		left = func(tags []string) bool { return l(tags) && r(tags) }
	}
	return left, err
}

func (p *tagParser) not() (func([]string) bool, error) {
	nots := 0
	for p.next("not") {
		nots++
	}
	inner, err := p.tag()
	if nots%2 == 1 && err == nil {
		return func(tags []string) bool { return !inner(tags) }, nil
	}
	return inner, err
}

func (p *tagParser) tag() (func([]string) bool, error) {
	switch {
	case len(p.words) == 0:
		return nil, errors.New("a tag is missing at its end")
	case len(p.words) > 1000:
		return nil, errors.New("it is too long")
	case p.next("("):
		inner, err := p.or()
		if err == nil && !p.next(")") {
			err = errors.New("a ( is not closed")
		}
		return inner, err
	}
	word := p.words[0]
	if word == ")" || strings.EqualFold(word, "and") || strings.EqualFold(word, "or") {
		return nil, fmt.Errorf("a tag is missing before %q", word)
	}
	p.words = p.words[1:]
	return func(tags []string) bool { return slices.Contains(tags, word) }, nil
}

// ParseGlob reads a glob for names of cases.
func ParseGlob(glob string) (func(name string) bool, error) {
	re, err := globRegexp(glob)
	if err != nil {
		return nil, err
	}
	return re.MatchString, nil
}
