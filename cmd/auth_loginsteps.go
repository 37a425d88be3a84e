package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/oauth"
	"github.com/wxctl/wxctl/oauth/credentials"
)

// loginSteps are what a login does once WeChat has answered: the exchange and
// the profile.
type loginSteps struct {
	authExchangeOptions
	codeOnly bool
	lang     string

	kept   *credentials.Store
	secret oauth.Secret // the zero value if it has to be looked for later
	given  bool         // the secret was given, not found in the store
}

// loginResult is what came of these steps at one phone.
type loginResult struct {
	code   string // for --code-only
	token  oauth.Token
	stored credentials.Backend
	user   *oauth.UserInfo
	said   *verdict // how WeChat's server answered last; nil if it wasn't asked
}

// check refuses flags that can't be used, before a phone is looked for.
func (l *loginSteps) check() error {
	if err := l.checkMisuse(); err != nil {
		return err
	}
	if !slices.Contains(userLangs, l.lang) {
		return exit.Usagef("use "+strings.Join(userLangs, ", "), "--lang %q is no language that WeChat knows", l.lang)
	}
	_, err := l.client("")
	return err
}

// prepare finds out, before the phone asks anybody, what would keep the code
// from being exchanged: it is good once. appID is empty if the phone is to
// tell it.
func (l *loginSteps) prepare(ctx context.Context, appID string) error {
	if l.codeOnly {
		return nil
	}
	var err error
	if l.kept, err = l.f.Credentials(l.authOptions.store); err != nil {
		return err
	}
	if err := l.kept.Ready(ctx); err != nil {
		return err
	}
	if appID == "" && !l.secretStdin && l.f.Getenv("WXCTL_APP_SECRET") == "" {
		return nil // the store has it under the AppID, if it does
	}
	err = l.findSecret(ctx, appID)
	if missing := (*oauth.Error)(nil); errors.As(err, &missing) && missing.Missing == 41004 {
		l.f.Streams.Warn("no AppSecret is known, so the code will not be exchanged; --code-only prints it")
		return nil // whether there will be a code is still to be seen
	}
	return err
}

func (l *loginSteps) findSecret(ctx context.Context, appID string) error {
	profile, err := l.f.Profile()
	if err == nil {
		l.secret, l.given, err = l.readSecret(ctx, l.kept, credentials.Account{Profile: profile, AppID: appID})
	}
	return err
}

// goOn takes the login from WeChat's reply to the user's profile, and puts
// into the outcome what the module says of it.
func (l *loginSteps) goOn(ctx context.Context, o *device.Outcome, request intents.Request) (loginResult, error) {
	var in loginResult
	auth, ok := request.(intents.Auth)
	if !ok || o.Reply == nil {
		return in, nil
	}
	fail := func(err error) (loginResult, error) {
		said := l.f.verdictOf(err)
		o.Status, o.Err = new(false), &device.ModuleError{Code: said.Err.Code, Msg: said.Err.Msg}
		in.said = &said
		return in, err
	}
	switch {
	case o.Reply.State != text(auth.State):
		return fail(&exit.Error{
			Name: "wrong_state", Code: exit.Credentials, Hint: "its code was not used; start again: wxctl auth login",
			Message: fmt.Sprintf("the reply has the state %q, not the one that was sent: it belongs to another login, or is forged", o.Reply.State),
		})
	case o.Reply.Code == "":
		return fail(&exit.Error{Name: "no_code", Code: exit.Credentials, Message: "WeChat answered, but gave no code", Hint: relogin})
	}
	in.code = o.Reply.Code
	if l.codeOnly {
		return in, nil
	}
	code, err := cleanValue(in.code, "code that WeChat gave")
	if err != nil {
		return fail(asRefused(err, oauth.OpExchange, 40029))
	}
	appID := ""
	if o.App != nil {
		appID = o.App.AppID
	}
	if err := l.exchange(ctx, &in, appID, code); err != nil {
		return fail(err)
	}
	said := l.f.verdictOf(nil)
	in.said = &said
	return in, nil
}

func (l *loginSteps) exchange(ctx context.Context, in *loginResult, appID string, code oauth.Secret) error {
	profile, err := l.f.Profile()
	if err != nil {
		return err
	}
	account := credentials.Account{Profile: profile, AppID: appID}
	client, err := l.client(appID)
	if err != nil {
		return err
	}
	secret, given := l.secret, l.given
	if secret.IsZero() {
		if secret, given, err = l.readSecret(ctx, l.kept, account); err != nil {
			return err
		}
	}
	client.Secret = secret
	in.token, in.stored, err = l.trade(ctx, client, l.kept, account, code, given)
	if err != nil {
		return err
	}
	if !slices.Contains(in.token.Scope, "snsapi_userinfo") {
		l.f.Streams.Note("the scope %q does not hold the profile", strings.Join(in.token.Scope, ","))
		return nil
	}
	user, err := client.UserInfo(ctx, in.token, oauth.Lang(l.lang))
	if err != nil {
		report := describe(err)
		return &exit.Error{
			Name: report.Code, Code: report.ExitCode, Err: err, Hint: cmp.Or(report.Hint, "try again: wxctl auth userinfo"),
			Message: "the user has logged in, but the profile can't be read: " + report.Message,
		}
	}
	in.user = &user
	return nil
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

// tell says in words who has logged in.
func (l *loginSteps) tell(in loginResult) string {
	if in.token.AccessToken.IsZero() {
		return ""
	}
	var b strings.Builder
	if in.user != nil {
		b.WriteString("\n  user      " + safe(in.user.Nickname))
	}
	for _, row := range newTokenFields(in.token, l.showToken).rows() {
		switch name := row[0].Text; {
		case name != "accessToken" && name != "dynamicToken" || l.showToken:
			fmt.Fprintf(&b, "\n  %-9s %s", name, safe(row[1].Text))
		}
	}
	if in.stored == "" {
		b.WriteString("\n  tokens    not stored" + onlyShown(l.showToken))
	} else {
		fmt.Fprintf(&b, "\n  tokens    kept in the %s", in.stored)
	}
	return b.String()
}
