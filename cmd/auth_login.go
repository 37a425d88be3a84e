package cmd

import (
	"context"
	"crypto/rand"
	"encoding/hex"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/intents"
)

type authLoginOptions struct {
	requestOptions
	cmd          *cobra.Command
	scope, state *string
}

// NewCmdAuthLogin makes `wxctl auth login`.
func NewCmdAuthLogin(f *Factory, runF func(context.Context, *authLoginOptions) error) *cobra.Command {
	opts := &authLoginOptions{}
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Ask the user to log in to the app with WeChat",
		Long: long(`Open WeChat's consent page for the app under test. The reply with the code can
be read from a debuggable app, or one that has the bridge's hook.
`+requestTail, append([]exit.Code{exit.Credentials}, requestCodes...)...),
		Example: examples("wxctl auth login --until opened\nwxctl auth login --scope snsapi_userinfo --dry-run --json"),
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return authLoginRun(c.Context(), opts)
		},
	}
	opts.cmd = cmd
	opts.addFlags(f, cmd, "replied")
	opts.name = "auth login"
	flags := cmd.Flags()
	optionalVar(flags, &opts.scope, "scope", "what is asked for (default snsapi_userinfo)")
	optionalVar(flags, &opts.state, "state", "text that comes back in the reply (default: random)")
	flags.BoolVar(&opts.codeOnly, "code-only", false, "print the code alone, unmasked")
	return cmd
}

func authLoginRun(ctx context.Context, opts *authLoginOptions) error {
	return opts.send(ctx, opts.cmd, func(context.Context, target) (built, error) {
		request := intents.Auth{Common: opts.common(), Scope: opts.scope, State: opts.state}
		if request.Scope == nil {
			request.Scope = new("snsapi_userinfo")
		}
		if request.State == nil {
			var b [16]byte
			rand.Read(b[:]) // never fails since Go 1.24
			request.State = new(hex.EncodeToString(b[:]))
		}
		return built{request: request}, nil
	})
}
