package streams

import "testing"

func TestSafe(t *testing.T) {
	tests := []struct{ in, want string }{
		{"Pixel 7", "Pixel 7"},
		{"小米手机", "小米手机"},
		{"a\x1b[31mred", `a\u001b[31mred`},
		{"two\nlines\ttab", `two\u000alines\u0009tab`},
		{"bad\xff", `bad\xff`},
		{"x\u202egnp", `x\u202egnp`},
		{"\uFFFD", "\uFFFD"},
		{"", ""},
	}
	for _, tt := range tests {
		if got := Safe(tt.in); got != tt.want {
			t.Errorf("Safe(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}
