package exit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

type phoneError struct{}

func (phoneError) Error() string { return "x" }
func (phoneError) Describe() (string, int, string, string) {
	return "phone_not_ready", 12, "the phone is locked", "unlock it"
}

func TestDescribe(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want Report
	}{
		{"nil", nil, Report{}},
		{"plain", errors.New("boom"), Report{Code: "failed", ExitCode: 1, Message: "boom"}},
		{"own", Usagef("wxctl help", "bad %q", "x"), Report{Code: "usage", ExitCode: 2, Message: `bad "x"`, Hint: "wxctl help"}},
		{"wrapped other", fmt.Errorf("deliver: %w", phoneError{}), Report{Code: "phone_not_ready", ExitCode: 12, Message: "the phone is locked", Hint: "unlock it"}},
		{"deadline", fmt.Errorf("list: %w", context.DeadlineExceeded), Report{Code: "timeout", ExitCode: 1, Message: "no answer in time: list", Hint: "increase --timeout"}},
		{"interrupt beats the error that it caused", fmt.Errorf("%w: %w", &Signal{Code: Interrupted}, phoneError{}), Report{Code: "interrupted", ExitCode: 130, Message: "interrupted"}},
		{"printed already", &Silent{Code: 15}, Report{ExitCode: 15}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Describe(tt.err); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestTableIsSortedAndUnique(t *testing.T) {
	last := Code(-1)
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
