package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/lab/natslab"
	"github.com/wxctl/wxctl/device/lab/natslab/natsserver"
)

type labInitOptions struct {
	f     *Factory
	dir   string
	hosts []string
	store string
}

// NewCmdLabInit makes `wxctl lab init`.
func NewCmdLabInit(f *Factory, runF func(*labInitOptions) error) *cobra.Command {
	opts := &labInitOptions{f: f}
	cmd := &cobra.Command{
		Use:   "init DIR",
		Short: "Make the keys, certificates and configuration of a lab",
		Long: long(`Make what a lab on several hosts needs, in a new folder:

  runner.nk, agent.nk, viewer.nk   NKeys: who runs suites, lends phones, looks on
  ca.pem, ca-key.pem               the authority of the certificates
  server.pem, server-key.pem       the certificate of the servers
  nats-1.conf …                    for nats-server, or wxctl lab serve --config DIR

Name every host that a server is on, as agents and runs will name it: one, or
three, which then keep everything three times. The files name the folder: it has
the same place on each of these hosts. Keep ca-key.pem elsewhere.`),
		Example: examples(`wxctl lab init lab --host lab.example.com`),
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			opts.dir = args[0]
			if len(opts.hosts) == 0 {
				opts.hosts = []string{hostName()}
			}
			if n := len(opts.hosts); n != 1 && n != 3 {
				return exit.Usagef("give --host once or three times", "a lab has one server or three, not %d", n)
			}
			if runF != nil {
				return runF(opts)
			}
			return labInitRun(opts)
		},
	}
	cmd.Flags().StringArrayVar(&opts.hosts, "host", nil, "`name` or address of a server's host (default: this host's name)")
	cmd.Flags().StringVar(&opts.store, "store", "/var/lib/wxctl-lab", "`directory` of the servers' data")
	return cmd
}

func labInitRun(o *labInitOptions) error {
	err := natsserver.Init(o.dir, o.hosts, o.store, o.f.Now())
	switch {
	case errors.Is(err, fs.ErrExist):
		return exit.Usagef("name a new folder", "%q holds a lab already", o.dir)
	case err != nil:
		return exit.Usagef("name another folder", "the lab can't be made in %q: %v", o.dir, err)
	}
	o.f.Streams.Note("next: wxctl lab serve --config %s --listen 0.0.0.0:4222", safe(o.dir))
	return nil
}

type labServeOptions struct {
	f             *Factory
	listen, store string
	config        string
	leaseTTL      time.Duration
}

// NewCmdLabServe makes `wxctl lab serve`.
func NewCmdLabServe(f *Factory, runF func(context.Context, *labServeOptions) error) *cobra.Command {
	opts := &labServeOptions{f: f}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve a lab",
		Long: long(`Serve a lab: a server of NATS JetStream in this process. One JSON line says where,
{"url":"nats://127.0.0.1:4222"}; it stays until Ctrl-C, SIGTERM or, if its
standard input is a pipe, the end of that. Its state is in --store: after a
restart, runs continue by themselves.

Beyond this machine a lab has keys and TLS: wxctl lab init makes them, and
--config names their folder.`, exit.Interrupted, exit.Terminated),
		Example: examples("wxctl lab serve --listen 127.0.0.1:0 --store lab-data"),
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := errors.Join(opts.check(), given(c, "store", "config", "listen")); err != nil {
				return err
			}
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return labServeRun(c.Context(), opts)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&opts.listen, "listen", "127.0.0.1:4222", "`host:port` to listen on; port 0 is any free one")
	flags.StringVar(&opts.store, "store", "", "`directory` of the lab's data (default: lab in the state directory)")
	flags.StringVar(&opts.config, "config", "", "`folder` that wxctl lab init made, for keys and TLS")
	flags.DurationVar(&opts.leaseTTL, "lease-ttl", 30*time.Second, "how long a new lab waits for a silent agent")
	return cmd
}

func (o *labServeOptions) check() error {
	host, port, err := net.SplitHostPort(o.listen)
	if err != nil {
		return exit.Usagef("write it as 127.0.0.1:4222", "invalid --listen %q", o.listen)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return exit.Usagef("write it as 127.0.0.1:4222", "invalid --listen %q: its port must be a number from 0 to 65535", o.listen)
	}
	if ip := net.ParseIP(host); o.config == "" && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return exit.Usagef("add --config lab after `wxctl lab init lab`",
			"--listen %s is beyond this machine, where a lab has keys and TLS", o.listen)
	}
	if o.leaseTTL < time.Second {
		return exit.Usagef("give at least 1s", "invalid --lease-ttl %s", o.leaseTTL)
	}
	return nil
}

func labServeRun(ctx context.Context, o *labServeOptions) error {
	f := o.f
	ctx, cancel := f.Deadline(ctx, 0)
	defer cancel()
	if o.store == "" {
		dir, err := f.StateDir()
		if err != nil {
			return err
		}
		o.store = filepath.Join(dir, "lab")
	}
	if err := os.MkdirAll(o.store, 0o700); err != nil {
		return exit.Usagef("name another directory with --store", "the lab's data can't be kept: %v", err)
	}
	options := natsserver.Options{Listen: o.listen, Store: o.store}
	access := natslab.Access{Name: "wxctl lab serve"}
	if o.config != "" {
		options.Config = natsserver.ConfigFile(o.config, 1)
		access.Key, access.CA = natsserver.KeyFile(o.config, natsserver.Runner), natsserver.CAFile(o.config)
	}
	server, err := natsserver.Start(ctx, options)
	if err != nil {
		return &device.Error{Code: device.Failed, Message: fmt.Sprintf("the lab can't be served at %s: %v", o.listen, err),
			Hint: "is a lab served there already? name another address with --listen, or another --store", Err: err}
	}
	defer server.Close()
	settings := natslab.Defaults(1)
	settings.LeaseTTL = o.leaseTTL
	settings.DeviceTTL = min(settings.DeviceTTL, o.leaseTTL)
	access.URL, access.New = server.Own, &settings
	l, err := natslab.Dial(ctx, access)
	if err != nil {
		return err
	}
	l.Close() // it is set up
	if err := f.Printer().Line(struct {
		URL string `json:"url"`
	}{server.URL}); err != nil {
		return err
	}
	return f.untilEnd(ctx)
}
