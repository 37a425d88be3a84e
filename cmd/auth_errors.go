package cmd

import (
	"errors"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/oauth"
)

// describeOAuth returns the report of a failed call.
func describeOAuth(e *oauth.Error) device.ErrorReport {
	r := device.ErrorReport{Code: "bad_reply", ExitCode: exit.Failed, Message: e.Error(), Hint: oauthHint(e)}
	switch e.Kind {
	case oauth.KindCanceled:
		return device.ErrorReport{Code: "interrupted", ExitCode: exit.Interrupted, Message: "interrupted"}
	case oauth.KindErrcode:
		switch e.Class() {
		case oauth.ClassCredentials:
			r.Code, r.ExitCode = "credentials_refused", exit.Credentials
		case oauth.ClassService:
			r.Code = "wechat_busy"
		default:
			r.Code = "wechat_refused"
		}
	case oauth.KindMissing:
		r.Code, r.ExitCode = "credentials_missing", exit.Credentials
	case oauth.KindBaseURL:
		r.Code, r.ExitCode = "usage", exit.Usage
	case oauth.KindTimeout:
		r.Code = "timeout"
	case oauth.KindUnreachable:
		r.Code = "unreachable"
	case oauth.KindRedirect:
		r.Code = "redirected"
	}
	return r
}

const relogin = "log in again for a new code: wxctl auth login"

// oauthHint says what to do next.
func oauthHint(e *oauth.Error) string {
	switch e.Kind {
	case oauth.KindErrcode:
		if hint := errcodeHint(e); hint != "" {
			return hint
		}
		if e.RID != "" {
			return "look up rid " + e.RID + " in the API diagnosis of the Open Platform's console; it is kept for seven days"
		}
		return "look up the errcode in WeChat's documentation"
	case oauth.KindTimeout:
		if e.Op == oauth.OpExchange && e.Sent {
			return "the code may have been used: if a second try says so, " + relogin
		}
		return "increase --timeout, or check the network, HTTPS_PROXY and --base-url"
	case oauth.KindUnreachable:
		if e.Op == oauth.OpExchange && e.Sent {
			return "the code may have been used: if a second try says so, " + relogin
		}
		return "check the network, HTTPS_PROXY and --base-url"
	case oauth.KindRedirect, oauth.KindStatus, oauth.KindReply:
		if e.Op == oauth.OpExchange {
			return "check --base-url and the network in between; the code may have been used"
		}
		return "check --base-url and the network between this computer and WeChat"
	}
	return ""
}

// errcodeHint covers the codes after which the user can do something.
func errcodeHint(e *oauth.Error) string {
	switch e.Code {
	case 40163:
		return relogin + "; if it was not used before, look for a client that sends it twice"
	case 40029, 42003:
		if e.Op == oauth.OpExchange {
			return relogin + "; a code works once, for ten minutes, and only for its own app"
		}
	case 40001, 40125:
		if e.Op == oauth.OpExchange {
			return "compare AppSecret and AppID with the Open Platform's console; the AppSecret can be reset there"
		}
	case 40013:
		return "check --app-id: it is the mobile app's, from the Open Platform's console"
	case 40003:
		return "check --openid: it must be the user that the token belongs to"
	case 40164:
		if e.Address != "" {
			return "add " + e.Address + " to the IP whitelist in the console"
		}
		return "add this computer's public address to the IP whitelist in the console"
	case 48001:
		return "log in again with the scope snsapi_userinfo: wxctl auth login --scope snsapi_userinfo"
	case 45009:
		return "wait until tomorrow, or raise the quota in the console"
	case 45011:
		return "wait a minute, or use --timeout 3m"
	case -1:
		if e.Op == oauth.OpExchange {
			return "try again later; if WeChat then says that the code was used, " + relogin
		}
		return "try again later"
	}
	switch e.Errcode().Retry {
	case oauth.RetryAfterRefresh:
		return "wxctl auth refresh"
	case oauth.RetryAfterLogin:
		return relogin
	}
	return ""
}

// describeKeyring returns the report for a keyring that is needed and does not
// work.
func describeKeyring(err error) device.ErrorReport {
	return device.ErrorReport{
		Code: "keyring_unavailable", ExitCode: exit.Failed, Message: err.Error(),
		Hint: "unlock it, or keep secrets in a file: --store file",
	}
}

// moduleErr is an error in the form of APICloud's wx module.
type moduleErr struct {
	Code int    `json:"code"`
	Msg  string `json:"msg"`
}

// verdict is the part of the JSON that all calls to WeChat have in common. What
// WeChat did not send is null.
type verdict struct {
	Err     moduleErr           `json:"err"`
	Errcode *int                `json:"errcode"`
	Errmsg  *string             `json:"errmsg"`
	RID     *string             `json:"rid"`
	Error   *device.ErrorReport `json:"error,omitempty"`
}

// verdictOf is the result of a call. If a signal ended the command, it has the
// process's exit code.
func (f *Factory) verdictOf(err error) verdict {
	if err == nil {
		return verdict{Err: moduleErr{0, "ok"}, Errcode: new(0), Errmsg: new("ok")}
	}
	var signal *exit.Signal
	if errors.As(f.ended(), &signal) {
		err = signal
	}
	report := describe(err)
	v := verdict{Err: moduleErr{-1, report.Message}, Error: &report}
	var e *oauth.Error
	if errors.As(err, &e) {
		v.Err.Code = e.ModuleCode()
		if e.Kind == oauth.KindErrcode {
			v.Errcode, v.Errmsg = &e.Code, &e.Message
		}
		if e.RID != "" {
			v.RID = &e.RID
		}
	}
	return v
}
