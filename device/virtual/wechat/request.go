package wechat

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// Commands of the OpenSDK (ConstantsAPI).
const (
	commandAuth  = 1
	commandShare = 2
)

// envelope is what every request to WXEntryActivity has around it.
type envelope struct {
	sdk         int32
	pkg, appID  string
	token       *string
	command     int32
	transaction *string
	openID      *string
}

// Receive decides how an Intent that reached WXEntryActivity is handled.
func (w *WeChat) Receive(in androidwire.Intent) Course {
	// 1. The envelope. If anything is wrong with it, WXEntryActivity finishes without a message.
	e, host, fault := openEnvelope(in.Extras)
	if fault != "" {
		return Course{Note: "dropped: " + fault, AtOnce: true, Closes: true}
	}
	if host == "sendresp" {
		return Course{Note: "an app's answer to WeChat's own request", AtOnce: true, Closes: true}
	}
	if w.loses() {
		return Course{Note: "dropped: this WeChat is flaky", AtOnce: true, Closes: true}
	}
	// 2. Somebody must be logged in.
	if w.options.LoggedOut {
		return w.login(e)
	}
	// 3. The token: checked, but only refused if the server says so.
	tokenFault := ""
	if e.command == commandShare || !w.options.Version.AtLeast(7, 0, 4) {
		tokenFault = w.tokenFault(e.token, e.pkg)
	}
	if tokenFault != "" && e.sdk >= checkTokenSDK && w.options.BlockInvalidToken {
		return w.refuse(e, "blocked: "+tokenFault, intents.ErrBan)
	}
	// 4. The app that the server knows under this AppID.
	if fault := w.vouch(e.appID, e.pkg); fault != "" {
		return w.refuse(e, fault, intents.ErrBan)
	}
	// 5. The server's own decision.
	if w.options.Ban != "" && e.command == commandShare {
		return w.refuse(e, w.options.Ban, intents.ErrBan)
	}
	if w.options.Answer == Unsupported {
		return w.unsupported(e, "not supported")
	}
	// The user that the app expects. Declining to switch answers -3.
	if e.openID != nil && *e.openID != "" && *e.openID != w.options.OpenID && w.options.Answer != Send {
		return w.left(Course{Note: "another user is logged in than the app expects", Screens: screens(".plugin.base.stub.UIEntryStub")},
			w.reply(e, w.bare(e, intents.ErrSentFailed)))
	}
	var course Course
	switch e.command {
	case commandAuth:
		course = w.auth(e, in.Extras)
	case commandShare:
		course = w.share(e, in)
	default:
		return Course{Note: fmt.Sprintf("command %d is not taken here", e.command), AtOnce: true, Closes: true}
	}
	if tokenFault != "" {
		course.Note += " (" + tokenFault + ")"
	}
	return course
}

// openEnvelope reads the envelope as WeChat's first check does, and returns
// the authority of its content besides.
func openEnvelope(extras androidwire.Extras) (e envelope, host, fault string) {
	content := extras.Get("_mmessage_content").Text()
	if content == nil {
		return e, "", "no _mmessage_content"
	}
	authority, appID := takeApart(*content)
	e.appID = appID
	e.sdk = extras.Get("_mmessage_sdkVersion").Integer()
	if pkg := extras.Get("_mmessage_appPackage").Text(); pkg != nil {
		e.pkg = *pkg
	}
	switch {
	case authority != "sendreq" && authority != "sendresp":
		return e, "", fmt.Sprintf("_mmessage_content has the authority %q", authority)
	case e.sdk < minSDK:
		return e, "", fmt.Sprintf("_mmessage_sdkVersion is %d, at least %d is needed", e.sdk, minSDK)
	case e.appID == "":
		return e, "", "no appid"
	case e.pkg == "":
		return e, "", "no _mmessage_appPackage"
	case !bytes.Equal(extras.Get("_mmessage_checksum").Bytes(), checksum(*content, e.sdk, e.pkg)):
		return e, "", "_mmessage_checksum does not fit"
	}
	e.token = extras.Get("_message_token").Text()
	e.command = extras.Get("_wxapi_command_type").Integer()
	e.transaction = extras.Get("_wxapi_basereq_transaction").Text()
	e.openID = extras.Get("_wxapi_basereq_openid").Text()
	return e, authority, ""
}

