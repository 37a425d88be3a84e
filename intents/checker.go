package intents

import (
	"fmt"
	"strings"
)

// Checker collects the problems of one request.
type Checker struct {
	// Severity and Source are given to the problems that are added.
	Severity Severity
	Source   string
	// Problems are those found so far.
	Problems []Problem
}

// Add adds a problem. The sentence is one whole format string, so that it can
// be translated; it begins with %s for the field.
func (c *Checker) Add(field, sentence string, args ...any) {
	c.Problems = append(c.Problems, Problem{Severity: c.Severity, Field: field, Rule: Rule(sentence, args...), Source: c.Source})
}

// Rule is the part after the field of a sentence, as [Checker.Add] takes it.
func Rule(sentence string, args ...any) string {
	return fmt.Sprintf(strings.TrimPrefix(sentence, "%s "), args...)
}

// AtMost adds a problem if a field has more than limit bytes.
func (c *Checker) AtMost(field string, length, limit int) {
	c.atMost(field, int64(length), int64(limit), "bytes")
}

// FileAtMost adds a problem if the file that a field names has more than limit
// bytes.
func (c *Checker) FileAtMost(field string, size, limit int64) {
	c.atMost(field, size, limit, "bytes")
}

// CharsAtMost adds a problem if a string has more than limit UTF-16 units.
func (c *Checker) CharsAtMost(field string, s *string, limit int) {
	if s != nil && len(*s) > limit {
		c.atMost(field, int64(Length(*s)), int64(limit), "characters")
	}
}

// Required adds a problem if a string is null or empty.
func (c *Checker) Required(field string, s *string) {
	if s == nil || *s == "" {
		c.Add(field, "%s is required")
	}
}

func (c *Checker) atMost(field string, actual, limit int64, unit string) {
	if actual > limit {
		rule := MostRule
		if c.Severity == SeverityWarning {
			rule = ShouldRule
		}
		c.Problems = append(c.Problems, Problem{
			Severity: c.Severity, Field: field, Rule: rule, Limit: limit, Actual: actual, Unit: unit, Source: c.Source,
		})
	}
}
