package cmd

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/output"
	"github.com/wxctl/wxctl/cmd/internal/streams"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/oauth"
	"github.com/wxctl/wxctl/oauth/credentials"
)

type authStatusOptions struct {
	authOptions
	verify bool
}

// NewCmdAuthStatus makes `wxctl auth status`.
func NewCmdAuthStatus(f *Factory, runF func(context.Context, *authStatusOptions) error) *cobra.Command {
	opts := &authStatusOptions{authOptions: authOptions{f: f}}
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show which secret and tokens there are, and where from",
		Long: long(`Show where the AppSecret comes from and which users' tokens are stored, where,
and how long they are valid. Tokens are masked. Nothing is sent to WeChat, and it
is not an error if nothing is stored. With --verify, WeChat is asked about each
token: exit code 4 if it refuses one, 1 if it does not answer.`, exit.Credentials),
		Example: examples("wxctl auth status\nwxctl auth status --verify --json"),
		Args:    noAuthArgs("wxctl auth status"),
		RunE: func(c *cobra.Command, _ []string) error {
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return authStatusRun(c.Context(), opts)
		},
	}
	opts.addFlags(cmd)
	cmd.Flags().BoolVar(&opts.verify, "verify", false, "ask WeChat whether the tokens are valid")
	return cmd
}

// secretStatus says where the AppSecret comes from.
type secretStatus struct {
	Present bool   `json:"present"`
	Source  string `json:"source"` // "env WXCTL_APP_SECRET", "keyring", "file" or "none"
	Problem string `json:"problem,omitempty"`
}

// userStatus is what is known about one user's tokens.
type userStatus struct {
	OpenID       string     `json:"openid"`
	UnionID      *string    `json:"unionid"`
	Scope        string     `json:"scope"`
	Source       string     `json:"source"` // "keyring" or "file"
	AccessToken  string     `json:"accessToken"`
	DynamicToken string     `json:"dynamicToken"`
	ObtainedAt   *time.Time `json:"obtainedAt"`
	ExpiresAt    *time.Time `json:"expiresAt"`
	Expired      bool       `json:"expired"`
	Problem      string     `json:"problem,omitempty"`
	// Verified is null unless --verify was given, else "valid", "invalid"
	// (WeChat said so), "timeout" or "unknown" (it could not be asked).
	Verified *string  `json:"verified"`
	Check    *verdict `json:"check,omitempty"`
}

type statusReply struct {
	SchemaVersion int                 `json:"schemaVersion"`
	Profile       string              `json:"profile"`
	AppID         string              `json:"appId"`
	BaseURL       string              `json:"baseUrl"`
	Secret        secretStatus        `json:"secret"`
	Users         []userStatus        `json:"users"`
	File          string              `json:"file"` // path of the store's document, which holds the values if there is no keyring
	Error         *device.ErrorReport `json:"error,omitempty"`
}

func authStatusRun(ctx context.Context, opts *authStatusOptions) error {
	f := opts.f
	ctx, cancel := f.Deadline(ctx, authTimeout)
	defer cancel()
	reply, failure, err := authStatus(ctx, opts)
	if err != nil {
		return err
	}
	if failure != nil {
		reply.Error = new(describe(failure))
	}
	if f.Printer().JSON() {
		return errors.Join(failure, f.Printer().Object(reply))
	}
	return errors.Join(failure, printStatus(f, reply))
}

// authStatus collects the answer. failure is the worst result of --verify; err
// means that there is no answer.
func authStatus(ctx context.Context, opts *authStatusOptions) (reply statusReply, failure, err error) {
	f := opts.f
	if err := opts.checkMisuse(); err != nil {
		return reply, nil, err
	}
	a, err := opts.account(oauth.OpCheck)
	if err != nil {
		return reply, nil, err
	}
	client, err := opts.client(a.AppID)
	if err != nil {
		return reply, nil, err
	}
	store, err := f.Credentials(opts.store)
	if err != nil {
		return reply, nil, err
	}
	base, err := oauth.ParseBaseURL(opts.baseURL)
	if err != nil {
		return reply, nil, err
	}
	users, err := store.Users(a)
	if err != nil {
		return reply, nil, err
	}
	if opts.openID != "" {
		users = slices.DeleteFunc(users, func(u string) bool { return u != opts.openID })
	}
	reply = statusReply{
		SchemaVersion: output.SchemaVersion, Profile: a.Profile, AppID: a.AppID, BaseURL: base.String(),
		Secret: secretSource(ctx, f, store, a), Users: []userStatus{}, File: store.Path(),
	}
	for _, openID := range users {
		token, where, err := store.Token(ctx, a, openID)
		u := userStatus{OpenID: openID, Source: string(where)}
		if err != nil {
			u.Problem = describe(err).Message
		} else {
			u.fill(token, f.Now())
		}
		if opts.verify {
			if err == nil {
				err = client.Check(ctx, token)
			}
			u.verified(f, err)
			if err != nil && (failure == nil || exitCodeOf(failure) != exit.Credentials) {
				failure = err
			}
		}
		reply.Users = append(reply.Users, u)
	}
	if opts.verify && len(users) == 0 {
		failure = noToken(oauth.OpCheck, "no token is stored for "+a.AppID)
	}
	return reply, failure, nil
}

