package cmd

import (
	"bufio"
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/files"
	"github.com/wxctl/wxctl/device/virtual/screen"
)

// labFlags say which virtual phones to start, and whether to show their
// screens.
type labFlags struct {
	count int
	spec  string
	web   string
}

const mostPhones = 1000

func (l *labFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.IntVar(&l.count, "count", 1, "how many phones of each description")
	flags.StringVar(&l.spec, "spec", "", "`file` with a description such as virtual:android?api=29 in each line")
	flags.StringVar(&l.web, "web", "", "show the screens in a browser, at this `address`: 127.0.0.1:0")
}

func (l *labFlags) check() error {
	if l.count < 1 || l.count > mostPhones {
		return exit.Usagef("", "invalid --count %d: use 1 to %d", l.count, mostPhones)
	}
	if l.web == "" {
		return nil
	}
	return checkWeb(l.web)
}

// descriptions are the options of each phone, as in virtual:PLATFORM?: from the
// arguments and the lines of --spec, else only from the flags. The flags are
// the defaults for each description.
func (l *labFlags) descriptions(platform, flags string, args []string) ([]string, error) {
	prefix := "virtual:" + platform
	all := args
	if l.spec != "" {
		data, err := files.Read(l.spec, 1<<20)
		if err != nil {
			return nil, files.Unreadable(l.spec, err)
		}
		lines := bufio.NewScanner(bytes.NewReader(data))
		for lines.Scan() {
			if line := strings.TrimSpace(lines.Text()); line != "" && !strings.HasPrefix(line, "#") {
				all = append(all, line)
			}
		}
	}
	if len(all) == 0 {
		all = []string{prefix}
	}
	var out []string
	for _, one := range all {
		rest, ok := strings.CutPrefix(one, prefix)
		text, marked := strings.CutPrefix(rest, "?")
		if !ok || rest != "" && !marked {
			return nil, exit.Usagef("write it as "+prefix+"?wechat=8.0.50", "invalid description %q of a virtual phone", one)
		}
		merged, err := merge(flags, text)
		if err != nil {
			return nil, exit.Usagef("wxctl virtual "+platform+" --help lists the options", "the options of %q can't be read", one)
		}
		for range l.count {
			out = append(out, merged)
		}
	}
	if len(out) > mostPhones {
		return nil, exit.Usagef("", "at most %d phones can be run, not %d", mostPhones, len(out))
	}
	return out, nil
}

// merge lets a description override the flags.
func merge(flags, description string) (string, error) {
	values, err := url.ParseQuery(flags)
	if err != nil {
		return "", err
	}
	own, err := url.ParseQuery(description)
	if err != nil {
		return "", err
	}
	for key, value := range own {
		values[key] = value
	}
	return values.Encode(), nil
}

// show serves the screens until the context ends, and returns the URL to open;
// "" if that was not requested.
func (l *labFlags) show(ctx context.Context, phones []screen.Shown) (string, error) {
	if l.web == "" {
		return "", nil
	}
	server, link, err := serveWeb(ctx, l.web, func(token string) http.Handler { return screen.Web(token, phones) })
	if err != nil {
		return "", err
	}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return link, nil
}
