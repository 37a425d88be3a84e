package android

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/wxctl/wxctl/device"
)

// Backend finds and opens the phones of one adb server. It implements
// [device.Backend].
type Backend struct {
	Server Server
	// Transport, if set, is what the phones are said to be connected by, for
	// servers whose phones are virtual.
	Transport device.Transport
	// Options go to every phone that is opened.
	Options Options
}

// Platform returns Android.
func (b *Backend) Platform() device.Platform { return device.Android }

// entry is one line of the server's list.
type entry struct {
	serial string
	state  device.State
	usb    bool
	model  string
}

// line is one line of host:devices-l: the serial padded to 22 columns, the
// state, then key:value words (adb transport.cpp, append_transport). A serial
// may hold blanks (mDNS names do), a state too, so both are found by what may
// follow them.
var line = pattern(`^(.+?)\s+(device|offline|unauthorized|authorizing|connecting|recovery|rescue|sideload|bootloader|host|detached|unknown|` +
	`no permissions(?: \([^)]*\))?(?:;? see \[[^\]]*\])?)((?:\s+\S+:\S*)*)\s*$`)

// parseList reads an answer to host:devices-l or a block of track-devices-l.
// A line that can't be read is an error, since a phone must not vanish
// silently, but hides no other: their entries come with it.
func parseList(text string) ([]entry, error) {
	var entries []entry
	var unread error
	for l := range strings.Lines(text) {
		l = strings.TrimRight(l, "\r\n")
		if strings.TrimSpace(l) == "" {
			continue
		}
		m := line().FindStringSubmatch(l)
		if m == nil {
			if unread == nil {
				unread = device.Errorf(device.ServerMisbehaved, "the adb server listed a phone in a form that wxctl can't read: %q", l).
					WithHint("see what `adb devices -l` prints, and choose one of the other phones with --device")
			}
			continue
		}
		e := entry{serial: m[1], state: stateOf(m[2])}
		for _, word := range strings.Fields(m[3]) {
			key, value, _ := strings.Cut(word, ":")
			switch key {
			case "usb":
				e.usb = true
			case "model":
				e.model = strings.ReplaceAll(value, "_", " ")
			}
		}
		entries = append(entries, e)
	}
	return entries, unread
}

func stateOf(s string) device.State {
	switch {
	case s == "device":
		return device.Ready
	case strings.HasPrefix(s, "no permissions"):
		return device.NoPermissions
	}
	return device.State(s)
}

var (
	mdnsName = pattern(`^adb-(.+)-[A-Za-z0-9]{6}(?: \(\d+\))?\._adb(?:-tls-connect)?\._tcp\.?$`)
	hostPort = pattern(`^\S+:\d{1,5}$`)
)

// info makes of a list entry what can be known without asking the phone.
func (b *Backend) info(e entry) device.Info {
	i := device.Info{
		ID: e.serial, Platform: device.Android, Model: device.Printable(e.model),
		State: e.state, Fix: device.FixFor(e.state), Server: b.Server.String(),
	}
	switch m := mdnsName().FindStringSubmatch(e.serial); {
	case m != nil:
		i.Transport, i.Hardware = device.Network, m[1]
	case strings.HasSuffix(strings.TrimSuffix(e.serial, "."), "._tcp"):
		i.Transport = device.Network // an mDNS name that does not hold the serial number as it should
	case strings.HasPrefix(e.serial, "emulator-"):
		i.Transport = device.Emulator
	case hostPort().MatchString(e.serial):
		i.Transport = device.Network
	default:
		i.Transport, i.Hardware = device.USB, e.serial // adb's serial of a USB phone is its ro.serialno
	}
	if strings.HasPrefix(i.Hardware, "?") || strings.HasPrefix(i.Hardware, "(") {
		i.Hardware = "" // "????????????", "(no serial number)"
	}
	if b.Transport != "" {
		i.Transport = b.Transport
	}
	return i
}

