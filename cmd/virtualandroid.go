package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
)

type virtualAndroidOptions struct {
	f        *Factory
	adbPort  int
	adbdPort int
	count    int
	phone    virtualandroid.Options
}

// NewCmdVirtualAndroid makes `wxctl virtual android`.
func NewCmdVirtualAndroid(f *Factory, runF func(context.Context, *virtualAndroidOptions) error) *cobra.Command {
	opts := &virtualAndroidOptions{f: f}
	var given func() string
	cmd := &cobra.Command{
		Use:   "android",
		Short: "Play Android phones with WeChat on them",
		Long: long(`Play Android phones that adb, and everything that speaks its protocol, takes for
real: an adb server of their own, and for each phone the device side that a real
adb server connects to (adb connect). On each is a WeChat with a user who
answers, and a debuggable demo app that is registered with it.

One JSON line says where: {"adb":"127.0.0.1:41234","adbd":"127.0.0.1:41235",
"adbds":[…],"serials":[…]}. Point adb clients at the first with
ADB_SERVER_SOCKET=tcp:127.0.0.1:41234 or --adb-server. The same words are the
options of --device virtual:android?api=33&answer=cancel.`, exit.Interrupted, exit.Terminated),
		Example: examples(`
# a phone of Android 13 whose user always cancels
wxctl virtual android --api 33 --answer cancel
# a lab of twenty with WeChat 7.0.3 and a clone user
wxctl virtual android --count 20 --wechat 7.0.3 --users 999`),
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var err error
			if opts.phone, err = virtualandroid.ParseOptions(given()); err != nil {
				return exit.Usagef(c.CommandPath()+" --help", "%s", err)
			}
			if err := opts.check(); err != nil {
				return err
			}
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return virtualAndroidRun(c.Context(), opts)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&opts.adbPort, "adb-port", 0, "`port` of the adb server (0: any free one)")
	flags.IntVar(&opts.adbdPort, "adbd-port", 0, "`port` of the first phone's device side, the others follow (0: any free ones)")
	flags.IntVar(&opts.count, "count", 1, "how many phones")
	given = optionFlags(cmd, virtualandroid.Table(&opts.phone))
	return cmd
}

func (o *virtualAndroidOptions) check() error {
	const most = 1000
	switch {
	case o.count < 1 || o.count > most:
		return exit.Usagef("", "--count is from 1 to %d, not %d", most, o.count)
	case o.adbPort < 0 || o.adbPort > 65535:
		return exit.Usagef("", "--adb-port %d is no port", o.adbPort)
	case o.adbdPort < 0 || o.adbdPort != 0 && o.adbdPort+o.count-1 > 65535:
		return exit.Usagef("", "--adbd-port %d leaves no room for %d ports", o.adbdPort, o.count)
	}
	return nil
}

func virtualAndroidRun(ctx context.Context, opts *virtualAndroidOptions) error {
	f := opts.f
	ctx, cancel := f.Deadline(ctx, 0)
	defer cancel()
	lab := make([]virtualandroid.Options, opts.count)
	for i := range lab {
		lab[i] = opts.phone
	}
	server, err := virtualandroid.StartAt(ctx, opts.adbPort, lab...)
	if err != nil {
		return busyPort(err)
	}
	defer server.Close()
	adbds, err := server.ServeDevices(opts.adbdPort)
	if err != nil {
		return busyPort(err)
	}
	serials := make([]string, len(server.Phones))
	for i, phone := range server.Phones {
		serials[i] = phone.Serial()
	}
	err = f.Printer().Line(struct {
		ADB     string   `json:"adb"`
		ADBD    string   `json:"adbd"`
		ADBDs   []string `json:"adbds"`
		Serials []string `json:"serials"`
	}{server.ADB, adbds[0], adbds, serials})
	if err != nil {
		return err
	}
	return untilEnd(ctx, f.Streams.In)
}

// busyPort names the way out of a port that is taken.
func busyPort(err error) error {
	return &exit.Error{Name: "failed", Code: exit.Failed, Message: err.Error(), Hint: "use another port, or 0 for any free one", Err: err}
}
