package wechat

import (
	"errors"
	"fmt"
	"strings"

	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/ioswire"
)

// Versions of WeChat for iOS from which it takes universal links
// (weixinULAPI), and requests inside the URL (weixinURLParamsAPI).
const (
	ulAPI     = "weixinULAPI"
	paramsAPI = "weixinURLParamsAPI"
)

func (v Version) takesLinks() bool  { return v.AtLeast(7, 0, 7) }
func (v Version) takesParams() bool { return v.AtLeast(8, 0, 24) }

// Schemes are the URL schemes that WeChat for iOS declares, by which apps find
// out what it supports.
func (v Version) Schemes() []string {
	schemes := []string{"weixin", "wechat", "weixinQRCodePayAPI"}
	if v.takesLinks() {
		schemes = append(schemes, ulAPI, "weixinStateAPI")
	}
	if v.takesParams() {
		schemes = append(schemes, paramsAPI)
	}
	return schemes
}

// Domains are the associated domains of WeChat for iOS.
func (v Version) Domains() []string {
	if !v.takesLinks() {
		return nil
	}
	return []string{"applinks:help.wechat.com"}
}

// URLRequest is a URL that WeChat for iOS got.
type URLRequest struct {
	URL string
	// Pasteboard is what is on the general pasteboard under the SDK's type; nil
	// is nothing.
	Pasteboard []byte
	// IOS is the phone's major version.
	IOS int
}

// URLCourse is how WeChat handles a URL.
type URLCourse struct {
	// Note says how WeChat handled the request, for its log.
	Note string
	// Screen is the screen that opens, such as "chat picker"; "" if WeChat's
	// screen doesn't change.
	Screen string
	// AtOnce is true if WeChat continues without its user.
	AtOnce bool
	// Back is how the app is called back after that: the content of the
	// pasteboard, and the URL that is opened. If it is nil, the app gets
	// nothing.
	Back []ioswire.Wire
}

// OpenURL decides how a URL is handled on iOS.
func (w *WeChat) OpenURL(in URLRequest) URLCourse {
	link := in.URL
	if !w.options.Version.takesParams() {
		link = withoutPayload(link)
	}
	req, env, err := ioswire.Decode(link, in.Pasteboard)
	// 1. A URL that can't be read only opens WeChat.
	switch {
	case env.AppID == "":
		return URLCourse{Note: fmt.Sprintf("no request: %v", err)}
	case strings.Contains(link, "/refreshTokenFail/"):
		return URLCourse{Note: "the app knows nothing of the request that came by universal link", Screen: "error page"}
	case err != nil:
		note := "dropped: " + err.Error()
		if link != in.URL {
			note = fmt.Sprintf("dropped: WeChat %s reads no requests inside URLs, and there is none on the pasteboard", w.options.Version)
		}
		return URLCourse{Note: note}
	}
	r := &urlRun{w: w, env: env, ios: in.IOS}
	if w.loses() {
		return URLCourse{Note: "dropped: this WeChat is flaky"}
	}
	// 2. Somebody must be logged in.
	if w.options.LoggedOut {
		course := URLCourse{Note: "nobody is logged in", Screen: "login"}
		if w.options.Answer == Cancel || w.options.Answer == Deny {
			course.Back = r.back(r.bare(req, intents.ErrComm))
		}
		return course
	}
	// 3. The app that the server knows under this AppID.
	record, known := w.record(env.AppID)
	switch {
	case !known:
		return r.refuse(req, fmt.Sprintf("no app %q is registered", env.AppID))
	case env.BundleID != "" && env.BundleID != record.BundleID:
		return r.refuse(req, fmt.Sprintf("%q is registered for bundle id %q, not %q", env.AppID, record.BundleID, env.BundleID))
	}
	r.record = record
	// 4. A universal link must carry a token; the app gets one by the hand-shake,
	// and sends the request again.
	if env.Link {
		if fault := w.tokenFault(&env.Token, record.BundleID); fault != "" {
			return r.handshake(fault)
		}
	}
	// 5. The server's own decision.
	if _, share := req.(intents.Share); share && w.options.Ban != "" {
		return r.refuse(req, w.options.Ban)
	}
	if w.options.Answer == Unsupported {
		return URLCourse{Note: "not supported", AtOnce: true, Back: r.back(r.bare(req, intents.ErrUnsupported))}
	}
	course := r.request(req)
	if !env.Link {
		course.Note += " (unverified app: the request came by the URL scheme)"
	}
	return course
}

// withoutPayload is what an old WeChat sees of a URL: it does not know the
// items of the payload.
func withoutPayload(link string) string {
	base, query, _ := strings.Cut(link, "?")
	var kept []string
	for item := range strings.SplitSeq(query, "&") {
		if !strings.HasPrefix(item, "_wechat_sdk_biz_data") {
			kept = append(kept, item)
		}
	}
	if len(kept) == strings.Count(query, "&")+1 {
		return link
	}
	return base + "?" + strings.Join(kept, "&")
}

// urlRun is a request that WeChat for iOS handles.
type urlRun struct {
	w      *WeChat
	env    ioswire.Envelope
	record Record
	ios    int
}

// handshake gives the app a token, by its universal link.
func (r *urlRun) handshake(fault string) URLCourse {
	if r.record.UniversalLink == "" {
		return URLCourse{Note: fault + ", and no universal link is registered", Screen: "error page"}
	}
	link := fmt.Sprintf("%s%s/refreshToken?wechat_auth_token=%s&wechat_auth_context_id=%s",
		strings.TrimSuffix(r.record.UniversalLink, "/")+"/", r.env.AppID, r.w.token(r.record.BundleID), r.env.ContextID)
	return URLCourse{Note: "hand-shake: " + fault, AtOnce: true, Back: []ioswire.Wire{{URL: &ioswire.URL{Text: link}}}}
}

