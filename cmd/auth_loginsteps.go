package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/oauth"
	"github.com/wxctl/wxctl/oauth/credentials"
)

// loginSteps are the steps after WeChat has answered a login: the exchange and
// the profile.
type loginSteps struct {
	authExchangeOptions
	codeOnly bool
	lang     string

	mu   sync.Mutex // several phones log in at once
	kept *credentials.Store
	// secrets are the AppSecrets by AppID, found before the consent page opens.
	secrets map[string]appSecret
}

type appSecret struct {
	oauth.Secret
	given bool // just now, not found in the store
}

// loginResult is the result of these steps for one phone.
type loginResult struct {
	code   string
	token  oauth.Token
	stored credentials.Backend
	user   *oauth.UserInfo
	said   *verdict // the last answer of WeChat's server; nil if it wasn't asked
}

// check refuses invalid flags before a phone is searched for.
func (l *loginSteps) check() error {
	if err := l.checkMisuse(); err != nil {
		return err
	}
	if !slices.Contains(userLangs, l.lang) {
		return exit.Usagef("", "invalid --lang %q: use %s", l.lang, strings.Join(userLangs, ", "))
	}
	_, err := l.client("")
	return err
}

// prepare finds out, before the phone asks the user, what would keep the code
// from being exchanged: a code can be used only once.
func (l *loginSteps) prepare(ctx context.Context, appID string) (err error) {
	if l.codeOnly {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.secrets[appID]; ok {
		return nil
	}
	account, err := l.accountOf(appID)
	if err != nil {
		return err
	}
	if l.kept == nil {
		if l.kept, err = l.f.Credentials(l.authOptions.store); err != nil {
			return err
		}
		if err := l.kept.Ready(ctx); err != nil {
			return err
		}
	}
	var s appSecret
	if s.Secret, s.given, err = l.readSecret(ctx, l.kept, account); err != nil {
		if missing := (*device.Error)(nil); errors.As(err, &missing) && missing.Code == "credentials_missing" {
			missing.Hint = fmt.Sprintf("%s; or --code-only prints the code and exchanges nothing", missing.Hint)
		}
		return err
	}
	if l.secrets == nil {
		l.secrets = map[string]appSecret{}
	}
	l.secrets[appID] = s
	return nil
}

func (l *loginSteps) accountOf(appID string) (credentials.Account, error) {
	profile, err := l.f.Profile()
	return credentials.Account{Profile: profile, AppID: appID}, err
}

// goOn takes the login from WeChat's reply to the user's profile, and puts
// into the outcome what the module says of it.
func (l *loginSteps) goOn(ctx context.Context, r *result) {
	var in loginResult
	auth, ok := r.request.(intents.Auth)
	missing := (*oauth.Error)(nil)
	switch {
	case errors.As(r.err, &missing): // the AppSecret, before anything was sent
		r.Step = device.StepExchange
	case r.err != nil:
		r.Step = device.StepLogin
	case ok && r.Reply != nil:
		r.Step, r.err = l.follow(ctx, r, auth, &in)
	}
	if r.err != nil && (r.Step != device.StepLogin || r.Reply != nil && r.State == device.Replied && r.Reply.ErrCode == 0) {
		said := l.f.verdictOf(r.err)
		r.Status, r.Err = new(false), &device.ModuleError{Code: said.Err.Code, Msg: said.Err.Msg}
		in.said = &said
	}
	if l.codeOnly {
		r.alone, r.reveal = new(in.code), in.code != ""
		return
	}
	r.answer, r.more = l.reply(r.Outcome, in), l.tell(in)
}

// follow does the steps that come after WeChat's reply, and returns the one
// that failed.
func (l *loginSteps) follow(ctx context.Context, r *result, auth intents.Auth, in *loginResult) (device.Step, error) {
	switch {
	case r.Reply.State != text(auth.State):
		return device.StepLogin, &device.Error{
			Code: "wrong_state", Exit: exit.Credentials, Hint: "its code was not used; log in again: wxctl auth login",
			Message: fmt.Sprintf("the reply has the state %q, not the one that was sent: it belongs to another login, or is forged", r.Reply.State),
		}
	case r.Reply.Code == "":
		return device.StepLogin, &device.Error{Code: "no_code", Exit: exit.Credentials, Message: "WeChat answered, but gave no code",
			Hint: relogin}
	}
	in.code = r.Reply.Code
	if l.codeOnly {
		return "", nil
	}
	code, err := cleanValue(in.code, "code that WeChat gave")
	if err != nil {
		return device.StepExchange, asRefused(err, oauth.OpExchange, 40029)
	}
	appID := ""
	if r.App != nil {
		appID = r.App.AppID
	}
	step, err := l.exchange(ctx, in, appID, code)
	if err == nil {
		said := l.f.verdictOf(nil)
		in.said = &said
	}
	return step, err
}

func (l *loginSteps) exchange(ctx context.Context, in *loginResult, appID string, code oauth.Secret) (device.Step, error) {
	account, err := l.accountOf(appID)
	if err != nil {
		return device.StepExchange, err
	}
	client, err := l.client(appID)
	if err != nil {
		return device.StepExchange, err
	}
	l.mu.Lock()
	secret := l.secrets[appID]
	l.mu.Unlock()
	client.Secret = secret.Secret
	in.token, in.stored, err = l.trade(ctx, client, l.kept, account, code, secret.given)
	if err != nil {
		return device.StepExchange, l.keepCode(ctx, l.kept, account, code, err)
	}
	if !slices.Contains(in.token.Scope, "snsapi_userinfo") {
		l.f.Streams.Note("the scope %q does not include the profile", strings.Join(in.token.Scope, ","))
		return "", nil
	}
	user, err := client.UserInfo(ctx, in.token, oauth.Lang(l.lang))
	if err != nil {
		report := describe(err)
		return device.StepUserInfo, &device.Error{
			Code: report.Code, Exit: report.ExitCode, Err: err, Hint: cmp.Or(report.Hint, "try again: wxctl auth userinfo"),
			Message: "the user has logged in, but the profile can't be read: " + report.Message,
		}
	}
	in.user = &user
	return "", nil
}

// loginReply is an Outcome, and what exchange and userinfo return.
type loginReply struct {
	*device.Outcome
	tokenFields
	userFields
	Errcode *int    `json:"errcode"`
	Errmsg  *string `json:"errmsg"`
	RID     *string `json:"rid"`
}

func (l *loginSteps) reply(o *device.Outcome, in loginResult) loginReply {
	r := loginReply{Outcome: o}
	if !in.token.AccessToken.IsZero() {
		r.tokenFields = newTokenFields(in.token, l.showToken)
		r.Stored = string(in.stored)
	}
	if in.user != nil {
		r.userFields = newUserFields(*in.user)
		if in.user.UnionID != "" {
			r.UnionID = &in.user.UnionID
		}
	}
	if in.said != nil {
		r.Errcode, r.Errmsg, r.RID = in.said.Errcode, in.said.Errmsg, in.said.RID
	}
	return r
}

// tell prints who has logged in.
func (l *loginSteps) tell(in loginResult) string {
	if in.token.AccessToken.IsZero() {
		return ""
	}
	var b strings.Builder
	s := l.f.Streams
	row := func(name, text string) { b.WriteString("\n  " + s.Sprintf("%-9s", name) + " " + text) }
	if in.user != nil {
		row("user", safe(in.user.Nickname))
	}
	for _, cells := range newTokenFields(in.token, l.showToken).rows() {
		switch name := cells[0].Text; {
		case name != "accessToken" && name != "dynamicToken" || l.showToken:
			row(name, safe(cells[1].Text))
		}
	}
	if in.stored == "" {
		row("tokens", s.Translate(notStored(false, l.showToken)))
	} else {
		row("tokens", s.Sprintf("stored in the %s", in.stored))
	}
	return b.String()
}