// List returns the server's phones; those that are ready are asked for name,
// model, version and serial number, all at once. A phone that doesn't answer
// soon stays in the list without them.
func (b *Backend) List(ctx context.Context, want string) ([]device.Info, error) {
	answer, err := b.Server.ask(ctx, "host:devices-l")
	if err != nil {
		return nil, err
	}
	entries, unread := parseList(answer)
	infos := make([]device.Info, len(entries))
	only := false
	for i, e := range entries {
		infos[i] = b.info(e)
		only = only || e.serial == want
	}
	var wg sync.WaitGroup
	for i := range infos {
		if infos[i].State == device.Ready && (!only || infos[i].ID == want) {
			wg.Go(func() { b.describe(ctx, &infos[i]) })
		}
	}
	wg.Wait()
	if err := ctx.Err(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, err
	}
	return infos, unread
}

// describeTime bounds how long a phone may take to say who it is; a third of
// the command's time does, too, so that one phone that hangs leaves time for
// the others.
const describeTime = 5 * time.Second

// properties are what a phone is asked for, one answer line each. The market
// names are those of Xiaomi, Huawei and Honor, OPPO and OnePlus, and vivo.
var properties = []string{
	"ro.serialno", "ro.build.version.release", "ro.product.model",
	"ro.product.marketname", "ro.config.marketing_name", "ro.vendor.oplus.market.name", "ro.vivo.market.name",
}

func (b *Backend) describe(ctx context.Context, i *device.Info) {
	patience := describeTime
	if deadline, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(deadline)/3)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	command := ""
	for _, p := range properties {
		command += "getprop " + p + "; "
	}
	r, err := b.Server.Run(ctx, i.ID, strings.TrimSuffix(command, "; "), nil)
	if err != nil {
		return // it stays as the server described it
	}
	lines := strings.Split(strings.ReplaceAll(string(r.Stdout), "\r", ""), "\n")
	if len(lines) < len(properties) {
		return
	}
	if serial := device.Printable(lines[0]); trustedSerial(serial) && i.Transport != device.Emulator {
		i.Hardware = serial
	}
	i.OSVersion = device.Printable(lines[1])
	if model := device.Printable(lines[2]); model != "" {
		i.Model = model
	}
	i.Name = i.Model
	for _, l := range lines[3:len(properties)] {
		if name := device.Printable(l); name != "" {
			i.Name = name
		}
	}
}

// trustedSerial tells serial numbers that identify a phone from those that
// whole series share.
func trustedSerial(s string) bool {
	switch strings.ToLower(s) {
	case "", "unknown", "0123456789abcdef", "1234567890", "0", "00000000":
		return false
	}
	return !strings.HasPrefix(s, "EMULATOR")
}

// Watch calls changed with the server's phones, now and whenever the list
// changes, until ctx ends or the server goes away. Phones that became ready
// are asked for their details before changed is called.
func (b *Backend) Watch(ctx context.Context, changed func([]device.Info)) error {
	c, err := b.Server.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.during(ctx, func() error { return c.request("host:track-devices-l") }); err != nil {
		return b.Server.unasked(err)
	}
	known := map[string]device.Info{}
	for {
		var block string
		err := c.during(ctx, func() error {
			var err error
			block, err = c.block()
			return err
		})
		if err != nil {
			return err
		}
		entries, err := parseList(block)
		if err != nil {
			return err
		}
		infos := make([]device.Info, len(entries))
		var wg sync.WaitGroup
		for i, e := range entries {
			infos[i] = b.info(e)
			if old, ok := known[e.serial]; ok && old.State == infos[i].State {
				infos[i] = old
			} else if infos[i].State == device.Ready {
				wg.Go(func() { b.describe(ctx, &infos[i]) })
			}
		}
		wg.Wait()
		clear(known)
		for _, i := range infos {
			known[i.ID] = i
		}
		changed(infos)
	}
}

// Version returns the protocol version of the server, 41 for every adb since
// 2018. It shows that what listens there is an adb server.
func (s Server) Version(ctx context.Context) (string, error) { return s.ask(ctx, "host:version") }