// refuse stays on a page with a refusal.
func (r *urlRun) refuse(req intents.Request, why string) URLCourse {
	return r.left(URLCourse{Note: why, Screen: "error page"}, r.bare(req, intents.ErrBan))
}

// left is a course that ends with a reply once its user leaves WeChat.
func (r *urlRun) left(course URLCourse, reply intents.Reply) URLCourse {
	if r.w.options.Answer != Stay {
		course.Back = r.back(reply)
	}
	return course
}

// back makes the URL that opens the app again: a universal link if the request
// was one.
func (r *urlRun) back(reply intents.Reply) []ioswire.Wire {
	to := ioswire.Receiver{AppID: r.env.AppID, UniversalLink: r.record.UniversalLink, IOS: r.ios}
	to.ByLink = r.env.Link && to.UniversalLink != ""
	if r.env.SDK == ioswire.SDK1871 || !r.w.options.Version.takesParams() {
		to.SDK = ioswire.SDK1871
	}
	wires, _, err := ioswire.EncodeReply(reply, to)
	if err != nil {
		return nil
	}
	return wires
}

// bare is the reply to a request that did not get far.
func (r *urlRun) bare(req intents.Request, code intents.ErrCode) intents.Reply {
	result := r.w.result(code, nil)
	switch req.(type) {
	case intents.Auth:
		return intents.AuthReply{Result: result}
	case intents.LaunchMiniProgram:
		return intents.LaunchReply{Result: result}
	case intents.SubscribeMessage:
		return intents.SubscribeReply{Result: result}
	case intents.SubscribeMiniProgramMessage:
		return intents.SubscribeMiniProgramReply{Result: result}
	case intents.OpenWebview:
		return intents.OpenWebviewReply{Result: result}
	}
	return intents.ShareReply{Result: result}
}

// request opens the screen for a request, and lets the user act.
func (r *urlRun) request(req intents.Request) URLCourse {
	w := r.w
	if id := req.Base().OpenID; id != nil && *id != "" && *id != w.options.OpenID && w.options.Answer != Send {
		course := URLCourse{Note: "another user is logged in than the app expects", Screen: "switch account"}
		return r.left(course, r.bare(req, intents.ErrSentFailed))
	}
	switch q := req.(type) {
	case intents.Share:
		return r.share(q)
	case intents.LaunchMiniProgram, intents.SubscribeMessage:
		if w.options.Answer == Fail {
			return r.left(URLCourse{Note: "it fails", Screen: "error page"}, r.bare(req, intents.ErrSentFailed))
		}
	}
	switch q := req.(type) {
	case intents.Auth:
		return r.auth(q)
	case intents.LaunchMiniProgram:
		course := URLCourse{Note: fmt.Sprintf("mini program %q", deref(q.UserName)), Screen: "mini program"}
		if w.options.Answer == Send { // the app gets nothing when the user just goes back
			course.Back = r.back(intents.LaunchReply{Result: w.result(intents.ErrOK, nil), ExtMsg: q.ExtMsg})
		}
		return course
	case intents.SubscribeMessage:
		return r.left(URLCourse{Note: fmt.Sprintf("subscription to template %q", deref(q.TemplateID)), Screen: "subscription page"},
			w.subscribed(q.TemplateID, q.Scene, q.Reserved))
	}
	return r.left(URLCourse{Note: "page", Screen: "web page"}, r.bare(req, w.pageCode()))
}

// share takes a message to where its scene says.
func (r *urlRun) share(q intents.Share) URLCourse {
	w := r.w
	var course URLCourse
	scene := q.Scene
	if _, card := q.Message.Object.(intents.MiniProgram); card && scene != intents.SceneContact {
		scene = intents.SceneSession // cards go into chats only
	}
	switch scene {
	case intents.SceneTimeline:
		course = URLCourse{Note: "Moments editor", Screen: "Moments editor"}
	case intents.SceneFavorite: // saved without a question
		code := intents.ErrOK
		if w.options.Answer == Fail {
			code = intents.ErrSentFailed
		}
		return URLCourse{Note: "saved to favorites", Screen: "favorites", AtOnce: true, Back: r.back(r.bare(q, code))}
	case intents.SceneContact:
		course = URLCourse{Note: "chat with a contact", Screen: "chat"}
	case intents.SceneSession:
		course = URLCourse{Note: "chat picker", Screen: "chat picker"}
	default:
		return URLCourse{Note: fmt.Sprintf("no scene %d", scene), AtOnce: true, Back: r.back(r.bare(q, intents.ErrUnsupported))}
	}
	return r.left(course, r.bare(q, w.answerCode()))
}

// auth asks for the user's consent.
func (r *urlRun) auth(q intents.Auth) URLCourse {
	course := URLCourse{Note: "consent is asked for", Screen: "consent page"}
	if r.w.options.Answer == Stay {
		return course
	}
	reply := intents.AuthReply{Result: r.w.result(intents.ErrComm, nil), State: q.State, Lang: new("zh_CN"), Country: new("CN")}
	err := errors.New("no scope")
	if scope := deref(q.Scope); scope != "" {
		reply.Code, reply.ErrCode, err = r.w.consent(scope)
	}
	if err != nil {
		course.Note = err.Error()
	}
	course.Back = r.back(reply)
	return course
}
