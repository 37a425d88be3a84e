package cmd

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/output"
	"github.com/wxctl/wxctl/cmd/internal/streams"
	"github.com/wxctl/wxctl/oauth"
	"github.com/wxctl/wxctl/oauth/credentials"
)

type authLogoutOptions struct {
	authOptions
	all bool
}

// NewCmdAuthLogout makes `wxctl auth logout`.
func NewCmdAuthLogout(f *Factory, runF func(context.Context, *authLogoutOptions) error) *cobra.Command {
	opts := &authLogoutOptions{authOptions: authOptions{f: f}}
	cmd := &cobra.Command{
		Use:   "logout",
		Short: "Forget a user's tokens",
		Long: long(`Remove the user's tokens from the store, or with --all those of every user of
the app in this profile, and its AppSecret. WeChat has no call that revokes
them: until they expire, a copy stays good. It is not an error if nothing is stored.`, exit.Credentials),
		Example: examples("wxctl auth logout\nwxctl auth logout --all"),
		Args:    noAuthArgs("wxctl auth logout --openid o…"),
		RunE: func(c *cobra.Command, _ []string) error {
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return authLogoutRun(c.Context(), opts)
		},
	}
	opts.addFlags(cmd)
	cmd.Flags().BoolVar(&opts.all, "all", false, "forget all users of the app, and the AppSecret")
	return cmd
}

func authLogoutRun(ctx context.Context, opts *authLogoutOptions) error {
	f := opts.f
	if err := opts.checkMisuse(); err != nil {
		return err
	}
	a, err := opts.account(oauth.OpCheck)
	if err != nil {
		return err
	}
	store, err := f.Credentials(opts.store)
	if err != nil {
		return err
	}
	ctx, cancel := f.Deadline(ctx, authTimeout)
	defer cancel()
	users, err := opts.leaving(store, a)
	if err != nil {
		return err
	}
	removed, secretRemoved := []string{}, false
	for _, openID := range users {
		switch err := store.Forget(ctx, a, openID); {
		case errors.Is(err, credentials.ErrNotFound):
		case err != nil:
			return err
		default:
			removed = append(removed, openID)
		}
	}
	if err := store.ForgetCode(ctx, a); err != nil && !errors.Is(err, credentials.ErrNotFound) {
		return err
	}
	if opts.all {
		switch err := store.ForgetSecret(ctx, a); {
		case errors.Is(err, credentials.ErrNotFound):
		case err != nil:
			return err
		default:
			secretRemoved = true
		}
	}
	if len(removed) == 0 && !secretRemoved {
		f.Streams.Note("nothing was stored for %s in the profile %s", a.AppID, a.Profile)
	} else {
		f.Streams.Note("forgotten here; at WeChat the tokens last until they expire")
	}
	if f.Printer().JSON() {
		return f.Printer().Object(struct {
			SchemaVersion int      `json:"schemaVersion"`
			Removed       []string `json:"removed"`
			SecretRemoved bool     `json:"secretRemoved"`
		}{output.SchemaVersion, removed, secretRemoved})
	}
	for _, openID := range removed {
		if err := f.Streams.Println(streams.Safe(openID)); err != nil {
			return err
		}
	}
	return nil
}

// leaving returns who is to be forgotten.
func (o *authLogoutOptions) leaving(store *credentials.Store, a credentials.Account) ([]string, error) {
	switch {
	case o.all && o.openID != "":
		return nil, exit.Usagef("omit one of them", "--all and --openid can't be combined")
	case o.openID != "":
		return []string{o.openID}, nil
	}
	users, err := store.Users(a)
	if err == nil && len(users) > 1 && !o.all {
		_, err = o.user(oauth.OpCheck, store, a) // names them
	}
	return users, err
}
