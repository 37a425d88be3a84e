package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/oauth"
	"github.com/wxctl/wxctl/oauth/credentials"
)

// NewCmdAuth makes `wxctl auth` and the commands below it.
func NewCmdAuth(f *Factory) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "auth",
		Short: "Log in with WeChat, keep the tokens, read the user's profile",
		Long: long(`The OAuth steps behind a WeChat login: exchange the code that the phone gave
for tokens, refresh and check them, read the user's profile.

In production, these calls belong on the app's own server: whoever has the
AppSecret can act for the app. wxctl is for debugging them. Use the AppSecret of
a test app, never that of a production app.

AppSecret and tokens are kept in the system's keyring or, where there is none,
in a file that only you can read; --store chooses. No flag takes a secret: it
comes from WXCTL_APP_SECRET, from stdin (--secret-stdin), from the store, or is
asked for on a terminal.`, exit.Credentials),
		Example: examples("echo CODE | wxctl auth exchange\nwxctl auth userinfo --lang en\nwxctl auth status"),
	},
		NewCmdAuthLogin(f, nil), NewCmdAuthExchange(f, nil), NewCmdAuthRefresh(f, nil), NewCmdAuthCheck(f, nil), NewCmdAuthUserInfo(f, nil),
		NewCmdAuthToken(f, nil), NewCmdAuthStatus(f, nil), NewCmdAuthLogout(f, nil))
	cmd.SetFlagErrorFunc(authFlagError)
	return cmd
}

// authFlagError quotes no value: it may be a secret that was given to the wrong
// flag.
func authFlagError(c *cobra.Command, err error) error {
	hint := c.CommandPath() + " --help"
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		name := invalid.GetFlag().Name
		if strings.HasSuffix(name, "-stdin") {
			return exit.Usagef("pipe the value into "+c.CommandPath()+" --"+name, "--%s takes no value: it says that stdin holds it", name)
		}
		return exit.Usagef(hint, "--%s does not take this value", name)
	}
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		if words := c.Flags().Args(); len(words) > 0 && c.HasSubCommands() {
			return noCommand(c, words[0])
		}
		return exit.Usagef(hint, "%s has no flag %q", c.CommandPath(), unknown.GetSpecifiedName())
	}
	return exit.Usagef(hint, "%s", err)
}

// noAuthArgs refuses arguments without quoting them.
func noAuthArgs(hint string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			return exit.Usagef(hint, "%s takes flags only, and there is one argument too many", c.CommandPath())
		}
		return nil
	}
}

// authOptions are the flags that all auth commands share.
type authOptions struct {
	f          *Factory
	appID      string
	baseURL    string
	allowHosts []string
	store      string
	openID     string
	misused    misusedSecret
}

// misusedSecret records that a flag for a secret was given, and discards the
// value.
type misusedSecret struct{ flag string }

type secretFlag struct {
	name   string
	misuse *misusedSecret
}

func (s secretFlag) String() string   { return "" }
func (s secretFlag) Set(string) error { s.misuse.flag = s.name; return nil }
func (s secretFlag) Type() string     { return "string" }

func (o *authOptions) addFlags(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&o.appID, "app-id", "", "AppID of the app (env WXCTL_APP_ID, or the profile)")
	flags.StringVar(&o.openID, "openid", "", "`openid` of the user, if several have logged in")
	o.addServerFlags(c)
}

// addServerFlags adds the flags for the server and for the store.
func (o *authOptions) addServerFlags(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&o.baseURL, "base-url", "", "`URL` of another server (default "+oauth.DefaultBaseURL+")")
	flags.StringArrayVar(&o.allowHosts, "allow-host", nil, "`host` other than WeChat's and this computer that may be sent secrets")
	flags.StringVar(&o.store, "store", "", "where secrets and tokens are stored: "+
		oneOf("keyring", "file", "none")+" (env WXCTL_STORE)")
	complete(c, "store", "keyring", "file", "none")
	for _, name := range []string{"secret", "app-secret", "token", "access-token", "refresh-token"} {
		if flags.Lookup(name) == nil {
			flags.Var(secretFlag{name, &o.misused}, name, "refused: a secret on the command line is seen by every process")
			_ = flags.MarkHidden(name)
		}
	}
}

// checkMisuse refuses secrets on the command line.
func (o *authOptions) checkMisuse() error {
	switch o.misused.flag {
	case "":
		return nil
	case "secret", "app-secret":
		return exit.Usagef("use --secret-stdin, WXCTL_APP_SECRET, or the prompt on a terminal; and reset the AppSecret if "+
			"others use this computer",
			"--%s is refused: every process can see a secret on the command line", o.misused.flag)
	}
	return exit.Usagef("use --token-stdin", "--%s is refused: every process can see a token on the command line", o.misused.flag)
}

