// Package exit has wxctl's exit codes, and the errors that end the program with
// one.
package exit

import (
	"fmt"
	"strings"

	"github.com/wxctl/wxctl/device"
)

// The exit codes. The numbers are stable; scripts treat an unknown one as
// failure.
const (
	OK            = 0
	Failed        = 1
	Usage         = 2
	SomeFailed    = 3
	Credentials   = 4
	FoundWrong    = 5
	NoPhone       = 10
	SeveralPhones = 11
	PhoneNotReady = 12
	WeChatMissing = 13
	RefusedBefore = 14
	RefusedByThem = 15
	PhoneLost     = 16
	PhoneBusy     = 17
	NotSeen       = 18
	NotRun        = 20
	Interrupted   = 130
	Terminated    = 143
)

// Meaning is a row of the table of exit codes.
type Meaning struct {
	Code  int
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

// Status is the EXIT STATUS part of a command's long help, for the codes that
// it can end with. OK, Failed and Usage are listed for every command; the codes
// for signals are not listed.
func Status(codes ...int) string {
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

// Usagef is an error of usage (exit 2).
func Usagef(hint, format string, args ...any) *device.Error {
	return &device.Error{Code: device.Usage, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// Silent is an error that was already printed: it only sets the exit code.
type Silent struct{ Code int }

func (s *Silent) Error() string { return fmt.Sprintf("exit %d", s.Code) }

// Signal is the cause of a context that a signal cancelled.
type Signal struct {
	// Code is 130 for SIGINT, 143 for SIGTERM.
	Code int
}

func (s *Signal) Error() string {
	if s.Code == Terminated {
		return "terminated"
	}
	return "interrupted"
}
