package cmd

import (
	"cmp"
	"context"
	"crypto/rand"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/virtual/screen"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
)

type virtualAndroidOptions struct {
	f        *Factory
	adbPort  int
	adbdPort int
	serial   string
	lab      labFlags
	phones   []virtualandroid.Options
}

// NewCmdVirtualAndroid makes `wxctl virtual android`.
func NewCmdVirtualAndroid(f *Factory, runF func(context.Context, *virtualAndroidOptions) error) *cobra.Command {
	opts := &virtualAndroidOptions{f: f}
	var given func() string
	cmd := &cobra.Command{
		Use:   "android [virtual:android?OPTIONS...]",
		Short: "Run virtual Android phones with WeChat on them",
		Long: long(`Run virtual Android phones that adb, and everything that speaks its protocol, takes for
real: an adb server of their own, and for each phone the device side that a real
adb server connects to (adb connect). On each is a WeChat with a user who
answers, and a debuggable demo app that is registered with it.

One JSON line says where: {"adb":"127.0.0.1:41234","adbd":"127.0.0.1:41235",
"adbds":[…],"serials":[…]}. Point adb clients at the first with
ADB_SERVER_SOCKET=tcp:127.0.0.1:41234 or --adb-server. The same words are the
options of --device virtual:android?api=33&answer=cancel.

Descriptions of that form, as arguments or in the lines of --spec, make a lab of
different phones; flags hold for all. The first word of a flag is its default.`, exit.Interrupted, exit.Terminated),
		Example: examples(`
# a phone of Android 13 whose user always cancels
wxctl virtual android --api 33 --answer cancel
# a lab of twenty with WeChat 7.0.3 and a clone user
wxctl virtual android --count 20 --wechat 7.0.3 --users 999
# two that differ, their screens in a browser
wxctl virtual android virtual:android?api=28 virtual:android?answer=deny --web 127.0.0.1:0`),
		RunE: func(c *cobra.Command, args []string) error {
			if err := opts.lab.check(); err != nil {
				return err
			}
			descriptions, err := opts.lab.descriptions("android", given(), args)
			if err != nil {
				return err
			}
			for _, d := range descriptions {
				phone, err := virtualandroid.ParseOptions(d)
				if err != nil {
					return exit.Usagef(c.CommandPath()+" --help", "%s", err)
				}
				opts.phones = append(opts.phones, phone)
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
	flags.IntVar(&opts.adbdPort, "adbd-port", 0, "`port` of the first phone's adbd, the others follow (0: any free ones)")
	flags.StringVar(&opts.serial, "serial", "", "serial `number` of the first phone, the others get -2, -3 …")
	opts.lab.add(cmd)
	given = optionFlags(cmd, virtualandroid.Table(new(virtualandroid.Options)))
	return cmd
}

func (o *virtualAndroidOptions) check() error {
	switch {
	case strings.ContainsFunc(o.serial, func(r rune) bool { return r <= ' ' || r > '~' }):
		return exit.Usagef("use letters, digits, dots and dashes", "invalid --serial %q", o.serial)
	case o.adbPort < 0 || o.adbPort > 65535:
		return exit.Usagef("", "invalid --adb-port %d: use 0 to 65535", o.adbPort)
	case o.adbdPort < 0 || o.adbdPort != 0 && o.adbdPort+len(o.phones)-1 > 65535:
		return exit.Usagef("", "--adbd-port %d leaves no room for %d ports", o.adbdPort, len(o.phones))
	}
	return nil
}

func virtualAndroidRun(ctx context.Context, opts *virtualAndroidOptions) error {
	f := opts.f
	ctx, cancel := f.Deadline(ctx, 0)
	defer cancel()
	// Phones of two processes behind one adb server must have different
	// serials.
	serial := cmp.Or(opts.serial, "virtual-"+strings.ToLower(rand.Text()[:8]))
	for i := range opts.phones {
		opts.phones[i].Serial = serial
		if i > 0 {
			opts.phones[i].Serial += "-" + strconv.Itoa(i+1)
		}
	}
	listener, err := virtualandroid.Listen(ctx, opts.adbPort)
	if err != nil {
		return busyPort(err)
	}
	server, err := virtualandroid.Serve(ctx, listener, opts.phones...)
	if err != nil {
		return err
	}
	defer server.Close()
	adbds, err := server.ServeDevices(opts.adbdPort)
	if err != nil {
		return busyPort(err)
	}
	serials := make([]string, len(server.Phones))
	shown := make([]screen.Shown, len(server.Phones))
	for i, phone := range server.Phones {
		serials[i] = phone.Serial()
		shown[i] = screen.Shown{Name: phone.Serial(), PNG: phone.Screenshot}
	}
	web, err := opts.lab.show(ctx, shown)
	if err != nil {
		return err
	}
	err = f.Printer().Line(struct {
		ADB     string   `json:"adb"`
		ADBD    string   `json:"adbd"`
		ADBDs   []string `json:"adbds"`
		Serials []string `json:"serials"`
		Web     string   `json:"web,omitempty"`
	}{server.ADB, adbds[0], adbds, serials, web})
	if err != nil {
		return err
	}
	return f.untilEnd(ctx)
}

// busyPort adds a hint to the error of a port that is in use.
func busyPort(err error) error {
	return &device.Error{Code: device.Failed, Message: err.Error(), Hint: "use another port, or 0 for any free one", Err: err}
}
