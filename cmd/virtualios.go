package cmd

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device/virtual/virtualios"
)

type virtualIOSOptions struct {
	f                                            *Factory
	usbmuxPort, wdaPort, rsdPort, tunnelInfoPort int
	socket                                       string
	count                                        int
	tunnels                                      bool // a tunnel agent runs
	phone                                        virtualios.Options
}

// virtualIOSHelp says what each option of a virtual iPhone does; what it takes
// is the phone's own word.
func virtualIOSHelp() map[string]string {
	return map[string]string{
		"answer":     "what the user does once WeChat's screen is up, by default send",
		"ios":        "version of iOS, by default 17.5",
		"login":      "whether somebody is logged in to WeChat, by default in",
		"model":      "Apple's name of the model, by default iPhone14,2",
		"name":       "what the owner calls the phone, by default Virtual iPhone",
		"oauth":      "where WeChat gets authorization codes, by default of its own making",
		"pasteboard": "whether the developer image brings a pasteboard service, by default off",
		"state":      "what stands in a computer's way, by default ready",
		"think":      "how long the user takes for each thing, by default 150ms",
		"transport":  "how the phone is attached, by default usb",
		"udid":       "number of the first phone",
		"wda":        "whether WebDriverAgent runs on the phone, by default on",
		"wechat":     "WeChat on the phone, by default 8.0.50",
	}
}

// NewCmdVirtualIOS makes `wxctl virtual ios`.
func NewCmdVirtualIOS(f *Factory, runF func(context.Context, *virtualIOSOptions) error) *cobra.Command {
	opts := &virtualIOSOptions{f: f}
	var keys []string
	cmd := &cobra.Command{
		Use:   "ios",
		Short: "Play iPhones with WeChat on them",
		Long: long(`Play iPhones that libimobiledevice, pymobiledevice3, go-ios and everything that
speaks to usbmuxd takes for real: a usbmuxd of their own on a loopback port and
a unix socket, and behind it lockdownd, its services and, from iOS 17 on, the
developer tunnel with remote service discovery. On each is a WeChat with a user
who answers, and a debuggable demo app that is registered with it.

One JSON line says where: {"usbmux":"127.0.0.1:41234","usbmuxSocket":"/tmp/…",
"rsd":"127.0.0.1:41235","wda":"127.0.0.1:41236","udids":[…]}. Point clients at
the first with USBMUXD_SOCKET_ADDRESS=127.0.0.1:41234 or --usbmuxd. The same
words are the options of --device virtual:ios?ios=17.5&answer=cancel.`, exit.Interrupted, exit.Terminated),
		Example: examples(`
# an iPhone of iOS 16.7 whose user always cancels
wxctl virtual ios --ios 16.7 --answer cancel
# a lab of twenty that have not been paired yet
wxctl virtual ios --count 20 --state unpaired`),
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			values := url.Values{}
			c.Flags().Visit(func(flag *pflag.Flag) {
				if slices.Contains(keys, flag.Name) {
					values.Set(flag.Name, flag.Value.String())
				}
			})
			var err error
			if opts.phone, err = virtualios.OptionsOf(values); err != nil {
				return exit.Usagef(c.CommandPath()+" --help", "%s", err)
			}
			opts.tunnels = c.Flags().Changed("tunnel-info-port")
			if err := opts.check(); err != nil {
				return err
			}
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return virtualIOSRun(c.Context(), opts)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&opts.usbmuxPort, "usbmux-port", 0, "`port` of usbmuxd (0: any free one)")
	flags.StringVar(&opts.socket, "usbmux-socket", "", "`path` of usbmuxd's unix socket (default: in a directory of its own)")
	flags.IntVar(&opts.wdaPort, "wda-port", 0, "`port` of the first phone's WebDriverAgent (0: any free one)")
	flags.IntVar(&opts.rsdPort, "rsd-port", 0, "`port` of the first phone's remote service discovery, without a tunnel (0: any free one)")
	flags.IntVar(&opts.tunnelInfoPort, "tunnel-info-port", 0, "`port` of a tunnel agent as go-ios runs one (0: any free one); without it none runs")
	flags.IntVar(&opts.count, "count", 1, "how many phones")
	help := virtualIOSHelp()
	for _, option := range virtualios.OptionKeys() {
		keys = append(keys, option[0])
		flags.String(option[0], "", help[option[0]]+": "+option[1])
		if words := strings.Split(option[1], ", "); len(words) > 1 && !strings.Contains(option[1], " such as ") {
			complete(cmd, option[0], words...)
		}
	}
	return cmd
}

func (o *virtualIOSOptions) check() error {
	const most = 1000
	if o.count < 1 || o.count > most {
		return exit.Usagef("", "--count is from 1 to %d, not %d", most, o.count)
	}
	if o.count > 1 && o.phone.UDID != "" {
		return exit.Usagef("leave --udid away, or --count", "%d phones can't all be %q", o.count, o.phone.UDID)
	}
	for _, p := range []struct {
		flag string
		port int
	}{{"usbmux-port", o.usbmuxPort}, {"wda-port", o.wdaPort}, {"rsd-port", o.rsdPort}, {"tunnel-info-port", o.tunnelInfoPort}} {
		if p.port < 0 || p.port > 65535 {
			return exit.Usagef("", "--%s %d is no port", p.flag, p.port)
		}
	}
	return nil
}

// virtualIOSAddresses is the line that says where the phones are.
type virtualIOSAddresses struct {
	USBMux       string   `json:"usbmux"`
	USBMuxSocket string   `json:"usbmuxSocket"`
	RSD          string   `json:"rsd,omitempty"`
	TunnelInfo   string   `json:"tunnelInfo,omitempty"`
	WDA          string   `json:"wda,omitempty"`
	UDIDs        []string `json:"udids"`
}

func virtualIOSRun(ctx context.Context, opts *virtualIOSOptions) error {
	f := opts.f
	ctx, cancel := f.Deadline(ctx, 0)
	defer cancel()
	if opts.socket == "" {
		dir, err := os.MkdirTemp("", "wxctl-usbmux")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		opts.socket = filepath.Join(dir, "usbmuxd")
	}
	lab := make([]virtualios.Options, opts.count)
	for i := range lab {
		lab[i] = opts.phone
	}
	server, err := virtualios.StartWith(ctx, virtualios.Config{Port: opts.usbmuxPort, Socket: opts.socket}, lab...)
	if err != nil {
		return busyPort(err)
	}
	defer server.Close()
	line := virtualIOSAddresses{USBMux: server.USBMux, USBMuxSocket: server.Socket}
	for _, phone := range server.Phones {
		line.UDIDs = append(line.UDIDs, phone.UDID())
	}
	if opts.phone.WDA != virtualios.WDAOff {
		if line.WDA, err = server.ServeWDA(opts.wdaPort); err != nil {
			return busyPort(err)
		}
	}
	if server.Phones[0].CoreDevice.Supported() {
		if line.RSD, err = server.ServeRSD(opts.rsdPort); err != nil {
			return busyPort(err)
		}
	}
	if opts.tunnels {
		if line.TunnelInfo, err = server.ServeTunnels(opts.tunnelInfoPort); err != nil {
			return busyPort(err)
		}
	}
	if err := server.Ready(ctx); err != nil {
		return err
	}
	if err := f.Printer().Line(line); err != nil {
		return err
	}
	return untilEnd(ctx, f.Streams.In)
}
