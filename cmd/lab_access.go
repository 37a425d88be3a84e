package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/lab"
	"github.com/wxctl/wxctl/device/lab/natslab"
)

// labAccess are the flags that say where a lab is and who asks.
type labAccess struct {
	url, key, ca string
}

func (l *labAccess) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&l.url, "lab", "", "`URL` of a lab, such as nats://127.0.0.1:4222, or several with commas")
	flags.StringVar(&l.key, "lab-key", "", "`file` of a key of the lab (env WXCTL_LAB_KEY)")
	flags.StringVar(&l.ca, "lab-ca", "", "`file` of the authority of the lab's certificates (env WXCTL_LAB_CA)")
}

// check says what is wrong with the flags.
func (l *labAccess) check(cmd *cobra.Command) error {
	if err := given(cmd, "lab", "lab-key", "lab-ca"); err != nil {
		return err
	}
	if l.url == "" && (l.key != "" || l.ca != "") && cmd.Flag("lab") != nil && cmd.Name() != "agent" && cmd.Parent().Name() != "lab" {
		return exit.Usagef("add --lab nats://HOST:4222", "--lab-key and --lab-ca are for a lab, and none is named")
	}
	return nil
}

// dial connects to the lab.
func (l *labAccess) dial(ctx context.Context, f *Factory, what string) (*natslab.Lab, error) {
	url := cmp.Or(l.url, f.Getenv("WXCTL_LAB_URL"))
	if url == "" {
		return nil, exit.Usagef("give --lab nats://HOST:4222, or start a lab with wxctl lab serve", "no lab is named")
	}
	return natslab.Dial(ctx, natslab.Access{
		URL: url, Key: cmp.Or(l.key, f.Getenv("WXCTL_LAB_KEY")), CA: cmp.Or(l.ca, f.Getenv("WXCTL_LAB_CA")), Name: "wxctl " + what,
	})
}

// whoAmI is the name under which a lab shows this process.
func whoAmI() string {
	host, err := os.Hostname()
	if err != nil {
		host = "a host"
	}
	if u, err := user.Current(); err == nil {
		return u.Username + "@" + host
	}
	return host
}

// describeLab is the report of an error that a lab returned; nil if err is something else.
func describeLab(err error) *device.ErrorReport {
	var (
		denied *natslab.DeniedError
		access *natslab.AccessError
		held   *lab.HeldError
		exists *natslab.RunExistsError
	)
	switch {
	case errors.As(err, &denied):
		return &device.ErrorReport{Code: "lab_denied", ExitCode: exit.Credentials, Message: denied.Error(),
			Hint: "give another key with --lab-key: runner.nk runs suites, agent.nk lends phones, viewer.nk looks on"}
	case errors.As(err, &access):
		r := device.ErrorReport{Code: "lab_failed", ExitCode: exit.Failed, Message: access.Message, Hint: access.Hint}
		if access.Refused {
			r.Code, r.ExitCode = "lab_denied", exit.Credentials
		}
		return &r
	case errors.As(err, &held) && held.Phone == "":
		return &device.ErrorReport{Code: "run_busy", ExitCode: exit.Usage, Message: fmt.Sprintf("the run is being run by %q", held.Holder),
			Hint: "wait for it to end"}
	case errors.As(err, &exists):
		return &device.ErrorReport{Code: "run_busy", ExitCode: exit.Usage, Message: exists.Error(), Hint: "go on with it: wxctl run --resume DIR"}
	}
	return nil
}
