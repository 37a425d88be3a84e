package androidwire

import (
	"bytes"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/wxctl/wxctl/intents"
)

const (
	// keyFromWeChat marks what comes from WeChat; the SDK ignores an Intent
	// without it.
	keyFromWeChat   = "wx_token_key"
	valueFromWeChat = "com.tencent.mm.openapi.token"

	keyMessageExt = "_wxobject_message_ext"
	keyPlatform   = "platformId"

	queryResponseType   = "wx_internal_resptype"
	respTypeSubscribe   = "subscribemessage"
	respTypeMiniProgram = "subscribeminiprogrammsg"
)

// Receiver is the app that a reply goes to, and the WeChat it comes from.
type Receiver struct {
	// Package is the app's package name.
	Package string
	// Activity is the full name of the activity that takes the reply; "" is
	// the package's .wxapi.WXEntryActivity.
	Activity string
	// WeChatSDK is the SDK version inside WeChat; 0 is the default.
	WeChatSDK Version
}

// EncodeReply returns the Intent with which WeChat brings a reply to an app.
func EncodeReply(reply intents.Reply, to Receiver) (Intent, error) {
	activity := to.Activity
	if activity == "" {
		activity = to.Package + ".wxapi.WXEntryActivity"
	}
	sdk := to.WeChatSDK.orDefault()
	c := coder{version: sdk}
	command, err := c.writeReply(reply)
	if err != nil {
		return Intent{}, err
	}
	sum := checksum(nil, int32(sdk), WeChat)
	c.put(keyFromWeChat, String(valueFromWeChat))
	c.put(keyCommand, Int(command))
	c.put(keySDKVersion, Int(int32(sdk)))
	c.put(keyPackage, String(WeChat))
	c.put(keyContent, Value{})
	c.put(keyChecksum, Bytes(sum[:]))
	c.put(keyToken, Value{})
	return Intent{Component: to.Package + "/" + activity, Flags: FlagNewTask, Extras: c.extras}, nil
}

// writeReply writes a reply's own extras and returns its command.
func (c *coder) writeReply(reply intents.Reply) (int32, error) {
	switch r := reply.(type) {
	case intents.ShareReply:
		c.result(&r.Result)
		return commandShare, nil
	case intents.AuthReply:
		c.result(&r.Result)
		c.authReply(&r)
		return commandAuth, nil
	case intents.LaunchReply:
		c.result(&r.Result)
		c.text("_launch_wxminiprogram_ext_msg", &r.ExtMsg)
		c.put(keyPlatform, String("wechat"))
		return commandLaunchMiniProgram, nil
	case intents.OpenWebviewReply:
		c.result(&r.Result)
		c.text("_wxapi_open_webview_result", &r.PageResult)
		return commandOpenWebview, nil
	case intents.SubscribeReply:
		q := newQuery(respTypeSubscribe, &r.Result)
		q.add("template_id", r.TemplateID)
		q.add("scene", decimal(r.Scene))
		q.add("action", r.Action)
		q.add("reserved", r.Reserved)
		c.showMessage(q, &r.Result)
		return commandShowMessage, nil
	case intents.SubscribeMiniProgramReply:
		q := newQuery(respTypeMiniProgram, &r.Result)
		q.add("unionid", r.UnionID)
		q.add("nickname", r.Nickname)
		q.add("errmsg", r.ErrStr)
		c.showMessage(q, &r.Result)
		return commandShowMessage, nil
	}
	return 0, fmt.Errorf("there is no Intent for a reply of type %T", reply)
}

func (c *coder) result(r *intents.Result) {
	c.integer("_wxapi_baseresp_errcode", (*int32)(&r.ErrCode))
	c.text("_wxapi_baseresp_errstr", &r.ErrStr)
	c.text("_wxapi_baseresp_transaction", &r.Transaction)
	c.text("_wxapi_baseresp_openId", &r.OpenID)
}

func (c *coder) authReply(r *intents.AuthReply) {
	c.text("_wxapi_sendauth_resp_token", &r.Code)
	c.text("_wxapi_sendauth_resp_state", &r.State)
	c.text("_wxapi_sendauth_resp_url", &r.URL)
	c.text("_wxapi_sendauth_resp_lang", &r.Lang)
	c.text("_wxapi_sendauth_resp_country", &r.Country)
	c.boolean("_wxapi_sendauth_resp_auth_result", &r.AuthResult)
}

// query builds the URI that WeChat puts into messageExt for replies of web
// pages inside it.
type query struct{ strings.Builder }

func newQuery(kind string, r *intents.Result) *query {
	q := &query{}
	q.WriteString("weixin://message?" + queryResponseType + "=" + kind)
	q.add("ret", decimal(int32(r.ErrCode)))
	q.add("openid", r.OpenID)
	return q
}

func (q *query) add(key string, value *string) {
	if value != nil {
		q.WriteString("&" + key + "=" + strings.ReplaceAll(url.QueryEscape(*value), "+", "%20"))
	}
}

