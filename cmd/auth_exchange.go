package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/output"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/oauth"
	"github.com/wxctl/wxctl/oauth/credentials"
)

// authTimeout limits a command that calls WeChat; answers after 20 seconds have
// been reported.
const authTimeout = oauth.DefaultTimeout

type authExchangeOptions struct {
	authOptions
	code        string
	secretStdin bool
	saveSecret  bool
	showToken   bool
	left        bool // use the code that a login left behind
}

// NewCmdAuthExchange makes `wxctl auth exchange`.
func NewCmdAuthExchange(f *Factory, runF func(context.Context, *authExchangeOptions) error) *cobra.Command {
	opts := &authExchangeOptions{authOptions: authOptions{f: f}}
	cmd := &cobra.Command{
		Use:   "exchange",
		Short: "Exchange a login code for tokens",
		Long: long(`Exchange the code of a login for an access token (two hours) and a refresh
token, and keep both.

The code comes on stdin, by --code, or is asked for on a terminal, unless the
last login got one that it could not exchange: that is kept for five minutes and
used once. A code works once and for ten minutes, so it is sent exactly once:
if no answer comes, wxctl does not try again.

The AppSecret comes from --secret-stdin, WXCTL_APP_SECRET, the store, or is
asked for on a terminal. Tokens are masked in what is printed unless
--show-token is given.`, exit.Credentials),
		Example: examples("echo CODE | wxctl auth exchange\necho CODE | wxctl auth exchange --json"),
		Args:    noAuthArgs("echo CODE | wxctl auth exchange"),
		RunE: func(c *cobra.Command, _ []string) error {
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return authExchangeRun(c.Context(), opts)
		},
	}
	opts.addFlags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&opts.code, "code", "", "the code; other processes can see it here, stdin is better")
	flags.BoolVar(&opts.secretStdin, "secret-stdin", false, "read the AppSecret from stdin; the code then comes from --code")
	opts.addKeepFlags(cmd)
	return cmd
}

// addKeepFlags adds the flags for what is stored and what is shown.
func (o *authExchangeOptions) addKeepFlags(c *cobra.Command) {
	c.Flags().BoolVar(&o.saveSecret, "save-secret", false, "keep the AppSecret in the store once it has been accepted")
	c.Flags().BoolVar(&o.showToken, "show-token", false, "print tokens unmasked")
}

// tokenReply is what exchange and refresh print: the module's names, then
// WeChat's.
type tokenReply struct {
	SchemaVersion int  `json:"schemaVersion"`
	Status        bool `json:"status"`
	tokenFields
	verdict
}

// tokenFields are a token under the module's names.
type tokenFields struct {
	AccessToken  *string `json:"accessToken"`
	DynamicToken *string `json:"dynamicToken"`
	Expires      *int    `json:"expires"` // seconds
	OpenID       *string `json:"openId"`
	UnionID      *string `json:"unionid"`
	Scope        *string `json:"scope"`
	Snapshot     bool    `json:"isSnapshotUser,omitempty"`
	Stored       string  `json:"stored,omitempty"` // keyring or file
	Shared       bool    `json:"shared,omitempty"` // another wxctl made the request
}

func newTokenFields(t oauth.Token, show bool) tokenFields {
	text := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	print := oauth.Secret.Hint
	if show {
		print = oauth.Secret.Reveal
	}
	return tokenFields{
		AccessToken: text(print(t.AccessToken)), DynamicToken: text(print(t.RefreshToken)),
		Expires: secondsOf(t.ExpiresIn), Snapshot: t.Snapshot,
		OpenID: text(t.OpenID), UnionID: text(t.UnionID), Scope: text(strings.Join(t.Scope, ",")),
	}
}

// secondsOf is a time in seconds, nil if it is not known.
func secondsOf(d time.Duration) *int {
	if d <= 0 {
		return nil
	}
	return new(int(d / time.Second))
}

// noteOdd reports which fields of WeChat's reply could not be read.
func (f *Factory) noteOdd(fields []string) {
	if len(fields) > 0 {
		f.Streams.Note("left out of WeChat's reply, since it can't be read: %s", strings.Join(fields, ", "))
	}
}

// rows is the token for people and pipes.
func (r tokenFields) rows() [][]output.Cell {
	var rows [][]output.Cell
	add := func(name string, value *string) {
		if value != nil {
			rows = append(rows, []output.Cell{output.Text(name), output.Text(*value)})
		}
	}
	add("openId", r.OpenID)
	add("unionid", r.UnionID)
	add("scope", r.Scope)
	add("accessToken", r.AccessToken)
	add("dynamicToken", r.DynamicToken)
	if r.Expires != nil {
		add("expires", new((time.Duration(*r.Expires) * time.Second).String()))
	}
	return rows
}

