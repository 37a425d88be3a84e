package device

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// Code is a kind of failure, as the JSON's error.code spells it. Each kind has
// one exit code.
type Code string

// The kinds of failure. The number in each comment is the exit code.
const (
	Failed           Code = "failed"            // 1: network, server, internal
	Usage            Code = "usage"             // 2: the command line is incomplete or invalid
	NoPhone          Code = "no_phone"          // 10: no such phone
	NoServer         Code = "no_server"         // 10: no adb server and no usbmuxd to ask
	SeveralPhones    Code = "several_phones"    // 11: several phones, none chosen
	PhoneNotReady    Code = "phone_not_ready"   // 12: the phone is there, but can't be used
	WeChatMissing    Code = "wechat_missing"    // 13: WeChat is not installed for that user
	WeChatDisabled   Code = "wechat_disabled"   // 13: installed, but disabled, suspended or hidden
	WeChatTooOld     Code = "wechat_too_old"    // 13: this WeChat does not know the request
	Refused          Code = "refused"           // 14: not sent: limits, scene, route, app
	RefusedByWeChat  Code = "refused_by_wechat" // 15: WeChat or the user refused
	PhoneLost        Code = "phone_lost"        // 16: the phone was disconnected meanwhile
	PhoneBusy        Code = "phone_busy"        // 17: another wxctl drives it
	NotSeen          Code = "not_seen"          // 18: sent, but the state asked for was not seen in time
	Interrupted      Code = "interrupted"       // 130: Ctrl-C
	AndroidUserUnset Code = "several_users"     // 2: several Android users have WeChat
	AppUnknown       Code = "app_unknown"       // 2: no app was specified
	ServerMisbehaved Code = "server_misbehaved" // 1: a server sent an invalid answer
)

var exitCodes = map[Code]int{
	Failed: 1, ServerMisbehaved: 1,
	Usage: 2, AndroidUserUnset: 2, AppUnknown: 2,
	NoPhone: 10, NoServer: 10, SeveralPhones: 11, PhoneNotReady: 12,
	WeChatMissing: 13, WeChatDisabled: 13, WeChatTooOld: 13,
	Refused: 14, RefusedByWeChat: 15, PhoneLost: 16, PhoneBusy: 17, NotSeen: 18,
	Interrupted: 130,
}

// ExitCode returns the process exit code of failures of this kind.
func (c Code) ExitCode() int {
	if n, ok := exitCodes[c]; ok {
		return n
	}
	return 1
}

// Error is a failure that a user can act on: one sentence, the next step, and
// the kind for scripts. Messages quote what came from outside.
type Error struct {
	Code    Code
	Exit    int    // the exit code, if it is not that of Code
	Message string // one sentence: lower case, no full stop
	Hint    string // the next step, often a command; may be empty
	// Candidates are the phones to choose from, for errors about choosing.
	Candidates []Candidate
	// Err is the cause, for errors.Is and for -v; its text is not part of
	// Message unless the user can use it.
	Err error
}

// Candidate is a phone in the table that an error about choosing carries.
type Candidate struct {
	Info
	Matched bool // the selector fits it
}

// Errorf returns an Error of kind code with a formatted sentence. As in
// fmt.Errorf, %w keeps the cause.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), Err: errors.Unwrap(err)}
}

// WithHint sets the hint and returns e, so that an error fits on one line of
// code.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ExitCode returns the process exit code that belongs to the error.
func (e *Error) ExitCode() int { return cmp.Or(e.Exit, e.Code.ExitCode()) }

// AsError returns err as an *Error: err itself if it is one, else one of the
// matching kind (a cancelled context is Interrupted, a passed deadline NotSeen,
// anything else Failed). It returns nil for nil.
func AsError(err error) *Error {
	var e *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.Canceled):
		return &Error{Code: Interrupted, Message: "interrupted", Err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Code: NotSeen, Message: "no answer in time", Hint: "increase --timeout", Err: err}
	}
	return &Error{Code: Failed, Message: err.Error(), Err: err}
}

// moment is how much later than an I/O error the end of the context that caused
// it may be noticed: a connection's deadline is the context's, and a goroutine
// of this process may close the connection when the same context ends.
const moment = 20 * time.Millisecond

// EndOf returns the error of ctx if that caused the I/O error err, else err.
// The context's error takes precedence, in whatever order the two are noticed.
func EndOf(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() == nil {
		if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
			return context.DeadlineExceeded
		}
		timer := time.NewTimer(moment)
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-timer.C:
			return err
		}
	}
	return ctx.Err()
}
