package cmd

import (
	"context"
	"crypto/rand"
	"encoding/hex"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/oauth"
)

type authLoginOptions struct {
	requestOptions
	cmd          *cobra.Command
	scope, state *string
	steps        loginSteps
}

// NewCmdAuthLogin makes `wxctl auth login`.
func NewCmdAuthLogin(f *Factory, runF func(context.Context, *authLoginOptions) error) *cobra.Command {
	opts := &authLoginOptions{steps: loginSteps{authExchangeOptions: authExchangeOptions{authOptions: authOptions{f: f}}}}
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Ask the user to log in to the app with WeChat",
		Long: long(`Open WeChat's consent page for the app under test, wait for the code, exchange
it for tokens, keep those, and print the user's profile. The code can be read
from a debuggable app on Android, or from one that has the bridge's hook.

The AppSecret comes from --secret-stdin, WXCTL_APP_SECRET, the store, or is
asked for on a terminal. Without one, --code-only prints the code.
`, append([]int{exit.Credentials}, requestCodes...)...),
		Example: examples("wxctl auth login --code-only\nwxctl auth login --scope snsapi_userinfo --dry-run --json"),
		Args:    noAuthArgs("wxctl auth login --scope snsapi_userinfo"),
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
	flags.BoolVar(&opts.steps.codeOnly, "code-only", false, "print the code alone, unmasked, and don't exchange it")
	opts.steps.addServerFlags(cmd)
	opts.steps.addKeepFlags(cmd)
	flags.BoolVar(&opts.steps.secretStdin, "secret-stdin", false, "read the AppSecret from stdin")
	flags.StringVar(&opts.steps.lang, "lang", string(oauth.LangSimplified), "language of the profile: "+oneOf(userLangs...))
	complete(cmd, "lang", userLangs...)
	return cmd
}

func authLoginRun(ctx context.Context, opts *authLoginOptions) error {
	if err := opts.steps.check(); err != nil {
		return err
	}
	opts.steps.openID = text(opts.openID)
	if opts.until == device.Replied.String() { // a weaker state ends before there is a code
		opts.before = opts.steps.prepare
		opts.then = opts.steps.goOn
	}
	return opts.send(ctx, opts.cmd, func(context.Context) (content, error) {
		request := intents.Auth{Common: opts.common(), Scope: opts.scope, State: opts.state}
		if request.Scope == nil {
			request.Scope = new("snsapi_userinfo")
		}
		if request.State == nil {
			var b [16]byte
			rand.Read(b[:]) // never fails since Go 1.24
			request.State = new(hex.EncodeToString(b[:]))
		}
		return content{request: request}, nil
	})
}