// printTokens prints a token, or in JSON the failure.
func (f *Factory) printTokens(t oauth.Token, stored credentials.Backend, shared, show bool, failure error) error {
	if failure != nil && t.AccessToken.IsZero() {
		if f.Printer().JSON() {
			if err := f.Printer().Object(tokenReply{SchemaVersion: output.SchemaVersion, verdict: f.verdictOf(failure)}); err != nil {
				return err
			}
		}
		return failure
	}
	r := tokenReply{SchemaVersion: output.SchemaVersion, Status: true, tokenFields: newTokenFields(t, show), verdict: f.verdictOf(nil)}
	r.Stored, r.Shared = string(stored), shared
	if failure != nil { // WeChat returned tokens, but they could not be stored
		r.Error = f.verdictOf(failure).Error
	}
	var err error
	if f.Printer().JSON() {
		err = f.Printer().Object(r)
	} else {
		err = f.Printer().Table([]string{"field", "value"}, r.rows())
	}
	return errors.Join(failure, err)
}

func authExchangeRun(ctx context.Context, opts *authExchangeOptions) error {
	f := opts.f
	token, stored, err := authExchange(ctx, opts)
	if err := f.printTokens(token, stored, false, opts.showToken, err); err != nil {
		return err
	}
	if stored == "" {
		f.Streams.Note("%s", notStored(true, opts.showToken))
	} else {
		f.Streams.Note("stored in the %s; next: wxctl auth userinfo", stored)
	}
	return nil
}

// notStored says that nothing is kept, and how to see what is gone then. none is
// the flag that asked for it, if one did.
func notStored(none, shown bool) string {
	switch {
	case none && shown:
		return "the tokens are not stored (--store none)"
	case none:
		return "the tokens are not stored (--store none), and not shown: --show-token prints them"
	case shown:
		return "the tokens are not stored"
	}
	return "the tokens are not stored, and not shown: --show-token prints them"
}

// authExchange exchanges the code. If tokens were obtained but could not be
// stored, it returns them and the error.
func authExchange(ctx context.Context, opts *authExchangeOptions) (oauth.Token, credentials.Backend, error) {
	none := oauth.Token{}
	if err := opts.checkMisuse(); err != nil {
		return none, "", err
	}
	a, err := opts.account(oauth.OpExchange)
	if err != nil {
		return none, "", err
	}
	client, err := opts.client(a.AppID)
	if err != nil {
		return none, "", err
	}
	store, err := opts.f.Credentials(opts.store)
	if err != nil {
		return none, "", err
	}
	if opts.secretStdin && opts.code == "" && !opts.f.Streams.InTTY {
		return none, "", exit.Usagef("use --code for the code, or WXCTL_APP_SECRET for the AppSecret",
			"--secret-stdin reads stdin, so the code can't come from stdin as well")
	}
	inputCtx, cancel := opts.f.inputDeadline(ctx)
	defer cancel()
	code, err := opts.readCode(inputCtx, store, a)
	if err != nil {
		return none, "", err
	}
	secret, given, err := opts.readSecret(inputCtx, store, a)
	if err != nil {
		return none, "", err
	}
	client.Secret = secret
	// The code can be used once, so anything that would keep the tokens from
	// being stored must be found first.
	if err := store.Ready(ctx); err != nil {
		return none, "", err
	}
	ctx, cancel = opts.f.Deadline(ctx, authTimeout)
	defer cancel()
	token, stored, err := opts.trade(ctx, client, store, a, code, given)
	if err != nil && opts.left {
		err = opts.keepCode(ctx, store, a, code, err)
	}
	return token, stored, err
}

// trade exchanges a code and stores the tokens. given is set if the AppSecret
// was given just now and not read from the store.
func (o *authExchangeOptions) trade(ctx context.Context, client *oauth.Client, store *credentials.Store, a credentials.Account,
	code oauth.Secret, given bool) (oauth.Token, credentials.Backend, error) {
	token, err := client.Exchange(ctx, code)
	if err != nil {
		return oauth.Token{}, "", err
	}
	o.f.noteOdd(token.Odd)
	if o.openID != "" && token.OpenID != o.openID {
		return oauth.Token{}, "", &device.Error{
			Code: "other_user", Exit: exit.Credentials,
			Message: fmt.Sprintf("the code is of the user %q, not of %q; its tokens were not stored", token.OpenID, o.openID),
			Hint:    "log in again as the user that is meant, or omit --openid",
		}
	}
	if token.Snapshot {
		o.f.Streams.Warn("this is a snapshot user: a virtual account, not the real one")
	}
	stored, err := o.keep(ctx, store, a, token, client.Secret, given)
	return token, stored, err
}

// keep stores what was obtained.
func (o *authExchangeOptions) keep(ctx context.Context, store *credentials.Store, a credentials.Account, token oauth.Token,
	secret oauth.Secret, given bool) (credentials.Backend, error) {
	stored, err := store.SetToken(ctx, a, token)
	if errors.Is(err, credentials.ErrNoStore) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("the tokens were received, but can't be stored: %w", err)
	}
	if o.saveSecret && given {
		if _, err := store.SetSecret(ctx, a, secret); err != nil {
			return stored, fmt.Errorf("the AppSecret can't be stored: %w", err)
		}
	}
	return stored, nil
}

