package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/streams"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/oauth"
	"github.com/wxctl/wxctl/oauth/credentials"
)

// tokenOptions are for commands that use a stored token, or one from stdin.
type tokenOptions struct {
	authOptions
	tokenStdin bool
}

func (o *tokenOptions) addFlags(c *cobra.Command, what string) {
	o.authOptions.addFlags(c)
	c.Flags().BoolVar(&o.tokenStdin, "token-stdin", false, "read the "+what+" from stdin instead of the store")
}

// session is a token in use: where it comes from and how to renew it.
type session struct {
	f       *Factory
	client  *oauth.Client
	store   *credentials.Store // nil if the token came on stdin
	account credentials.Account
	token   oauth.Token
}

// session finds the token for op. A token on stdin is the one that op needs:
// the refresh token for a refresh, else the access token.
func (o *tokenOptions) session(ctx context.Context, op oauth.Op) (*session, error) {
	if err := o.checkMisuse(); err != nil {
		return nil, err
	}
	s := &session{f: o.f}
	var err error
	if !o.tokenStdin || op == oauth.OpRefresh {
		if s.account, err = o.account(op); err != nil {
			return nil, err
		}
	}
	if s.client, err = o.client(s.account.AppID); err != nil {
		return nil, err
	}
	if o.tokenStdin {
		s.token, err = o.tokenFromStdin(ctx, op)
		return s, err
	}
	if s.store, err = o.f.Credentials(o.store); err != nil {
		return nil, err
	}
	s.token, _, err = o.stored(ctx, op, s.store, s.account)
	return s, err
}

func (o *tokenOptions) tokenFromStdin(ctx context.Context, op oauth.Op) (oauth.Token, error) {
	what, missing, invalid := "access token", 41001, 40014
	if op == oauth.OpRefresh {
		what, missing, invalid = "refresh token", 41003, 40030
	} else if o.openID == "" {
		return oauth.Token{}, &device.Error{
			Code: device.Usage, Message: "--token-stdin needs --openid: WeChat must be told whose token it is",
			Hint: "--openid o…, as the exchange returned it",
			Err:  &oauth.Error{Op: op, Kind: oauth.KindMissing, Missing: 41009},
		}
	}
	ctx, cancel := o.f.inputDeadline(ctx)
	defer cancel()
	value, err := o.f.readStdin(ctx, what)
	if err != nil {
		return oauth.Token{}, asRefused(err, op, invalid)
	}
	if value.IsZero() {
		return oauth.Token{}, &device.Error{
			Code: "credentials_missing", Exit: exit.Credentials, Message: "the " + what + " is missing: stdin is empty",
			Err: &oauth.Error{Op: op, Kind: oauth.KindMissing, Missing: missing},
		}
	}
	if op == oauth.OpRefresh {
		return oauth.Token{RefreshToken: value, OpenID: o.openID}, nil
	}
	return oauth.Token{AccessToken: value, OpenID: o.openID}, nil
}

// refresh renews the session's token, also in the store if it comes from there.
// refused is set if WeChat has refused the token. After an error the token is
// empty, unless it was renewed and only could not be stored.
func (s *session) refresh(ctx context.Context, refused bool) (shared bool, err error) {
	if s.store == nil {
		s.token, err = s.client.Refresh(ctx, s.token)
		s.f.noteOdd(s.token.Odd)
		return false, err
	}
	fresh, shared, err := s.store.Refresh(ctx, s.account, s.token, refused, s.client.Refresh)
	s.token = fresh
	s.f.noteOdd(fresh.Odd)
	if shared && s.f.Verbose() > 0 {
		s.f.Streams.Note("another wxctl refreshed the token just now; its result is used")
	}
	return shared, err
}

// renewing makes a call and, if WeChat refuses the access token, refreshes it
// and makes the call again. A token from stdin can't be refreshed.
func (s *session) renewing(ctx context.Context, call func(oauth.Token) error) error {
	err := call(s.token)
	var refusal *oauth.Error
	if s.store == nil || !errors.As(err, &refusal) || refusal.Kind != oauth.KindErrcode || refusal.Errcode().Retry != oauth.RetryAfterRefresh {
		return err
	}
	s.f.Streams.Note("%s; refreshing it", refusal.Errcode().Meaning)
	_, failure := s.refresh(ctx, true)
	switch {
	case failure != nil && !s.token.AccessToken.IsZero(): // renewed, but not stored
		s.f.Streams.Warn("%s", streams.Safe(describe(failure).Message))
	case failure != nil:
		report := describe(failure)
		return &device.Error{
			Code: report.Code, Exit: report.ExitCode, Hint: report.Hint, Err: refusal,
			Message: fmt.Sprintf("%s, and can't be refreshed: %s", refusal.Errcode().Meaning, report.Message),
		}
	}
	return call(s.token)
}

type authRefreshOptions struct {
	tokenOptions
	showToken bool
}

// NewCmdAuthRefresh makes `wxctl auth refresh`.
func NewCmdAuthRefresh(f *Factory, runF func(context.Context, *authRefreshOptions) error) *cobra.Command {
	opts := &authRefreshOptions{tokenOptions: tokenOptions{authOptions: authOptions{f: f}}}
	cmd := &cobra.Command{
		Use:   "refresh",
		Short: "Renew an access token by its refresh token",
		Long: long(`Renew the stored access token and keep the result. While the access token is
valid, WeChat returns the same one with its two hours restarted; afterwards
a new one. No AppSecret is needed.

With --token-stdin, a refresh token (the module's dynamicToken) is read from
stdin, and nothing is stored. Several wxctl that refresh one token at the same
time make one request and share its result.

How long a refresh token lives is WeChat's to say: its pages name both 30 and
180 days.`, exit.Credentials),
		Example: examples("wxctl auth refresh\necho TOKEN | wxctl auth refresh --token-stdin --show-token"),
		Args:    noAuthArgs("echo TOKEN | wxctl auth refresh --token-stdin"),
		RunE: func(c *cobra.Command, _ []string) error {
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return authRefreshRun(c.Context(), opts)
		},
	}
	opts.addFlags(cmd, "refresh token")
	cmd.Flags().BoolVar(&opts.showToken, "show-token", false, "print tokens unmasked")
	return cmd
}

func authRefreshRun(ctx context.Context, opts *authRefreshOptions) error {
	s, err := opts.session(ctx, oauth.OpRefresh)
	if err != nil {
		return opts.f.printTokens(oauth.Token{}, "", false, false, err)
	}
	ctx, cancel := opts.f.Deadline(ctx, authTimeout)
	defer cancel()
	shared, err := s.refresh(ctx, false)
	if err := opts.f.printTokens(s.token, "", shared, opts.showToken, err); err != nil {
		return err
	}
	if s.store == nil {
		opts.f.Streams.Note("%s", notStored(false, opts.showToken))
	}
	return nil
}
