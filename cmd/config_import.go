package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/config"
	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/files"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/oauth"
	"github.com/wxctl/wxctl/oauth/credentials"
)

type configImportOptions struct {
	f     *Factory
	path  string
	store string
}

// NewCmdConfigImport makes `wxctl config import`.
func NewCmdConfigImport(f *Factory, runF func(context.Context, *configImportOptions) error) *cobra.Command {
	opts := &configImportOptions{f: f}
	cmd := &cobra.Command{
		Use:   "import CONFIG.XML",
		Short: "Take the AppID and the AppSecret from an APICloud config.xml",
		Long: long(`Read the feature wx, weiXin or wxPlus of an APICloud app's config.xml: urlScheme
or apiKey becomes the profile's AppID, apiSecret goes to the secret store, never
into the file.`, exit.Credentials),
		Example: examples("wxctl config import config.xml --store file"),
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			opts.path = args[0]
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return configImportRun(c.Context(), opts)
		},
	}
	cmd.Flags().StringVar(&opts.store, "store", "", "where the secret goes: "+oneOf("keyring", "file", "none"))
	complete(cmd, "store", "keyring", "file", "none")
	return cmd
}

func configImportRun(ctx context.Context, opts *configImportOptions) error {
	f := opts.f
	cfg, err := f.Config()
	if err != nil {
		return err
	}
	profile, err := f.profileToWrite(cfg)
	if err != nil {
		return err
	}
	file, err := files.Open(opts.path)
	if err != nil {
		return files.Unreadable(opts.path, err)
	}
	defer file.Close()
	found, err := config.ReadAPICloud(opts.path, file)
	if err != nil {
		return err
	}
	// The secret first: if it can't be stored, nothing else is changed.
	if found.Secret != "" && opts.store != string(credentials.None) {
		store, err := f.Credentials(opts.store)
		if err != nil {
			return err
		}
		where, err := store.SetSecret(ctx, credentials.Account{Profile: profile, AppID: found.AppID}, oauth.NewSecret(found.Secret))
		if err != nil {
			return &device.Error{Code: "store_failed", Message: "the AppSecret can't be stored: " +
				err.Error(), Hint: "choose another place with --store", Err: err}
		}
		f.Streams.Note("the AppSecret is in the %s", where)
	}
	written, err := f.updateConfig(ctx, func(c *config.File) error { return c.Set(profile, "app-id", found.AppID) })
	if err != nil {
		return err
	}
	f.Streams.Note("profile %s is in %s", profile, written.Path)
	return printProfile(f, written, profile)
}
