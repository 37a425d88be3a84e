package cmd

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/output"
	"github.com/wxctl/wxctl/cmd/internal/streams"
	"github.com/wxctl/wxctl/device"
)

type devicesOptions struct {
	f       *Factory
	phone   phoneFlags
	lab     labAccess
	watch   bool
	waitFor string
}

// NewCmdDevices makes `wxctl devices`.
func NewCmdDevices(f *Factory, runF func(context.Context, *devicesOptions) error) *cobra.Command {
	opts := &devicesOptions{f: f}
	cmd := &cobra.Command{
		Use:   "devices",
		Short: "List the phones, ready or not",
		Long: long(`List the phones that the adb server and usbmuxd know, ready or not, and how to
make the others ready. Both are asked at once. Virtual phones are listed
when --device asks for one.

It is not an error if a server is absent: the list has what was found. It is one
if a server answers wrongly or not in time. --wait-for waits until all phones that
match --device are in that state, and lists them.`, exit.Credentials, exit.NoPhone, exit.NotSeen, exit.Interrupted, exit.Terminated),
		Example: examples("wxctl devices\nwxctl devices --device virtual:android --json"),
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := errors.Join(opts.phone.check(c), opts.lab.check(c), given(c, "wait-for")); err != nil {
				return err
			}
			if opts.waitFor != "" {
				if err := checkState(opts.waitFor); err != nil {
					return err
				}
				if opts.watch {
					return exit.Usagef("omit one of them", "--watch and --wait-for can't be combined")
				}
			}
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return devicesRun(c.Context(), opts)
		},
	}
	opts.phone.add(f, cmd)
	opts.lab.add(cmd)
	cmd.Flags().StringVar(&opts.waitFor, "wait-for", "", "wait until the phones are in this `state`, such as ready")
	cmd.Flags().BoolVar(&opts.watch, "watch", false, "keep running, and print a line (with --json an object) for each change")
	return cmd
}

// listTimeout limits a listing: adb servers answer in milliseconds, phones that
// are asked for their names in tenths of a second.
const listTimeout = 10 * time.Second

func devicesRun(ctx context.Context, opts *devicesOptions) error {
	f := opts.f
	sel, err := f.selector(&opts.phone)
	if e, ok := errors.AsType[*device.Error](err); ok && e.Code == device.SeveralPhones {
		sel, err = device.Selector{}, nil // ambiguous settings choose several phones, which is fine for a list
	}
	if err != nil {
		return err
	}
	// A phone chosen for one platform does not hide those of the other.
	sel.Platform = device.Platform(opts.phone.platform)
	byDefault := listTimeout
	switch {
	case opts.watch:
		byDefault = 0
	case opts.waitFor != "":
		byDefault = waitForTimeout
	}
	ctx, cancel := f.Deadline(ctx, byDefault)
	defer cancel()
	if opts.lab.url != "" {
		return devicesOfLab(ctx, opts, sel.Platform)
	}
	fleet, closePhones, err := f.Phones(ctx, f, &opts.phone, sel)
	if err != nil {
		return err
	}
	defer closePhones()
	if opts.watch {
		return devicesWatch(ctx, f, fleet, sel)
	}
	if opts.waitFor != "" {
		return devicesWaitFor(ctx, f, fleet, sel, device.State(opts.waitFor))
	}
	found, err := fleet.Discover(ctx, "")
	for _, absent := range found.Absent {
		f.Streams.Note("%s", safe(absent.Message))
		if absent.Hint != "" {
			f.Streams.Note("%s%s", f.Streams.Label("hint:"), safe(absent.Hint))
		}
	}
	phones := narrowTo(found.Phones, sel.Platform)
	if printErr := printDevices(f, phones, err); printErr != nil {
		return printErr
	}
	if err != nil {
		return listFailed(err)
	}
	return nil
}

// devicesOfLab lists the phones of a lab.
func devicesOfLab(ctx context.Context, opts *devicesOptions, platform device.Platform) error {
	if opts.watch || opts.waitFor != "" {
		return exit.Usagef("see wxctl lab ls", "--watch and --wait-for are for the phones of this host")
	}
	l, err := opts.lab.dial(ctx, opts.f, "devices")
	if err != nil {
		return err
	}
	defer l.Close()
	state, err := l.State(ctx)
	if err != nil {
		return err
	}
	var phones []device.Info
	for _, a := range state.Agents {
		for _, p := range a.Phones {
			phones = append(phones, labInfo(a, p))
		}
	}
	return printDevices(opts.f, narrowTo(phones, platform), nil)
}

// listFailed is the error of a listing: a server that answered incorrectly or
// too late is exit 1, whatever it is for a request.
func listFailed(err error) error {
	r := describe(err)
	if r.ExitCode >= exit.Interrupted {
		return err
	}
	return &device.Error{Code: r.Code, Exit: exit.Failed, Message: r.Message, Hint: r.Hint, Err: err}
}

