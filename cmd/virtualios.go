package cmd

import (
	"context"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device/virtual/virtualios"
)

type virtualIOSOptions struct {
	f                                            *Factory
	usbmuxPort, wdaPort, rsdPort, tunnelInfoPort int
	socket                                       string
	count                                        int
	tunnels                                      bool // a tunnel service runs
	phone                                        virtualios.Options
}

// NewCmdVirtualIOS makes `wxctl virtual ios`.
func NewCmdVirtualIOS(f *Factory, runF func(context.Context, *virtualIOSOptions) error) *cobra.Command {
	opts := &virtualIOSOptions{f: f}
	var given func() string
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
			var err error
			if opts.phone, err = virtualios.ParseOptions(given()); err != nil {
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
	flags.IntVar(&opts.tunnelInfoPort, "tunnel-info-port", 0, "`port` of a tunnel service as go-ios runs one (0: any free one); without it none runs")
	flags.IntVar(&opts.count, "count", 1, "how many phones")
	given = optionFlags(cmd, virtualios.Table(&opts.phone))
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
