package exit

import (
	"strings"
	"testing"
)

func TestTableIsSortedAndUnique(t *testing.T) {
	last := -1
	for _, m := range Table() {
		if m.Code <= last {
			t.Errorf("%d comes after %d", m.Code, last)
		}
		last = m.Code
		if m.Text == "" || strings.HasSuffix(m.Text, ".") {
			t.Errorf("%d: text %q", m.Code, m.Text)
		}
	}
}

func TestStatusListsWhatItIsGiven(t *testing.T) {
	s := Status(WeChatMissing)
	for _, want := range []string{"EXIT STATUS", "  0  ", "  1  ", "  2  ", " 13  WeChat missing"} {
		if !strings.Contains(s, want) {
			t.Errorf("%q lacks %q", s, want)
		}
	}
	if strings.Contains(s, " 17  ") {
		t.Errorf("%q lists a code it was not given", s)
	}
}
