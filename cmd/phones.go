package cmd

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/language"
	"github.com/wxctl/wxctl/device"
)

// PhoneOpener opens phones: real ones at the servers that flags and environment
// name, or virtual ones that are started for this command. close ends what it
// started.
type PhoneOpener func(ctx context.Context, f *Factory, flags *phoneFlags, sel device.Selector) (fleet *device.Fleet,
	close func(), err error)

// phoneFlags are the flags of every command that touches a phone.
type phoneFlags struct {
	device      string
	platform    string
	androidUser int
	userSet     bool
	adbServer   string
	usbmuxd     string
	jobs        int

	all           bool
	allowNotReady bool
	wait          time.Duration
}

func (p *phoneFlags) add(f *Factory, cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&p.device, "device", "", "phone: `serial`, UDID, name, virtual:android … (wxctl help selectors)")
	flags.StringVar(&p.platform, "platform", "", "only phones of this platform: "+oneOf("android", "ios"))
	flags.IntVar(&p.androidUser, "android-user", 0, "Android user whose WeChat to use, such as 0, 10 or 999")
	flags.StringVar(&p.adbServer, "adb-server", "", "`host:port` of the adb server, or of several with commas")
	flags.StringVar(&p.usbmuxd, "usbmuxd", "", "usbmuxd, or several with commas, as `host:port` or path")
	flags.IntVar(&p.jobs, "jobs", 128, "how many phones at once with --all")
	flags.BoolVar(&p.all, "all", false, "all ready phones that match --device, or all phones")
	flags.BoolVar(&p.allowNotReady, "allow-not-ready", false, "with --all, phones that aren't ready don't count as failures")
	flags.DurationVar(&p.wait, "wait", 0, "how long to wait for the phone to be there, ready and free")
	complete(cmd, "platform", "android", "ios")
	f.completeWith(cmd, "device", completePhones(f, p))
}

// check validates the flags before anything is opened.
func (p *phoneFlags) check(cmd *cobra.Command) error {
	p.userSet = cmd.Flags().Changed("android-user")
	if err := given(cmd, "device", "platform", "adb-server", "usbmuxd", "app-id", "package", "bundle-id", "universal-link",
		"scene"); err != nil {
		return err
	}
	switch p.platform {
	case "", "android", "ios":
	default:
		return exit.Usagef("", "invalid --platform %q: use android or ios", p.platform)
	}
	if p.jobs < 1 {
		return exit.Usagef("", "invalid --jobs %d: use 1 or more", p.jobs)
	}
	for _, flag := range [][2]string{{"adb-server", p.adbServer}, {"usbmuxd", p.usbmuxd}} {
		if list := flag[1]; list != "" && slices.Contains(strings.Split(list, ","), "") {
			return exit.Usagef("write it as HOST:PORT,HOST:PORT", "--%s %q names an empty server", flag[0], list)
		}
	}
	if p.wait < 0 {
		return exit.Usagef("", "invalid --wait %s: use a duration such as 45s or 2m", p.wait)
	}
	if p.androidUser < 0 {
		return exit.Usagef("list the users with wxctl installed --json", "invalid --android-user %d", p.androidUser)
	}
	return nil
}

func (p *phoneFlags) user() device.UserChoice {
	return device.UserChoice{ID: p.androidUser, Set: p.userSet}
}

// selector returns the selector of the phone: --device, WXCTL_DEVICE,
// ANDROID_SERIAL or GO_IOS_UDID, the profile, else the only ready one.
func (f *Factory) selector(p *phoneFlags) (device.Selector, error) {
	profile := ""
	if p.device == "" {
		s, err := f.Setting("device", "")
		if err != nil {
			return device.Selector{}, err
		}
		profile = s.Value
	}
	sel, err := device.ChooseSelector(p.device, f.Getenv, profile, device.Platform(p.platform))
	sel.All = sel.All || p.all
	return sel, err
}

// given refuses an empty value of a flag that was given: it usually comes from
// an unset variable in a script, and the default would be a surprise.
func given(cmd *cobra.Command, names ...string) error {
	for _, name := range names {
		if flag := cmd.Flag(name); flag != nil && flag.Changed && flag.Value.String() == "" {
			return exit.Usagef("give it a value, or omit it", "--%s is empty", name)
		}
	}
	return nil
}

// listCandidates prints the table that an error about choosing carries, the
// matching phones marked.
func (f *Factory) listCandidates(candidates []device.Candidate) {
	if len(candidates) == 0 {
		return
	}
	width := func(get func(device.Candidate) string) int {
		w := 0
		for _, c := range candidates {
			w = max(w, language.Columns(get(c)))
		}
		return w
	}
	id := width(func(c device.Candidate) string { return safe(c.ID) })
	transport := width(func(c device.Candidate) string { return string(c.Transport) })
	stateOf := func(c device.Candidate) string { return safe(f.Streams.Translate(string(c.State))) }
	state := width(stateOf)
	for _, c := range candidates {
		mark := "   "
		if c.Matched {
			mark = "-->"
		}
		pad := func(s string, w int) string { return s + strings.Repeat(" ", max(0, w-language.Columns(s))) }
		line := "    " + mark + " " + pad(safe(c.ID), id) + "  " + pad(string(c.Transport), transport) + "  " +
			pad(stateOf(c), state) + "  " + safe(c.Model)
		f.Streams.Say(strings.TrimRight(line, " "))
	}
}
