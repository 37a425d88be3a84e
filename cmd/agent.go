package cmd

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
)

type agentOptions struct {
	f       *Factory
	phone   phoneFlags
	lab     labAccess
	name    string
	labels  []string
	metrics string
}

// NewCmdAgent makes `wxctl agent`.
func NewCmdAgent(f *Factory, runF func(context.Context, *agentOptions) error) *cobra.Command {
	opts := &agentOptions{f: f}
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "Lend this host's phones to a lab",
		Long: long(`Lend the phones of this host to a lab, where wxctl run --lab finds them: all
ready ones, or those that --device fits. One JSON line says who lends how many:
{"agent":"rack3","phones":12}. Phones that are plugged in later are lent, too.

An agent takes a job only for a phone that it has leased, and fires a request
only after the owner of the run has written that down. One that can't reach the
lab any more stops driving before its leases end.

The first Ctrl-C drains: what the phones do is finished, nothing new is begun.`, exit.Credentials, exit.NoPhone,
			exit.Interrupted, exit.Terminated),
		Example: examples(`
# ten virtual phones for a lab on this machine
wxctl agent --lab nats://127.0.0.1:4222 --device "virtual:android?count=10"
# the phones of this host, with numbers for Prometheus
wxctl agent --lab nats://lab:4222 --lab-key agent.nk --lab-ca ca.pem --metrics 127.0.0.1:9464`),
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := opts.check(c); err != nil {
				return err
			}
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return agentRun(c.Context(), opts)
		},
	}
	opts.phone.add(f, cmd)
	opts.lab.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&opts.name, "name", "", "`name` of this agent in the lab (default: the host's)")
	flags.StringArrayVar(&opts.labels, "label", nil, "`label` of all its phones, such as rack=3, for --device label=rack=3")
	flags.StringVar(&opts.metrics, "metrics", "", "serve numbers for Prometheus at this `address`, such as 127.0.0.1:9464")
	return cmd
}

var agentName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`) })

func (o *agentOptions) check(c *cobra.Command) error {
	if err := errors.Join(o.phone.check(c), o.lab.check(c), given(c, "name", "label", "metrics")); err != nil {
		return err
	}
	if o.name == "" {
		o.name = hostName()
	}
	if !agentName().MatchString(o.name) {
		return exit.Usagef("use letters, digits, dots and dashes", "invalid --name %q", o.name)
	}
	for _, label := range o.labels {
		if strings.ContainsAny(label, ", \t\n") {
			return exit.Usagef("write it as rack=3, once for each", "invalid --label %q", label)
		}
	}
	return nil
}
