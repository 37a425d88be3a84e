package cmd

import (
	"context"
	"errors"
	"strings"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/oauth"
	"github.com/wxctl/wxctl/oauth/credentials"
)

// describe converts any error to its report. It is the one place where the
// errors of all packages get their sentence, hint and exit code. The report of
// nil is empty.
func describe(err error) device.ErrorReport {
	var (
		signal  *exit.Signal
		silent  *exit.Silent
		own     *device.Error
		call    *oauth.Error
		keyring *credentials.KeyringError
		stored  *credentials.FileError
	)
	switch {
	case err == nil:
		return device.ErrorReport{}
	case errors.As(err, &signal):
		return device.ErrorReport{Code: device.Code(signal.Error()), ExitCode: signal.Code, Message: signal.Error()}
	case errors.As(err, &silent):
		return device.ErrorReport{ExitCode: silent.Code}
	case errors.As(err, &own):
	case errors.As(err, &call):
		return describeOAuth(call)
	case errors.As(err, &keyring):
		return describeKeyring(err)
	case errors.As(err, &stored):
		return device.ErrorReport{Code: "store_failed", ExitCode: exit.Failed, Message: err.Error(), Hint: stored.Hint}
	default:
		if r := describeLab(err); r != nil {
			return *r
		}
		if errors.Is(err, context.DeadlineExceeded) {
			return device.ErrorReport{Code: "timeout", ExitCode: exit.Failed, Message: inTime(err), Hint: "increase --timeout"}
		}
	}
	return *device.Report(err)
}

// inTime names what did not answer in time, without Go's own wording.
func inTime(err error) string {
	const sentence = "no answer in time"
	if what, ok := strings.CutSuffix(err.Error(), ": "+context.DeadlineExceeded.Error()); ok {
		return sentence + ": " + what
	}
	return sentence
}
