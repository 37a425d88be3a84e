package cmd

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/output"
	"github.com/wxctl/wxctl/oauth"
)

type authCheckOptions struct{ tokenOptions }

// NewCmdAuthCheck makes `wxctl auth check`.
func NewCmdAuthCheck(f *Factory, runF func(context.Context, *authCheckOptions) error) *cobra.Command {
	opts := &authCheckOptions{tokenOptions{authOptions: authOptions{f: f}}}
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Ask WeChat whether an access token is valid",
		Long: long(`Ask WeChat whether the stored access token, or one from stdin, is valid for its
user. The token is not refreshed. With a valid token, userinfo can still fail: it
needs the scope snsapi_userinfo as well.`, exit.Credentials),
		Example: examples("wxctl auth check\necho TOKEN | wxctl auth check --token-stdin --openid oVirtual0000000000000000user"),
		Args:    noAuthArgs("echo TOKEN | wxctl auth check --token-stdin --openid o…"),
		RunE: func(c *cobra.Command, _ []string) error {
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return authCheckRun(c.Context(), opts)
		},
	}
	opts.addFlags(cmd, "access token")
	return cmd
}

func authCheckRun(ctx context.Context, opts *authCheckOptions) error {
	f := opts.f
	s, err := opts.session(ctx, oauth.OpCheck)
	openID := opts.openID
	if err == nil {
		openID = s.token.OpenID
		ctx, cancel := f.Deadline(ctx, authTimeout)
		defer cancel()
		err = s.client.Check(ctx, s.token)
	}
	if f.Printer().JSON() {
		var user *string
		if openID != "" {
			user = &openID
		}
		return errors.Join(err, f.Printer().Object(struct {
			SchemaVersion int     `json:"schemaVersion"`
			Status        bool    `json:"status"`
			OpenID        *string `json:"openid"`
			verdict
		}{output.SchemaVersion, err == nil, user, f.verdictOf(err)}))
	}
	if err != nil {
		return err
	}
	return f.Streams.Println(f.Streams.Translate("valid"))
}
