package cmd

import (
	"context"
	"errors"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/oauth"
	"github.com/wxctl/wxctl/oauth/credentials"
)

// describe turns any error into its report: the one place where the errors of
// all rooms get their sentence, hint and exit code.
func describe(err error) exit.Report {
	var (
		own     *exit.Error
		signal  *exit.Signal
		phone   *device.Error
		call    *oauth.Error
		keyring *credentials.KeyringError
		stored  *credentials.FileError
	)
	if errors.As(err, &own) || errors.As(err, &signal) {
		return exit.Describe(err)
	}
	if errors.As(err, &phone) {
		return exit.Report{Code: string(phone.Code), ExitCode: exit.Code(phone.ExitCode()), Message: phone.Message, Hint: phone.Hint}
	}
	if errors.As(err, &call) {
		return describeOAuth(call)
	}
	if errors.As(err, &keyring) {
		return describeKeyring(err)
	}
	if errors.As(err, &stored) {
		return exit.Report{Code: "store_failed", ExitCode: exit.Failed, Message: err.Error(), Hint: stored.Hint}
	}
	if r := describeLab(err); r != nil {
		return *r
	}
	if errors.Is(err, context.Canceled) {
		return exit.Report{Code: "interrupted", ExitCode: exit.Interrupted, Message: "interrupted"}
	}
	return exit.Describe(err)
}
