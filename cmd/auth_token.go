package cmd

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/output"
	"github.com/wxctl/wxctl/oauth"
)

type authTokenOptions struct {
	tokenOptions
	refresh bool
}

// NewCmdAuthToken makes `wxctl auth token`.
func NewCmdAuthToken(f *Factory, runF func(context.Context, *authTokenOptions) error) *cobra.Command {
	opts := &authTokenOptions{tokenOptions: tokenOptions{authOptions: authOptions{f: f}}}
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Print the stored access token, alone and unmasked",
		Long: long(`Print the stored access token alone on a line, for scripts that make calls of
their own. It does not check whether the token is still valid; with --refresh it is
renewed first.`, exit.Credentials),
		Example: examples("wxctl auth token\nwxctl auth token --refresh"),
		Args:    noAuthArgs("wxctl auth token"),
		RunE: func(c *cobra.Command, _ []string) error {
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return authTokenRun(c.Context(), opts)
		},
	}
	opts.authOptions.addFlags(cmd)
	cmd.Flags().BoolVar(&opts.refresh, "refresh", false, "renew it first")
	return cmd
}

func authTokenRun(ctx context.Context, opts *authTokenOptions) error {
	f := opts.f
	ctx, cancel := f.Deadline(ctx, authTimeout)
	defer cancel()
	op := oauth.OpUserInfo
	if opts.refresh {
		op = oauth.OpRefresh
	}
	s, err := opts.session(ctx, op)
	if err == nil && opts.refresh {
		_, err = s.refresh(ctx, false)
	}
	if err != nil {
		if f.Printer().JSON() {
			err = errors.Join(err, f.Printer().Object(tokenReply{SchemaVersion: output.SchemaVersion, verdict: f.verdictOf(err)}))
		}
		return err
	}
	if end := s.token.Expiry(); !end.IsZero() && !f.Now().Before(end) {
		f.Streams.Warn("the access token expired at %s; wxctl auth token --refresh renews it", end.Local().Format(time.RFC3339))
	}
	if f.Printer().JSON() {
		return f.Printer().Object(struct {
			SchemaVersion int        `json:"schemaVersion"`
			AccessToken   string     `json:"accessToken"`
			OpenID        string     `json:"openId"`
			ExpiresAt     *time.Time `json:"expiresAt"`
		}{output.SchemaVersion, s.token.AccessToken.Reveal(), s.token.OpenID, timeOrNull(s.token.Expiry())})
	}
	return f.Streams.Println(s.token.AccessToken.Reveal())
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC().Truncate(time.Second))
}

// exitCodeOf is the exit code that an error leads to.
func exitCodeOf(err error) int { return describe(err).ExitCode }