// showMessage puts the URI where ShowMessageFromWX.Req has its messageExt.
func (c *coder) showMessage(q *query, r *intents.Result) {
	c.put("_wxapi_basereq_transaction", StringOrNull(r.Transaction))
	c.put("_wxapi_basereq_openid", StringOrNull(r.OpenID))
	c.put(keyMessageExt, String(q.String()))
	c.put(keyPlatform, String("wechat"))
}

// DecodeReply reads a reply from the Intent that an app's WXEntryActivity
// got. It refuses, as [ErrMalformed], what the SDK of the given version
// refuses: an Intent without WeChat's mark, without a package, with a wrong
// checksum, or with a command that the SDK doesn't know.
func DecodeReply(i Intent, sdk Version) (intents.Reply, Envelope, error) {
	x := i.Extras
	env := Envelope{
		Package: text(x.Get(keyPackage).Text()),
		SDK:     Version(x.Get(keySDKVersion).Integer()),
		Token:   x.Get(keyToken).Text(),
		Command: x.Get(keyCommand).Integer(),
	}
	if mark := x.Get(keyFromWeChat).Text(); mark == nil || *mark != valueFromWeChat {
		return nil, env, fmt.Errorf("%w: %s is missing or wrong", ErrMalformed, keyFromWeChat)
	}
	if env.Package == "" {
		return nil, env, fmt.Errorf("%w: no %s", ErrMalformed, keyPackage)
	}
	sum := checksum(x.Get(keyContent).Text(), int32(env.SDK), env.Package)
	if !bytes.Equal(sum[:], x.Get(keyChecksum).Bytes()) {
		return nil, env, fmt.Errorf("%w: the checksum is wrong", ErrMalformed)
	}
	c := coder{version: sdk.orDefault(), reading: true, extras: x}
	reply, err := c.readReply(env.Command)
	return reply, env, err
}

func (c *coder) readReply(command int32) (intents.Reply, error) {
	var result intents.Result
	c.result(&result)
	switch command {
	case commandShare:
		return intents.ShareReply{Result: result}, nil
	case commandAuth:
		r := intents.AuthReply{Result: result}
		c.authReply(&r)
		if c.version < SDK680 {
			r.AuthResult = false
		}
		return r, nil
	case commandLaunchMiniProgram:
		r := intents.LaunchReply{Result: result}
		c.text("_launch_wxminiprogram_ext_msg", &r.ExtMsg)
		return r, nil
	case commandOpenWebview:
		r := intents.OpenWebviewReply{Result: result}
		c.text("_wxapi_open_webview_result", &r.PageResult)
		return r, nil
	case commandShowMessage:
		return c.readShowMessage()
	}
	if handles(c.version, command) {
		return intents.OtherReply{Result: result, Command: command}, nil
	}
	return nil, fmt.Errorf("%w: %s knows no command %d", ErrMalformed, c.version.source(), command)
}

// handles reports whether IWXAPI.handleIntent knows a command. This package
// reads no other fields of it.
func handles(sdk Version, command int32) bool {
	switch command {
	case 3, 5, 6, 9, 14, 15, 16, 17, 24, 25, 26, 27:
		return true
	case 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38:
		return sdk >= SDK680
	case 39, 41:
		return sdk >= SDK6818
	case 42, 43:
		return sdk >= SDK6834
	}
	return false
}

// readShowMessage reads the URI in messageExt.
func (c *coder) readShowMessage() (intents.Reply, error) {
	ext := c.extras.Get(keyMessageExt).Text()
	if ext == nil || !strings.Contains(*ext, queryResponseType) {
		return intents.OtherReply{Command: commandShowMessage}, nil
	}
	if _, err := uri(*ext).queryParameter(queryResponseType); err != nil {
		return nil, fmt.Errorf("%w: messageExt %q: %w", ErrMalformed, *ext, err)
	}
	get := func(key string) *string {
		value, _ := uri(*ext).queryParameter(key) // it fails for all keys or none
		return value
	}
	result := intents.Result{ErrCode: intents.ErrCode(parsed(get("ret"))), OpenID: get("openid")}
	kind := text(get(queryResponseType))
	switch {
	case kind == respTypeSubscribe:
		return intents.SubscribeReply{
			Result: result, TemplateID: get("template_id"), Scene: parsed(get("scene")), Action: get("action"), Reserved: get("reserved"),
		}, nil
	case strings.Contains(kind, "invoice_auth_insert"), strings.Contains(kind, "payinsurance"), strings.Contains(kind, "nontaxpay"):
		result.OpenID = nil // the SDK does not read it here
		return intents.OtherReply{Result: result, Command: commandShowMessage}, nil
	case kind == respTypeMiniProgram, kind == openTypeSubscribeMiniProgramMessage:
		result.ErrStr = get("errmsg")
		return intents.SubscribeMiniProgramReply{Result: result, UnionID: get("unionid"), Nickname: get("nickname")}, nil
	}
	return nil, fmt.Errorf("%w: messageExt %q", ErrMalformed, *ext)
}

// parsed reads a number as the SDK does: 0 if it is not a number.
func parsed(s *string) int32 {
	n, err := strconv.ParseInt(text(s), 10, 32)
	if err != nil {
		return 0
	}
	return int32(n)
}
