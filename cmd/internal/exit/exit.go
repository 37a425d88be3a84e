// Package exit has wxctl's exit codes and the one place where an error
// becomes a sentence, a hint, a machine-readable code and an exit code.
package exit

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Code is an exit code. The numbers are stable; scripts treat an unknown one
// as failure.
type Code int

// The exit codes.
const (
	OK            Code = 0
	Failed        Code = 1
	Usage         Code = 2
	SomeFailed    Code = 3
	Credentials   Code = 4
	FoundWrong    Code = 5
	NoPhone       Code = 10
	SeveralPhones Code = 11
	PhoneNotReady Code = 12
	WeChatMissing Code = 13
	RefusedBefore Code = 14
	RefusedByThem Code = 15
	PhoneLost     Code = 16
	PhoneBusy     Code = 17
	NotSeen       Code = 18
	NotRun        Code = 20
	Interrupted   Code = 130
	Terminated    Code = 143
)

// Meaning is a row of the table of exit codes.
type Meaning struct {
	Code  Code
	Text  string
	Since string
}

// Table lists every exit code in order: the source of `wxctl help
// exit-codes` and of each command's EXIT STATUS.
func Table() []Meaning {
	return []Meaning{
		{OK, "the state asked for was seen, or the answer was printed", "0.1"},
		{Failed, "failed: network, server or internal error", "0.1"},
		{Usage, "wrong usage: flags, arguments, configuration", "0.1"},
		{SomeFailed, "some of several phones failed (if all failed alike: that code)", "0.1"},
		{Credentials, "credentials or code missing or refused", "0.1"},
		{FoundWrong, "what was asked for was found wrong: a case failed, a check failed", "0.1"},
		{NoPhone, "no such phone, or no adb server and no usbmuxd to ask", "0.1"},
		{SeveralPhones, "several phones, none chosen", "0.1"},
		{PhoneNotReady, "phone not ready", "0.1"},
		{WeChatMissing, "WeChat missing or too old", "0.1"},
		{RefusedBefore, "refused before sending: limits, scene, route", "0.1"},
		{RefusedByThem, "WeChat or the user refused: cancel, deny, ban", "0.1"},
		{PhoneLost, "phone lost on the way", "0.1"},
		{PhoneBusy, "phone busy: another wxctl uses it", "0.1"},
		{NotSeen, "the state asked for was not seen in time", "0.1"},
		{NotRun, "nothing failed, but some cases could not be run or are unknown", "0.1"},
		{Interrupted, "interrupted (SIGINT)", "0.1"},
		{Terminated, "terminated (SIGTERM)", "0.1"},
	}
}

// StatusTitle heads the exit codes of a command's long help.
const StatusTitle = "EXIT STATUS"

// Status is the EXIT STATUS part of a command's long help, for the codes
// that it can end with. Every command can end with OK, Failed and Usage, which
// are listed, and by a signal, which goes without saying.
func Status(codes ...Code) string {
	var b strings.Builder
	b.WriteString(StatusTitle + "\n")
	for _, m := range Table() {
		listed := m.Code <= Usage
		for _, c := range codes {
			listed = listed || c == m.Code && c < Interrupted
		}
		if listed {
			fmt.Fprintf(&b, "  %3d  %s\n", m.Code, m.Text)
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

// Error is an error of the command line itself: one sentence without a
// final period, and what to do next.
type Error struct {
	// Name is the machine-readable code in JSON, such as "bad_flag".
	Name string
	// Code is the exit code.
	Code Code
	// Message is one sentence; text from outside is quoted in it.
	Message string
	// Hint is the next step, preferably a command.
	Hint string
	// Err is the cause, if there is one.
	Err error
}

func (e *Error) Error() string { return e.Message }
func (e *Error) Unwrap() error { return e.Err }

// Usagef is an error of usage (exit 2).
func Usagef(hint, format string, args ...any) *Error {
	return &Error{Name: "usage", Code: Usage, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// Silent wraps an error whose report was printed already: it only sets the
// exit code.
type Silent struct{ Code Code }

func (s *Silent) Error() string { return fmt.Sprintf("exit %d", s.Code) }

// Signal is the cause of a context that a signal cancelled.
type Signal struct {
	// Code is 130 for SIGINT, 143 for SIGTERM.
	Code Code
}

func (s *Signal) Error() string {
	if s.Code == Terminated {
		return "terminated"
	}
	return "interrupted"
}

// Report is what a failed command says, on stderr and in JSON.
type Report struct {
	Code     string `json:"code"`
	ExitCode Code   `json:"exitCode"`
	Message  string `json:"message"`
	Hint     string `json:"hint,omitempty"`
}

// Describer is what errors of other packages implement to speak for
// themselves.
type Describer interface {
	error
	// Describe returns the machine-readable code, the exit code, the sentence
	// and the hint.
	Describe() (code string, exitCode int, message, hint string)
}

// inTime says of what there was no answer, without Go's own words for that.
func inTime(err error) string {
	const sentence = "no answer in time"
	if what, ok := strings.CutSuffix(err.Error(), ": "+context.DeadlineExceeded.Error()); ok {
		return sentence + ": " + what
	}
	return sentence
}

// Describe turns any error into its report; nil is the zero Report.
func Describe(err error) Report {
	if err == nil {
		return Report{}
	}
	var (
		signal *Signal
		own    *Error
		other  Describer
		silent *Silent
	)
	switch {
	case errors.As(err, &signal):
		return Report{Code: signal.Error(), ExitCode: signal.Code, Message: signal.Error()}
	case errors.As(err, &silent):
		return Report{ExitCode: silent.Code}
	case errors.As(err, &own):
		return Report{Code: own.Name, ExitCode: own.Code, Message: own.Message, Hint: own.Hint}
	case errors.As(err, &other):
		code, exitCode, message, hint := other.Describe()
		return Report{Code: code, ExitCode: Code(exitCode), Message: message, Hint: hint}
	case errors.Is(err, context.DeadlineExceeded):
		return Report{Code: "timeout", ExitCode: Failed, Message: inTime(err), Hint: "increase --timeout"}
	}
	return Report{Code: "failed", ExitCode: Failed, Message: err.Error()}
}
