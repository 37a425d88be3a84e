package oauth

import "slices"

// Errcodes returns the whole table, ordered by code.
func Errcodes() []Errcode { return slices.Clone(errcodes) }