func (u *userStatus) fill(t oauth.Token, now time.Time) {
	u.Scope = strings.Join(t.Scope, ",")
	if t.UnionID != "" {
		u.UnionID = &t.UnionID
	}
	u.AccessToken, u.DynamicToken = t.AccessToken.Hint(), t.RefreshToken.Hint()
	u.ObtainedAt, u.ExpiresAt = timeOrNull(t.ObtainedAt), timeOrNull(t.Expiry())
	u.Expired = !t.Expiry().IsZero() && !now.Before(t.Expiry())
}

// verified distinguishes a token that WeChat refused from one that could not be
// checked.
func (u *userStatus) verified(f *Factory, err error) {
	result := "unknown"
	var e *oauth.Error
	switch {
	case err == nil:
		result = "valid"
	case !errors.As(err, &e):
	case e.Timeout():
		result = "timeout"
	case e.Kind == oauth.KindErrcode && e.Class() == oauth.ClassCredentials:
		result = "invalid"
	}
	u.Verified = &result
	u.Check = new(f.verdictOf(err))
}

func secretSource(ctx context.Context, f *Factory, store *credentials.Store, a credentials.Account) secretStatus {
	if f.Getenv("WXCTL_APP_SECRET") != "" {
		return secretStatus{Present: true, Source: "env WXCTL_APP_SECRET"}
	}
	_, where, err := store.Secret(ctx, a)
	switch {
	case err == nil:
		return secretStatus{Present: true, Source: string(where)}
	case errors.Is(err, credentials.ErrNotFound):
		return secretStatus{Source: "none"}
	}
	return secretStatus{Source: string(where), Problem: describe(err).Message}
}

func printStatus(f *Factory, r statusReply) error {
	secret := output.Words("AppSecret from " + r.Secret.Source)
	if !r.Secret.Present {
		secret = output.Cell{Text: "no AppSecret", Paint: streams.Dim, Ours: true}
	}
	if r.Secret.Problem != "" {
		secret = output.Cell{Text: r.Secret.Problem, Paint: streams.Bad, Ours: true}
	}
	rows := [][]output.Cell{{output.Words("app"), output.Text(r.AppID), output.Words("profile " + r.Profile), secret}}
	for _, u := range r.Users {
		state := output.Cell{Text: "valid until", Paint: streams.Good, Ours: true}
		switch {
		case u.Problem != "":
			state = output.Cell{Text: u.Problem, Paint: streams.Bad, Ours: true}
		case u.Verified != nil && *u.Verified != "valid":
			state = output.Cell{Text: *u.Verified + ": " + u.Check.Err.Msg, Paint: streams.Bad, Ours: true}
		case u.Verified != nil:
			state.Text = "verified, until " + clock(u.ExpiresAt)
		case u.Expired:
			state = output.Cell{Text: "expired at " + clock(u.ExpiresAt) + ", can be refreshed", Paint: streams.Warn, Ours: true}
		default:
			state.Text = "expected to last until " + clock(u.ExpiresAt)
		}
		rows = append(rows, []output.Cell{output.Words("user"), output.Text(u.OpenID),
			output.Words(strings.TrimSpace("token " + u.AccessToken + " in the " + u.Source)), state})
	}
	if len(r.Users) == 0 {
		f.Streams.Note("no user has logged in; wxctl auth exchange takes a code")
	}
	return f.Printer().Table([]string{"what", "id", "where", "state"}, rows)
}

func clock(t *time.Time) string {
	if t == nil {
		return "an unknown time"
	}
	return t.Format(time.RFC3339)
}
