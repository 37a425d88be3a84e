package cmd

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

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

// virtualAndroidHelp says what each option of a virtual phone does; what it
// takes is the phone's own word.
func virtualAndroidHelp() map[string]string {
	return map[string]string{
		"answer":  "what the user does once WeChat's screen is up, by default send",
		"api":     "Android API level, by default 34",
		"app":     "how the demo app was built, and whether another debugger is in it already, by default debug",
		"auth":    "whether the device side asks a computer for its adb key, and takes any, by default none",
		"disk":    "state of the data partition, by default free",
		"latency": "how long each answer of the phone takes, by default no time",
		"login":   "whether somebody is logged in to WeChat, by default in",
		"oauth":   "where WeChat gets authorization codes, by default of its own making",
		"screen":  "whether the screen is on and unlocked, by default on",
		"state":   "how the adb server sees the phone, by default device",
		"think":   "how long the user takes for each thing, by default 150ms",
		"token":   "whether WeChat's server insists on a caller token, by default any",
		"users":   "further Android users, by default none",
		"wechat":  "WeChat on the phone, by default 8.0.50",
	}
}

// NewCmdVirtualAndroid makes `wxctl virtual android`.
func NewCmdVirtualAndroid(f *Factory, runF func(context.Context, *virtualAndroidOptions) error) *cobra.Command {
	opts := &virtualAndroidOptions{f: f}
	var keys []string
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
			values := url.Values{}
			c.Flags().Visit(func(flag *pflag.Flag) {
				if slices.Contains(keys, flag.Name) {
					values.Set(flag.Name, flag.Value.String())
				}
			})
			var err error
			if opts.phone, err = virtualandroid.OptionsOf(values); err != nil {
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
	help := virtualAndroidHelp()
	for _, option := range virtualandroid.OptionKeys() {
		keys = append(keys, option[0])
		flags.String(option[0], "", help[option[0]]+": "+option[1])
		if words := strings.Split(option[1], ", "); len(words) > 1 && !strings.Contains(option[1], " such as ") {
			complete(cmd, option[0], words...)
		}
	}
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
