package cmd

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device/virtual/screen"
	"github.com/wxctl/wxctl/device/virtual/virtualios"
)

type virtualIOSOptions struct {
	f                                            *Factory
	usbmuxPort, wdaPort, rsdPort, tunnelInfoPort int
	socket                                       string
	lab                                          labFlags
	tunnels                                      bool // a tunnel service runs
	phones                                       []virtualios.Options
}

// NewCmdVirtualIOS makes `wxctl virtual ios`.
func NewCmdVirtualIOS(f *Factory, runF func(context.Context, *virtualIOSOptions) error) *cobra.Command {
	opts := &virtualIOSOptions{f: f}
	var given func() string
	cmd := &cobra.Command{
		Use:   "ios [virtual:ios?OPTIONS...]",
		Short: "Run virtual iPhones with WeChat on them",
		Long: long(`Run virtual iPhones that libimobiledevice, pymobiledevice3, go-ios and everything that
speaks to usbmuxd takes for real: a usbmuxd of their own on a loopback port and
a unix socket, and behind it lockdownd, its services and, from iOS 17 on, the
developer tunnel with remote service discovery. On each is a WeChat with a user
who answers, and a debuggable demo app that is registered with it.

One JSON line says where: {"usbmux":"127.0.0.1:41234","usbmuxSocket":"/tmp/…",
"rsd":"127.0.0.1:41235","wda":"127.0.0.1:41236","udids":[…]}. Point clients at
the first with USBMUXD_SOCKET_ADDRESS=127.0.0.1:41234 or --usbmuxd. The same
words are the options of --device virtual:ios?ios=17.5&answer=cancel.

Descriptions of that form, as arguments or in the lines of --spec, make a lab of
different phones; the flags hold for all. Where a flag takes words, the first is
the default. --web shows the screens in a browser.`, exit.Interrupted, exit.Terminated),
		Example: examples(`
# an iPhone of iOS 16.7 whose user always cancels
wxctl virtual ios --ios 16.7 --answer cancel
# a lab of twenty that have not been paired yet
wxctl virtual ios --count 20 --state unpaired`),
		RunE: func(c *cobra.Command, args []string) error {
			if err := opts.lab.check(); err != nil {
				return err
			}
			descriptions, err := opts.lab.descriptions("ios", given(), args)
			if err != nil {
				return err
			}
			for _, d := range descriptions {
				phone, err := virtualios.ParseOptions(d)
				if err != nil {
					return exit.Usagef(c.CommandPath()+" --help", "%s", err)
				}
				opts.phones = append(opts.phones, phone)
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
	flags.IntVar(&opts.rsdPort, "rsd-port", 0, "`port` of the first phone's service discovery (0: any)")
	flags.IntVar(&opts.tunnelInfoPort, "tunnel-info-port", 0,
		"run a tunnel service as go-ios does, at this `port` (0: any free one)")
	opts.lab.add(cmd)
	given = optionFlags(cmd, virtualios.Table(new(virtualios.Options)))
	return cmd
}

func (o *virtualIOSOptions) check() error {
	seen := map[string]bool{}
	for _, p := range o.phones {
		if p.UDID != "" && seen[p.UDID] {
			return exit.Usagef("give each phone a UDID of its own, or none", "several phones can't have the same UDID %q", p.UDID)
		}
		seen[p.UDID] = true
	}
	for _, p := range []struct {
		flag string
		port int
	}{{"usbmux-port", o.usbmuxPort}, {"wda-port", o.wdaPort}, {"rsd-port", o.rsdPort}, {"tunnel-info-port", o.tunnelInfoPort}} {
		if p.port < 0 || p.port > 65535 {
			return exit.Usagef("", "invalid --%s %d: use 0 to 65535", p.flag, p.port)
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
	Web          string   `json:"web,omitempty"`
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
	// Phones of two processes may be behind one program, such as a lab's agent.
	number := rand.Uint32()
	for i := range opts.phones {
		if opts.phones[i].UDID == "" {
			opts.phones[i].UDID = fmt.Sprintf("00008110-%08X%08X", number, i+1)
		}
	}
	server, err := virtualios.Start(ctx, virtualios.Config{Port: opts.usbmuxPort, Socket: opts.socket}, opts.phones...)
	if err != nil {
		return busyPort(err)
	}
	defer server.Close()
	line := virtualIOSAddresses{USBMux: server.USBMux, USBMuxSocket: server.Socket}
	var shown []screen.Shown
	for _, phone := range server.Phones {
		line.UDIDs = append(line.UDIDs, phone.UDID())
		shown = append(shown, screen.Shown{Name: phone.UDID(), PNG: phone.Model.Screenshot})
	}
	if line.Web, err = opts.lab.show(ctx, shown); err != nil {
		return err
	}
	if opts.phones[0].WDA != virtualios.WDAOff {
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
	return f.untilEnd(ctx)
}