// takeApart returns a URI's authority and its query parameter appid, both "" if
// there is none, as android.net.Uri does: it accepts any text as a URI, and
// turns an invalid percent escape into U+FFFD. (For a URI with a colon and no
// slashes it throws an exception, so there is no AppID either.)
func takeApart(content string) (authority, appID string) {
	content, _, _ = strings.Cut(content, "#")
	hierarchy, query, _ := strings.Cut(content, "?")
	_, rest, _ := strings.Cut(hierarchy, ":")
	rest, ok := strings.CutPrefix(rest, "//")
	if !ok {
		return "", ""
	}
	authority, _, _ = strings.Cut(strings.ReplaceAll(rest, `\`, "/"), "/")
	for pair := range strings.SplitSeq(query, "&") {
		if key, value, _ := strings.Cut(pair, "="); key == "appid" {
			return authority, unescape(strings.ReplaceAll(value, "+", " "))
		}
	}
	return authority, ""
}

func unescape(s string) string {
	if text, err := url.PathUnescape(s); err == nil {
		return strings.ToValidUTF8(text, "\uFFFD")
	}
	var b []byte
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b = append(b, s[i])
			continue
		}
		if i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b = append(b, byte(n))
				i += 2
				continue
			}
		}
		b = append(b, "\uFFFD"...)
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

// checksum is the receiver's side of the OpenSDK's check: MD5, in hex, of the
// second to ninth character of content, version, package and a salt.
func checksum(content string, sdk int32, pkg string) []byte {
	text := utf16.Encode([]rune(content + strconv.Itoa(int(sdk)) + pkg + "mMcShCsTr"))
	sum := md5.Sum([]byte(string(utf16.Decode(text[1:9]))))
	return []byte(hex.EncodeToString(sum[:]))
}

// login shows the login screen, which the user ignores.
func (w *WeChat) login(e envelope) Course {
	course := Course{Note: "nobody is logged in", Screens: screens(".plugin.account.ui.SimpleLoginUI")}
	if w.options.Answer == Cancel || w.options.Answer == Deny {
		course.Reply = w.reply(e, w.bare(e, intents.ErrComm))
		course.Closes = true
	}
	return course
}

// refuse stays on a page with a refusal, which the user leaves.
func (w *WeChat) refuse(e envelope, why string, code intents.ErrCode) Course {
	return w.left(Course{Note: why, Page: true}, w.reply(e, w.bare(e, code)))
}

// left is a course that ends, with a reply, once its user leaves WeChat.
func (w *WeChat) left(course Course, reply *Reply) Course {
	if w.options.Answer != Stay {
		course.Reply, course.Closes = reply, true
	}
	return course
}

// bare makes the reply to a request that was refused early.
func (w *WeChat) bare(e envelope, code intents.ErrCode) intents.Reply {
	result := w.result(code, e.transaction)
	switch e.command {
	case commandAuth:
		return intents.AuthReply{Result: result}
	case commandShare:
		return intents.ShareReply{Result: result}
	}
	return intents.OtherReply{Result: result, Command: e.command}
}

// reply addresses content to the app's callback activity.
func (w *WeChat) reply(e envelope, content intents.Reply) *Reply {
	pkg := e.pkg
	if record, known := w.record(e.appID); known && record.Package != "" {
		pkg = record.Package
	}
	return &Reply{Component: pkg + "/" + pkg + ".wxapi.WXEntryActivity", Flags: w.replyFlags(), Content: content}
}

// auth asks for the user's consent.
func (w *WeChat) auth(e envelope, extras androidwire.Extras) Course {
	scope, state := extras.Get("_wxapi_sendauth_req_scope").Text(), extras.Get("_wxapi_sendauth_req_state").Text()
	course := Course{Note: "consent is asked for", Screens: screens(".plugin.base.stub.UIEntryStub", ".plugin.webview.ui.tools.SDKOAuthUI"),
		Closes: true}
	content := intents.AuthReply{Result: w.result(intents.ErrOK, e.transaction), State: state, Lang: new("zh_CN"), Country: new("CN")}
	if w.options.Version.AtLeast(8, 0, 0) {
		content.Country = new("")
	}
	query := url.Values{"state": {deref(state)}}
	switch {
	case deref(scope) == "":
		content.ErrCode, course.Note = intents.ErrComm, "no scope"
	case strings.Contains(*scope, "snsapi_wxaapp_info") && *scope != "snsapi_wxaapp_info":
		content.ErrCode, course.Note = -1000, "snsapi_wxaapp_info together with another scope"
	case w.options.Answer == Stay:
		return Course{Note: course.Note, Screens: course.Screens}
	default:
		var err error
		if content.Code, content.ErrCode, err = w.consent(*scope); err != nil {
			course.Note = err.Error()
		}
		if w.options.Answer == Deny {
			query.Set("code", "authdeny")
		} else if content.Code != nil {
			query.Set("code", *content.Code)
		}
	}
	content.AuthResult = content.ErrCode == intents.ErrOK
	content.URL = new(e.appID + "://oauth?" + query.Encode())
	course.Reply = w.reply(e, content)
	if class := extras.Get("_wxapi_sendauth_options_callback_classname").Text(); class != nil && *class != "" &&
		w.supports(supportAuthOptions) {
		pkg, _, _ := strings.Cut(course.Reply.Component, "/")
		course.Reply.Component = pkg + "/" + *class
		if flags := extras.Get("_wxapi_sendauth_options_callback_flags"); flags.Type() == androidwire.TypeInteger && flags.Integer() != -1 {
			course.Reply.Flags = flags.Integer()
		}
	}
	return course
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
