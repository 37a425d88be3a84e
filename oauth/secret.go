package oauth

import (
	"fmt"
	"io"
	"log/slog"
)

// mask is what a Secret prints as.
const mask = "***"

// Secret holds a value that must not be printed by accident: an AppSecret, a
// code, a token. Every way of formatting it (fmt, encoding/json, log/slog)
// yields a mask; only Reveal gives the value. The zero Secret is empty.
type Secret struct {
	// A pointer, because fmt prints an unexported string of an enclosing
	// struct without asking its Format method, but of a pointer only the
	// address.
	value *string
}

// NewSecret wraps a value.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{value: &value}
}

// Reveal returns the value itself.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero reports whether there is no value.
func (s Secret) IsZero() bool { return s.value == nil }

// Hint returns a mask that still distinguishes long values, such as "76_…x4Q";
// values under 24 bytes are masked completely.
func (s Secret) Hint() string {
	v := s.Reveal()
	switch {
	case v == "":
		return ""
	case len(v) < 24:
		return mask
	}
	for i := range len(v) {
		if v[i] <= ' ' || v[i] >= 0x7f {
			return mask
		}
	}
	return v[:3] + "…" + v[len(v)-3:]
}

// String returns the mask, or nothing for the empty Secret.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return mask
}

// Format writes the mask for every verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// MarshalText returns the mask; encoding/json uses it too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue returns the mask.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