// account returns the account whose credentials are used.
func (o *authOptions) account(op oauth.Op) (credentials.Account, error) {
	app, err := o.f.Setting("app-id", o.appID)
	if err != nil {
		return credentials.Account{}, asRefused(err, op, 40013)
	}
	if app.Value == "" {
		return credentials.Account{}, &device.Error{
			Code: "no_app_id", Exit: exit.Usage, Message: "no AppID: neither --app-id nor WXCTL_APP_ID nor the profile names one",
			Hint: "wxctl config init --app-id wx…", Err: &oauth.Error{Op: op, Kind: oauth.KindMissing, Missing: 41002},
		}
	}
	profile, err := o.f.Profile()
	return credentials.Account{Profile: profile, AppID: app.Value}, err
}

// client returns a client for the account. It has the secret from the
// environment, which is enough to redact it if a server repeats it.
func (o *authOptions) client(appID string) (*oauth.Client, error) {
	base, err := oauth.ParseBaseURL(o.baseURL)
	if err != nil {
		return nil, exit.Usagef("--base-url https://…, or http:// and this computer", "--base-url: %v", err)
	}
	if !base.Published() && !base.Loopback() && !slices.ContainsFunc(o.allowHosts,
		func(h string) bool { return strings.EqualFold(h, base.Host()) }) {
		return nil, exit.Usagef("--allow-host "+base.Host(), "%q is not WeChat's server, and would receive the secret or a token", base.Host())
	}
	secret, _ := cleanValue(o.f.Getenv("WXCTL_APP_SECRET"), "AppSecret") // an invalid one is reported where it is needed
	return &oauth.Client{AppID: appID, Secret: secret, BaseURL: o.baseURL, HTTP: o.f.OAuthTransport, Trace: o.f.traceOAuth}, nil
}

// traceOAuth reports requests: each with -v, and always a pause.
func (f *Factory) traceOAuth(a oauth.Attempt) {
	if f.Verbose() > 0 {
		result := "ok"
		if a.Err != nil {
			result = a.Err.Error()
		}
		status := "no HTTP answer"
		if a.Status != 0 {
			status = fmt.Sprintf("HTTP %d, %d bytes", a.Status, a.Bytes)
		}
		f.Streams.Note("GET %s: %s, %v: %s", a.URL, status, a.Elapsed.Round(time.Millisecond), result)
	}
	if a.Pause > 0 {
		f.Streams.Note("%s; next try in %v", a.Err.Errcode().Meaning, a.Pause.Round(100*time.Millisecond))
	}
}

// stored finds the token of the user: --openid, or the only one.
func (o *authOptions) stored(ctx context.Context, op oauth.Op, store *credentials.Store, a credentials.Account) (oauth.Token,
	credentials.Backend, error) {
	openID, err := o.user(op, store, a)
	if err != nil {
		return oauth.Token{}, "", err
	}
	token, where, err := store.Token(ctx, a, openID)
	if errors.Is(err, credentials.ErrNotFound) {
		return oauth.Token{}, "", noToken(op, fmt.Sprintf("no token is stored for the user %q of %s", openID, a.AppID))
	}
	return token, where, err
}

func (o *authOptions) user(op oauth.Op, store *credentials.Store, a credentials.Account) (string, error) {
	if o.openID != "" {
		return o.openID, nil
	}
	users, err := store.Users(a)
	switch {
	case err != nil:
		return "", err
	case len(users) == 0:
		e := noToken(op, fmt.Sprintf("no token is stored for %s in the profile %q", a.AppID, a.Profile))
		if others, err := store.Profiles(a.AppID); err == nil && len(others) > 0 {
			e.Hint = fmt.Sprintf("the profile %q has one: --profile %s", others[0], others[0])
		}
		return "", e
	case len(users) > 1:
		return "", exit.Usagef("--openid "+users[0], "several users have logged in to %s: %s", a.AppID, strings.Join(users, ", "))
	}
	return users[0], nil
}

func noToken(op oauth.Op, message string) *device.Error {
	missing := 41001
	if op == oauth.OpRefresh {
		missing = 41003
	}
	return &device.Error{
		Code: "no_token", Exit: exit.Credentials, Message: message,
		Hint: "wxctl auth exchange, with a code from wxctl auth login",
		Err:  &oauth.Error{Op: op, Kind: oauth.KindMissing, Missing: missing},
	}
}