// inputDeadline limits the wait for stdin; a person at a terminal has no limit
// unless --timeout is given.
func (f *Factory) inputDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if f.Streams.InTTY {
		return f.Deadline(ctx, 0)
	}
	return f.Deadline(ctx, authTimeout)
}

// readCode returns the code: from --code, else one that a login left behind,
// else from stdin.
func (o *authExchangeOptions) readCode(ctx context.Context, store *credentials.Store, a credentials.Account) (oauth.Secret, error) {
	if o.code != "" && o.code != "-" {
		text, err := callbackCode(o.code)
		if err != nil {
			return oauth.Secret{}, asRefused(err, oauth.OpExchange, 40029)
		}
		code, err := cleanValue(text, "code")
		return code, asRefused(err, oauth.OpExchange, 40029)
	}
	if o.code == "" && o.f.Streams.InTTY {
		if code, err := o.leftCode(ctx, store, a); err != nil || !code.IsZero() {
			return code, err
		}
	}
	code, err := o.f.readStdin(ctx, "code")
	if err == nil {
		var text string
		text, err = callbackCode(code.Reveal())
		code = oauth.NewSecret(text)
	}
	if err == nil && code.IsZero() && o.code == "" {
		code, err = o.leftCode(ctx, store, a)
	}
	err = asRefused(err, oauth.OpExchange, 40029)
	if err == nil && code.IsZero() {
		err = &device.Error{
			Code: "credentials_missing", Exit: exit.Credentials, Message: "the code is missing: stdin is empty",
			Hint: "wxctl auth login --code-only gives one",
			Err:  &oauth.Error{Op: oauth.OpExchange, Kind: oauth.KindMissing, Missing: 41008},
		}
	}
	return code, err
}

// leftCode takes the code that a login got and could not exchange; the zero
// value if there is none.
func (o *authExchangeOptions) leftCode(ctx context.Context, store *credentials.Store, a credentials.Account) (oauth.Secret, error) {
	code, err := store.TakeCode(ctx, a)
	switch {
	case errors.Is(err, credentials.ErrNotFound):
		return code, nil
	case err == nil:
		o.left = true
		o.f.Streams.Note("using the code of the last login")
	}
	return code, err
}

// keepTime limits storing a code when the command's own time is over.
const keepTime = time.Second

// keepCode stores a code whose exchange failed, unless WeChat refused the code
// itself, and says so in the error.
func (o *authExchangeOptions) keepCode(ctx context.Context, store *credentials.Store, a credentials.Account, code oauth.Secret,
	err error) error {
	var refused *oauth.Error
	if !errors.As(err, &refused) {
		return err // the exchange itself succeeded
	}
	switch refused.Code {
	case 40029, 40163, 42003: // no such code, used, too old
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTime)
	defer cancel()
	if _, keepErr := store.SetCode(ctx, a, code); keepErr != nil {
		if !errors.Is(keepErr, credentials.ErrNoStore) {
			o.f.Streams.Warn("the code can't be stored: %s", safe(keepErr.Error()))
		}
		return err
	}
	report := describe(err)
	hint := "the code is stored for five minutes: wxctl auth exchange uses it"
	if report.Hint != "" {
		hint = report.Hint + "; " + hint
	}
	return &device.Error{Code: report.Code, Exit: report.ExitCode, Message: report.Message, Hint: hint, Err: err}
}

// readSecret returns the AppSecret, and whether it was given just now and not
// read from the store.
func (o *authExchangeOptions) readSecret(ctx context.Context, store *credentials.Store,
	a credentials.Account) (secret oauth.Secret, given bool, err error) {
	switch {
	case o.secretStdin:
		secret, err = o.f.readStdin(ctx, "AppSecret")
		given = true
	case o.f.Getenv("WXCTL_APP_SECRET") != "":
		secret, err = cleanValue(o.f.Getenv("WXCTL_APP_SECRET"), "AppSecret in WXCTL_APP_SECRET")
		given = true
	default:
		secret, _, err = store.Secret(ctx, a)
		if errors.Is(err, credentials.ErrNotFound) {
			err = nil
			if o.f.Streams.InTTY {
				secret, err = o.f.readStdin(ctx, "AppSecret")
				given = true
			}
		}
	}
	if err == nil && secret.IsZero() {
		err = &device.Error{
			Code: "credentials_missing", Exit: exit.Credentials, Message: "the AppSecret of " + a.AppID + " is missing",
			Hint: "set WXCTL_APP_SECRET or use --secret-stdin; --save-secret stores it",
			Err:  &oauth.Error{Op: oauth.OpExchange, Kind: oauth.KindMissing, Missing: 41004},
		}
	}
	return secret, given, asRefused(err, oauth.OpExchange, 40125)
}
