package cmd

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/device"
)

// completionTime is how long a shell may wait for the names of phones after the
// Tab key. Servers that have not answered by then are ignored.
const completionTime = time.Second

// completePhones completes --device: the connected phones, then other valid
// words. It locks and starts no phone.
func completePhones(f *Factory, p *phoneFlags) cobra.CompletionFunc {
	return func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		words := []string{"all", "virtual:android", "virtual:ios"}
		ctx := c.Context()
		if ctx == nil {
			ctx = context.Background()
		}
		ctx, cancel := f.Deadline(ctx, completionTime)
		defer cancel()
		fleet, closePhones, err := f.Phones(ctx, f, p, device.Selector{Platform: device.Platform(p.platform)})
		if err != nil {
			return words, cobra.ShellCompDirectiveNoFileComp
		}
		defer closePhones()
		found, _ := fleet.Discover(ctx, "") // after an error, the other servers' phones are offered
		var phones []string
		for _, phone := range found.Phones {
			if plainWord(phone.ID) {
				phones = append(phones, phone.ID+"\t"+safe(cmp.Or(phone.Name, phone.Model, string(phone.Platform)))+", "+safe(string(phone.State)))
			}
		}
		return append(phones, words...), cobra.ShellCompDirectiveNoFileComp
	}
}

// plainWord reports whether a serial needs no quoting in any shell: it comes
// from the phone.
func plainWord(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("._:-", r))
	})
}

// completeProfiles completes profiles of the configuration.
func completeProfiles(f *Factory) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		config, err := f.Config()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return slices.Sorted(maps.Keys(config.File.Profiles)), cobra.ShellCompDirectiveNoFileComp
	}
}
