package intents

import (
	"fmt"
	"unicode/utf8"
)

// Severity says what a [Problem] means for sending.
type Severity string

const (
	// SeverityError is something the SDK refuses to send.
	SeverityError Severity = "error"
	// SeverityWarning is something the SDK sends, but a document advises
	// against or WeChat is known to ignore.
	SeverityWarning Severity = "warning"
)

// Problem is one thing that is wrong with a request.
type Problem struct {
	// ID names the problem for scripts, such as request.too-many-images; ""
	// if it is known by its field and rule alone.
	ID string `json:"id,omitempty"`
	// Severity says whether the request can be sent all the same.
	Severity Severity `json:"severity"`
	// Field is the path of the field in the request's JSON form, such as
	// message.thumb or message.object.url.
	Field string `json:"field"`
	// Rule is the requirement: the rest of a sentence that begins with the
	// field, such as "is required" or "may have at most".
	Rule string `json:"rule"`
	// Limit is the bound, 0 if Unit is empty.
	Limit int64 `json:"limit"`
	// Actual is the value that exceeds it.
	Actual int64 `json:"actual"`
	// Hint says what to do about it; it may be empty.
	Hint string `json:"hint,omitempty"`
	// Unit is what Limit and Actual count: "bytes", "pictures" or "characters",
	// which are UTF-16 units; empty if the rule has no bound.
	Unit string `json:"unit"`
	// Source is where the limit comes from: an SDK and version, or a document.
	Source string `json:"source"`
}

// The rules of problems with a bound.
const (
	MostRule   = "may have at most"
	ShouldRule = "should have at most"
)

// Error returns the problem as one sentence.
func (p Problem) Error() string {
	format := ""
	switch {
	case p.Unit == "":
		return p.Field + " " + p.Rule + " (" + p.Source + ")" // the sentence that it was made of
	case p.Unit == "bytes" && p.Rule == MostRule:
		format = "%s may have at most %d bytes, not %d (%s)"
	case p.Unit == "bytes":
		format = "%s should have at most %d bytes, not %d (%s)"
	case p.Unit == "characters" && p.Rule == MostRule:
		format = "%s may have at most %d characters, not %d (%s)"
	case p.Unit == "characters":
		format = "%s should have at most %d characters, not %d (%s)"
	default:
		format = "%s should have at most %d pictures, not %d (%s)"
	}
	return fmt.Sprintf(format, p.Field, p.Limit, p.Actual, p.Source)
}

// Refused returns the problems that stop the request from being sent.
func Refused(problems []Problem) []Problem {
	var errors []Problem
	for _, p := range problems {
		if p.Severity == SeverityError {
			errors = append(errors, p)
		}
	}
	return errors
}

// Length returns the length of a string in UTF-16 units, as Java's
// String.length and Objective-C's NSString.length count it; an invalid UTF-8
// byte counts as one unit, U+FFFD.
func Length(s string) int {
	n := 0
	for i := 0; i < len(s); {
		if s[i] < utf8.RuneSelf {
			i++
			n++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		n++
		if r >= 0x10000 {
			n++
		}
	}
	return n
}
