package jdwp

import (
	"strings"
	"testing"
)

// FuzzParameters splits arbitrary signatures of methods.
func FuzzParameters(f *testing.F) {
	for _, s := range []string{"()V", "(JLjava/lang/String;[[I)V", "(L", "([", "(Ljava/lang/String;", "(\xff)V", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		list, ok := parameters(s)
		if !ok {
			return
		}
		if joined := "(" + strings.Join(list, "") + ")"; !strings.HasPrefix(s, joined) {
			t.Errorf("%q is split into %q", s, list)
		}
		for _, p := range list {
			if p == "" {
				t.Errorf("%q has an empty parameter", s)
			}
		}
	})
}