func narrowTo(phones []device.Info, platform device.Platform) []device.Info {
	kept := []device.Info{}
	for _, p := range phones {
		if platform == "" || p.Platform == platform {
			kept = append(kept, p)
		}
	}
	return kept
}

type deviceList struct {
	SchemaVersion int                 `json:"schemaVersion"`
	Devices       []device.Info       `json:"devices"`
	Error         *device.ErrorReport `json:"error,omitempty"`
}

func printDevices(f *Factory, phones []device.Info, failure error) error {
	if f.Printer().JSON() {
		list := deviceList{SchemaVersion: output.SchemaVersion, Devices: phones}
		if failure != nil {
			list.Error = new(describe(failure))
			list.Error.ExitCode = exit.Failed
		}
		return f.Printer().Object(list)
	}
	if len(phones) == 0 {
		if failure == nil {
			f.Streams.Note("no phones")
		}
		return nil
	}
	rows := make([][]output.Cell, len(phones))
	for i, p := range phones {
		state := output.Cell{Text: string(p.State), Paint: streams.Good, Ours: true}
		if p.State != device.Ready {
			state.Paint = streams.Warn
		}
		rows[i] = []output.Cell{
			output.Text(p.ID), output.Text(string(p.Platform)), output.Text(p.Name), output.Text(p.Model),
			output.Text(p.OSVersion), state, output.Words(transportOf(p)), output.Words(p.Fix),
		}
	}
	if !f.Streams.OutTTY {
		return f.Printer().Table([]string{"id", "platform", "name", "model", "os", "state", "transport", "fix"}, rows)
	}
	// The fix is a sentence: it gets a line of its own, so that it is not cut
	// off.
	for i, row := range rows {
		rows[i] = row[:len(row)-1]
	}
	if err := f.Printer().Table([]string{"id", "platform", "name", "model", "os", "state", "transport"}, rows); err != nil {
		return err
	}
	for _, p := range phones {
		if p.Fix == "" {
			continue
		}
		fix := f.Streams.Wrap(safe(p.ID)+": "+safe(f.Streams.Translate(p.Fix)), 0)
		if err := f.Streams.Println(fix); err != nil {
			return err
		}
	}
	return nil
}

// transportOf is how the phone is connected and, if the ID alone doesn't select
// it, the selector that does.
func transportOf(p device.Info) string {
	if p.SharedID {
		return p.Selector()
	}
	return string(p.Transport)
}

// devicesWatch prints each change of a phone until it is interrupted or, once
// every server has answered, --timeout has passed.
func devicesWatch(ctx context.Context, f *Factory, fleet *device.Fleet, sel device.Selector) error {
	type list struct {
		server int
		phones []device.Info
	}
	lists := make(chan list)
	ended := make(chan error, len(fleet.Backends))
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	for i, b := range fleet.Backends {
		go func() {
			ended <- b.Watch(watching, func(phones []device.Info) {
				select {
				case lists <- list{i, narrowTo(phones, sel.Platform)}:
				case <-watching.Done():
				}
			})
		}()
	}
	known := map[int]map[string]device.Info{} // by server: none speaks for another's phones
	running := len(fleet.Backends)
	for {
		select {
		case l := <-lists:
			if known[l.server] == nil {
				known[l.server] = map[string]device.Info{}
			}
			if err := printChanges(f, known[l.server], l.phones); err != nil {
				return err
			}
		case err := <-ended:
			running--
			switch {
			case errors.Is(ctx.Err(), context.DeadlineExceeded) && len(known) > 0:
				return nil // --timeout has passed
			case ctx.Err() != nil:
				return context.Cause(ctx)
			case err != nil && describe(err).ExitCode == exit.NoPhone && running > 0:
				f.Streams.Note("%s", safe(describe(err).Message))
			case err != nil || running == 0:
				return err
			}
		}
	}
}

func printChanges(f *Factory, known map[string]device.Info, phones []device.Info) error {
	now := map[string]bool{}
	emit := func(event string, p device.Info) error {
		if f.Printer().JSON() {
			return f.Printer().Line(struct {
				SchemaVersion int    `json:"schemaVersion"`
				Event         string `json:"event"`
				device.Info
			}{output.SchemaVersion, event, p})
		}
		return f.Printer().Table(nil, [][]output.Cell{{output.Words(event), output.Text(p.ID), output.Words(string(p.State)),
			output.Text(p.Model)}})
	}
	for _, p := range phones {
		now[p.Key()] = true
		old, seen := known[p.Key()]
		known[p.Key()] = p
		event := "added"
		if seen && old.State == p.State {
			continue
		} else if seen {
			event = "changed"
		}
		if err := emit(event, p); err != nil {
			return err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(known)) {
		if now[key] {
			continue
		}
		p := known[key]
		delete(known, key)
		p.State, p.Fix = "disconnected", ""
		if err := emit("removed", p); err != nil {
			return err
		}
	}
	return nil
}
