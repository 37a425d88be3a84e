package cmd

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/device/virtual/options"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/virtualios"
)

// NewCmdVirtual makes `wxctl virtual` and the commands below it.
func NewCmdVirtual(f *Factory) *cobra.Command {
	return group(&cobra.Command{
		Use:   "virtual",
		Short: "Run virtual phones, or a virtual OAuth server of WeChat's",
		Long: long(`Run what wxctl talks to, for wxctl and for any other program:

  android   Android phones behind an adb server of their own
  ios       iPhones behind a usbmuxd of their own
  oauth     the server that gives out tokens

Each command prints one JSON line with the addresses it listens on, all on this
machine, and stays until Ctrl-C, SIGTERM or, if its standard input is a pipe, the
end of that. A single command needs none of them: --device virtual:android and
--device virtual:ios start a phone for it alone.

A phone plays what its options say: what the user answers and how long that
takes, which Android or iOS, WeChat and maker it is, and what goes wrong. They are
the flags of both commands, and the words behind virtual:android? and
virtual:ios?; wxctl virtual android --help lists them.`),
		Example: examples(`
# a share to a phone of Android 13 whose user cancels, in one command
wxctl share text Hello --device 'virtual:android?api=33&answer=cancel'
# a user who takes a while
wxctl share text Hello --device 'virtual:ios?think=200ms-400ms'
# a lab of phones that differ
wxctl virtual android 'virtual:android?api=28&maker=xiaomi' 'virtual:android?wechat=7.0.3&flaky=3'
# phones that stay, their screens in a browser
wxctl virtual android --count 3 --web 127.0.0.1:0
wxctl virtual ios --ios 16.7
wxctl virtual oauth`),
	}, NewCmdVirtualAndroid(f, nil), NewCmdVirtualIOS(f, nil), NewCmdVirtualOAuth(f, nil))
}

// optionFlags defines a flag for each of a virtual phone's options. The
// returned function spells the given ones as in virtual:android?.
func optionFlags(cmd *cobra.Command, table options.Table) func() string {
	for _, option := range table {
		cmd.Flags().String(option.Key, "", option.Usage())
		if len(option.Words) > 0 {
			complete(cmd, option.Key, option.Words...)
		}
	}
	return func() string {
		values := url.Values{}
		for _, option := range table {
			if flag := cmd.Flags().Lookup(option.Key); flag.Changed {
				values.Set(flag.Name, flag.Value.String())
			}
		}
		return values.Encode()
	}
}

// VirtualReference describes the options of virtual phones, as Markdown.
func VirtualReference() string {
	var page strings.Builder
	for _, kind := range []struct {
		title string
		table options.Table
	}{
		{"virtual:android", virtualandroid.Table(&virtualandroid.Options{})}, {"virtual:ios", virtualios.Table(&virtualios.Options{})},
	} {
		fmt.Fprintf(&page, "\n## %s\n\n| key | takes | default | what it is |\n|---|---|---|---|\n", kind.title)
		for _, o := range kind.table {
			fmt.Fprintf(&page, "| `%s` | %s | %s | %s |\n", o.Key, o.Takes(), o.Default, o.Help)
		}
	}
	page.WriteString("\n## Makers\n\n| maker | does | reported by | not known |\n|---|---|---|---|\n")
	for _, m := range virtualandroid.Makers() {
		fmt.Fprintf(&page, "| `%s` | %s | %s | %s |\n", m.Name, m.Brings, m.Source, m.Unknown)
	}
	return page.String()
}

// untilEnd waits for the end of a command that stays: the context, or the end
// of a standard input that is a pipe. A terminal and /dev/null are ignored.
func (f *Factory) untilEnd(ctx context.Context) error {
	f.stay()
	in := f.Streams.In
	ended := make(chan struct{})
	if isPipe(in) {
		go func() { // a read can't be cancelled; the process ends with it
			_, _ = io.Copy(io.Discard, in)
			close(ended)
		}()
	}
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		if ctx.Err() == context.DeadlineExceeded {
			return nil // --timeout has passed
		}
		return context.Cause(ctx)
	}
}

func isPipe(in io.Reader) bool {
	file, ok := in.(*os.File)
	if !ok {
		return in != nil
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&(os.ModeNamedPipe|os.ModeSocket) != 0
}
