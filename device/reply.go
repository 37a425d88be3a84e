package device

import (
	"github.com/wxctl/wxctl/intents"
)

// Answer records a reply in the outcome: as it is, and as the module's status,
// err and events.
func (o *Outcome) Answer(reply intents.Reply) {
	o.Reply = NewReply(reply)
	o.Err = moduleError(reply)
	o.Status = new(o.Err.Code == 0)
	switch r := reply.(type) {
	case intents.LaunchReply:
		o.Events = append(o.Events, Event{EventType: "back", ExtMsg: new(text(r.ExtMsg))})
	case intents.SubscribeReply:
		kind := "back"
		if r.ErrCode != intents.ErrOK || declined(r) {
			kind = "backError"
		}
		o.Events = append(o.Events, Event{
			EventType: kind, TemplateID: new(text(r.TemplateID)), Action: new(text(r.Action)), OpenID: new(text(r.OpenID)),
			Reserved: new(text(r.Reserved)), Scene: new(int(r.Scene)),
		})
	}
}

// NewReply returns a reply in the form in which an Outcome shows it.
func NewReply(reply intents.Reply) *Reply {
	a := reply.Answer()
	out := &Reply{ErrCode: int(a.ErrCode), ErrStr: text(a.ErrStr), Transaction: text(a.Transaction), OpenID: text(a.OpenID)}
	switch r := reply.(type) {
	case intents.AuthReply:
		out.Code, out.State, out.URL = text(r.Code), text(r.State), text(r.URL)
		out.Lang, out.Country = text(r.Lang), text(r.Country)
	case intents.LaunchReply:
		out.ExtMsg = text(r.ExtMsg)
	case intents.SubscribeReply:
		out.TemplateID, out.Action, out.Reserved = text(r.TemplateID), text(r.Action), text(r.Reserved)
		out.Scene = new(int(r.Scene))
	}
	return out
}

// Codes of the module's err object, which are numbered differently for each
// kind of request.
const moduleUnknown = -1

// moduleAnswer is a number of the module and its text.
type moduleAnswer struct {
	code int
	msg  string
}

var shareAnswers = map[intents.ErrCode]moduleAnswer{
	intents.ErrOK:          {0, "ok"},
	intents.ErrUserCancel:  {2, "the user cancelled"},
	intents.ErrSentFailed:  {3, "sending failed"},
	intents.ErrAuthDenied:  {4, "authorization refused"},
	intents.ErrUnsupported: {5, "not supported by this WeChat"},
	intents.ErrBan:         {1, "package or signature does not match the AppID"},
}

var authAnswers = map[intents.ErrCode]moduleAnswer{
	intents.ErrOK:         {0, "ok"},
	intents.ErrUserCancel: {1, "the user cancelled"},
	intents.ErrAuthDenied: {2, "the user refused"},
}

// launchAnswers are those of launchMiniProgram and subscribeMsg.
var launchAnswers = map[intents.ErrCode]moduleAnswer{
	intents.ErrOK:  {0, "ok"},
	intents.ErrBan: {1, "package or signature does not match the AppID"},
}

// moduleError translates WeChat's errCode into the module's number for the kind
// of request. This loses information: the Outcome has the errCode as well.
func moduleError(reply intents.Reply) *ModuleError {
	answers := shareAnswers
	switch reply.Kind() {
	case intents.KindAuth:
		answers = authAnswers
	case intents.KindLaunchMiniProgram, intents.KindSubscribeMessage:
		answers = launchAnswers
	}
	if a, ok := answers[reply.Answer().ErrCode]; ok {
		return &ModuleError{Code: a.code, Msg: a.msg}
	}
	return &ModuleError{Code: moduleUnknown, Msg: "unknown error"}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// Unsent sets what the module reports when nothing could be sent: status false,
// and its number for that.
func (o *Outcome) Unsent(request intents.Kind, why *Error) {
	o.Status = new(false)
	o.Err = &ModuleError{Code: 7, Msg: "the request never reached WeChat"}
	switch {
	case request == intents.KindAuth && why.Code == WeChatMissing:
		o.Err = &ModuleError{Code: 3, Msg: "WeChat is not installed"}
	case request == intents.KindAuth:
		o.Err = &ModuleError{Code: moduleUnknown, Msg: "the request never reached WeChat"}
	case request == intents.KindSubscribeMessage:
		o.Events = append(o.Events, Event{EventType: "error"})
	case request == intents.KindLaunchMiniProgram && o.Device.Platform == IOS:
		o.Events = append(o.Events, Event{EventType: "launch", Status: new(false)})
	}
}

// RefusedApp sets what the module reports for an app whose AppID, package or
// signature WeChat refuses: WeChat shows that, and the app gets no reply.
func (o *Outcome) RefusedApp() {
	answer := launchAnswers[intents.ErrBan]
	o.Status, o.Err = new(false), &ModuleError{Code: answer.code, Msg: answer.msg}
}

// Sent adds what the module's callback gets once a request was handed to
// WeChat. On Android it gets nothing then for a mini program.
func (o *Outcome) Sent(request intents.Kind) {
	switch {
	case request == intents.KindSubscribeMessage:
		o.Events = append(o.Events, Event{EventType: "start"})
	case request == intents.KindLaunchMiniProgram && o.Device.Platform == IOS:
		o.Events = append(o.Events, Event{EventType: "launch", Status: new(true)})
	}
}

// declined reports whether the user cancelled a subscription, which WeChat
// answers with errCode 0.
func declined(r intents.SubscribeReply) bool {
	return text(r.Action) == "cancel" || text(r.Action) == "reject"
}

// ReplyFailure returns the failure that a reply stands for, nil for none.
func ReplyFailure(reply intents.Reply) error {
	result := reply.Answer()
	var e *Error
	switch result.ErrCode {
	case intents.ErrOK:
		if r, ok := reply.(intents.SubscribeReply); ok && declined(r) {
			return Errorf(RefusedByWeChat, "the user did not subscribe (action %q)", text(r.Action))
		}
		return nil
	case intents.ErrUserCancel:
		e = Errorf(RefusedByWeChat, "the user cancelled (errCode %d)", result.ErrCode)
	case intents.ErrAuthDenied:
		e = Errorf(RefusedByWeChat, "the user refused (errCode %d)", result.ErrCode)
	case intents.ErrBan:
		e = Errorf(RefusedByWeChat, "WeChat refused the app (errCode %d): its package or signature does not match the AppID", result.ErrCode).
			WithHint("compare with the Open Platform: wxctl inspect")
	case intents.ErrUnsupported:
		e = Errorf(WeChatTooOld, "this WeChat does not support the request (errCode %d)", result.ErrCode).WithHint("update WeChat")
	default:
		e = Errorf(Failed, "WeChat failed (errCode %d)", result.ErrCode)
		if result.ErrStr != nil && *result.ErrStr != "" {
			e = Errorf(Failed, "WeChat failed (errCode %d): %q", result.ErrCode, *result.ErrStr)
		}
	}
	return e
}
