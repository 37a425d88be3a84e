package cmd

import (
	"strconv"

	"github.com/spf13/pflag"
)

// optional is a text flag that distinguishes "not given" (nil) from "given
// empty": the SDK sends null for one and an empty string for the other.
type optional struct{ target **string }

func (o optional) Set(s string) error { *o.target = &s; return nil }
func (o optional) Type() string       { return "text" }
func (o optional) String() string {
	if o.target == nil || *o.target == nil {
		return ""
	}
	return **o.target
}

// optionalVar defines an optional text flag.
func optionalVar(flags *pflag.FlagSet, target **string, name, usage string) {
	flags.Var(optional{target}, name, usage)
}

// text is the value of an optional flag, empty if it was not given.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func itoa(n int) string { return strconv.Itoa(n) }
