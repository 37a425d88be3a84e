package ioswire

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/wxctl/wxctl/intents"
)

// Errors of DecodeReply, for errors.Is, beside ErrMalformed.
var (
	// ErrOtherApp is a URL that the SDK ignores: it begins with neither the
	// app's scheme nor its universal link.
	ErrOtherApp = errors.New("not a URL for this app's SDK")
	// ErrNoReply is a URL that the SDK handles without telling the app.
	ErrNoReply = errors.New("not a reply")
)

// Commands of a reply's payload.
const (
	commandShareReply    = "2020"
	commandShareReplyOld = "2010"
	commandAuthReply     = "2030"
	commandLaunchReply   = "2070"
	codeDenied           = "authdeny"
	itemKind             = "wx_internal_resptype"
	kindSubscribe        = "subscribemessage"
	kindSubscribeMini    = "subscribeminiprogrammsg"
	apiOAuth             = "oauth"
	apiOpenType          = "opentypewebview"
	apiOpenWebview       = "openwebview"
)

// Receiver is the app that a reply goes to.
type Receiver struct {
	// AppID is the app's id, which is its URL scheme too; required.
	AppID string
	// UniversalLink is what the app registered with; empty if it is not known.
	UniversalLink string
	// ByLink sends the reply to the universal link, as WeChat does with an app
	// that has one; otherwise it goes to the scheme.
	ByLink bool
	// SDK is the version of the OpenSDK in the app; the default if empty.
	SDK Version
	// IOS is the phone's major version; 0 is the newest. Below 15 payloads go
	// through the pasteboard.
	IOS int
}

func (r *Receiver) urlParams() bool {
	return r.SDK.orDefault() == SDK200 && Phone{IOS: r.IOS}.ios() >= iosURLParams
}

func (r *Receiver) base() string {
	if !r.ByLink {
		return r.AppID + "://"
	}
	s := Sender{UniversalLink: r.UniversalLink}
	return s.link() + r.AppID + "/"
}

// EncodeReply returns what WeChat does to bring a reply to an app: what it puts
// on the pasteboard, if anything, and the URL that it opens. The second result
// names the fields that do not reach the app's delegate as given, since the SDK
// has no way to carry them.
func EncodeReply(reply intents.Reply, to Receiver) ([]Wire, []string, error) {
	if to.AppID == "" {
		return nil, nil, errors.New("a reply needs the app's AppID")
	}
	if to.ByLink && to.UniversalLink == "" {
		return nil, nil, errors.New("a reply by universal link needs the app's universal link")
	}
	var wires []Wire
	switch r := reply.(type) {
	case intents.ShareReply:
		wires = to.payload(commandShareReply, r.Result)
	case intents.LaunchReply:
		wires = to.payload(commandLaunchReply, r.Result, textField("messageExt", r.ExtMsg)...)
	case intents.AuthReply:
		wires = to.auth(&r)
	case intents.SubscribeReply:
		wires = to.call(apiOpenType, itemKind, new(kindSubscribe), "ret", decimal(int32(r.ErrCode)), "errmsg", r.ErrStr, "openid", r.OpenID,
			"template_id", r.TemplateID, "action", r.Action, "scene", decimal(r.Scene), "reserved", r.Reserved)
	case intents.SubscribeMiniProgramReply:
		wires = to.call(apiOpenType, itemKind, new(kindSubscribeMini), "ret", decimal(int32(r.ErrCode)), "errmsg", r.ErrStr,
			"openid", escaped(r.OpenID), "unionid", escaped(r.UnionID), "nickname", escaped(r.Nickname))
	case intents.OpenWebviewReply:
		wires = to.call(apiOpenWebview, "ret", decimal(int32(r.ErrCode)), "notifyStr", r.ErrStr)
	default:
		return nil, nil, fmt.Errorf("the OpenSDK for iOS has no reply %T", reply)
	}
	differences, err := to.differences(reply, wires)
	return wires, differences, err
}

// auth uses the URL that names the API and holds the code, unless that URL
// can't carry the error code.
func (r *Receiver) auth(a *intents.AuthReply) []Wire {
	code := a.Code
	switch {
	case a.ErrCode == intents.ErrOK && code != nil && *code != codeDenied:
	case a.ErrCode == intents.ErrAuthDenied:
		code = new(codeDenied)
	case a.ErrCode == intents.ErrComm:
		code = nil
	default:
		return r.payload(commandAuthReply, a.Result, textField("state", a.State)...)
	}
	return r.call(apiOAuth, "code", code, "state", a.State, "lang", a.Lang, "country", a.Country, "reason", a.ErrStr)
}

func textField(key string, s *string) []Field {
	if s == nil {
		return nil
	}
	return []Field{{key, String(valid(*s))}}
}

// payload is a reply whose fields are a property list.
func (r *Receiver) payload(command string, result intents.Result, more ...Field) []Wire {
	fields := append(Dict{
		{"command", String(command)},
		{"result", String(strconv.Itoa(int(result.ErrCode)))},
		{"returnFromApp", String("1")},
		{"sdkver", String(string(r.SDK.orDefault()))},
	}, more...).sorted()
	if !r.urlParams() {
		plist := Dict{{r.AppID, Dictionary(fields)}}
		return []Wire{{Pasteboard: &Pasteboard{PasteboardType, plist}}, {URL: &URL{Text: urlText(r.base())}}}
	}
	plist := flatten(fields)
	var b strings.Builder
	b.WriteString(r.base())
	fmt.Fprintf(&b, "?%s=%d&%s=", itemLength, (plist.size()+2)/3*4, itemData)
	w := newBase64Writer(&b)
	plist.writeTo(&w)
	return []Wire{{URL: &URL{Text: urlText(b.String()), BizData: fields}}}
}

// call is a reply whose fields are query items, given as name and value; nil is
// omitted.
func (r *Receiver) call(api string, items ...any) []Wire {
	var b strings.Builder
	b.WriteString(r.base())
	b.WriteString(api)
	b.WriteByte('?')
	a := appender{b: &b}
	for i := 0; i < len(items); i += 2 {
		name, _ := items[i].(string)
		if value, _ := items[i+1].(*string); value != nil {
			a.add(name, itemText(*value))
		}
	}
	return []Wire{{URL: &URL{Text: urlText(b.String())}}}
}

// itemText is a value as it can appear in a URL. The SDK hands most values to
// the app still escaped, so only characters that a URL can't hold are escaped.
func itemText(value string) string {
	keep := legal()
	for _, c := range []byte("&=#") {
		keep[c>>6] &^= 1 << (c & 63)
	}
	if !malformed(value) {
		keep[0] |= 1 << '%'
	}
	return escape(value, keep)
}

// escaped is one of the few values that the SDK does unescape.
func escaped(s *string) *string {
	if s == nil {
		return nil
	}
	return new(escape(*s, plain()))
}

func decimal(n int32) *string { return new(strconv.Itoa(int(n))) }

// differences compares a reply with what the SDK makes of its wire form.
func (r *Receiver) differences(reply intents.Reply, wires []Wire) ([]string, error) {
	var url string
	var pasteboard []byte
	for _, w := range wires {
		if w.URL != nil {
			url = w.URL.Text
		} else {
			pasteboard = w.Pasteboard.Bytes()
		}
	}
	read, err := DecodeReply(url, pasteboard, *r)
	if err != nil {
		return nil, fmt.Errorf("the reply does not reach the app: %w", err)
	}
	given, err := fieldsOf(reply)
	if err != nil {
		return nil, err
	}
	got, err := fieldsOf(read)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(given)) {
		switch {
		case string(given[name]) == string(got[name]):
		case string(got[name]) == "null" || got[name] == nil:
			out = append(out, name+": the SDK hands none to the app in this reply")
		default:
			out = append(out, name+": the SDK hands its escaped text to the app")
		}
	}
	return out, nil
}

func fieldsOf(reply intents.Reply) (map[string]json.RawMessage, error) {
	text, err := json.Marshal(reply)
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	return fields, json.Unmarshal(text, &fields)
}

// otherAPI reads the replies to requests that this package does not have; nil
// for any other URL.
func otherAPI(api string, q query, sdk Version) intents.Reply {
	apis := []struct{ name, code, text string }{
		{"pay", "ret", "notifyStr"},
		{"jointpay", "ret", "notifyStr"},
		{"offlinepay", "ret", "errStr"},
		{"openranklist", "ret", "notifyStr"},
		{"openbusinesswebview", "ret", "errmsg"},
		{"cardPackage", "errCode", "errStr"},
		{"choosecard", "errCode", "errStr"},
		{"chooseinvoice", "errCode", "errStr"},
		// not in 1.8.7.1:
		{"openQRCodePay", "errCode", "errStr"},
		{"launchwxaredirectingpage", "errcode", "errstr"},
		{"channelStartLive", "errCode", "errStr"},
	}
	if sdk == SDK1871 {
		apis = apis[:8]
	}
	for _, other := range apis {
		if strings.HasPrefix(api, other.name) {
			return intents.OtherReply{Result: q.result(other.code, other.text)}
		}
	}
	return nil
}

// DecodeReply reads what the app's delegate gets for a URL that its SDK is
// handed, and for what is on the pasteboard (nil if nothing is). It fails with
// ErrOtherApp if the SDK ignores the URL, with ErrNoReply if it handles the URL
// without telling the app, and with ErrMalformed.
func DecodeReply(url string, pasteboard []byte, app Receiver) (intents.Reply, error) {
	api, q, err := app.open(url)
	if err != nil {
		return nil, err
	}
	switch {
	case strings.HasPrefix(api, apiOAuth):
		return decodeOAuth(q), nil
	case strings.HasPrefix(api, apiOpenType):
		if reply := decodeOpenTypeReply(q); reply != nil {
			return reply, nil
		}
	case strings.HasPrefix(api, apiOpenWebview):
		return intents.OpenWebviewReply{Result: q.result("ret", "notifyStr")}, nil
	}
	if other := otherAPI(api, q, app.SDK.orDefault()); other != nil {
		return other, nil
	}
	return app.payloadReply(q, pasteboard)
}

// open splits a URL as the SDK does: the app's scheme or its universal link,
// followed by the API that is called.
func (r *Receiver) open(url string) (api string, q query, err error) {
	url, _, _ = strings.Cut(url, "#")
	rest, ok := strings.CutPrefix(url, r.AppID+"://")
	if !ok && r.UniversalLink != "" {
		s := Sender{UniversalLink: r.UniversalLink}
		if rest, ok = strings.CutPrefix(url, s.link()+r.AppID); ok {
			rest = afterAppID(rest)
		}
	}
	if !ok {
		return "", "", fmt.Errorf("%w: %s", ErrOtherApp, clip(url))
	}
	api, text, _ := strings.Cut(rest, "?")
	return api, query(text), nil
}

// afterAppID is the API that follows the AppID of a universal link: empty,
// unless a slash is between them.
func afterAppID(rest string) string {
	if api, ok := strings.CutPrefix(rest, "/"); ok {
		return api
	}
	_, query, _ := strings.Cut(rest, "?")
	return "?" + query
}

func (q query) result(code, text string) intents.Result {
	return intents.Result{ErrCode: intents.ErrCode(q.number(code)), ErrStr: q.raw(text)}
}

// decodeOAuth reads the answer to an Auth. The SDK hands its values on still
// percent-escaped.
func decodeOAuth(q query) intents.Reply {
	r := intents.AuthReply{Code: q.raw("code"), State: q.raw("state"), Lang: q.raw("lang"), Country: q.raw("country")}
	r.ErrStr = q.raw("reason")
	switch {
	case r.Code == nil:
		r.ErrCode = intents.ErrComm
	case *r.Code == codeDenied:
		r.Code, r.ErrCode = nil, intents.ErrAuthDenied
	}
	return r
}

func decodeOpenTypeReply(q query) intents.Reply {
	result := q.result("ret", "errmsg")
	switch q.value(itemKind) {
	case kindSubscribe:
		result.OpenID = q.raw("openid")
		return intents.SubscribeReply{Result: result, TemplateID: q.raw("template_id"), Action: q.raw("action"),
			Scene: wrapped(q.value("scene")), Reserved: q.raw("reserved")}
	case kindSubscribeMini:
		result.OpenID = q.unescaped("openid")
		return intents.SubscribeMiniProgramReply{Result: result, UnionID: q.unescaped("unionid"), Nickname: q.unescaped("nickname")}
	case "invoice_auth_insert", "nontaxpay", "payinsurance":
		return intents.OtherReply{Result: result}
	}
	return nil
}

// unescaped is an item with percent escapes replaced and plus signs read as
// spaces; nil if it is absent or an escape is malformed.
func (q query) unescaped(name string) *string {
	value, there := q.item(name)
	text, ok := unescape(strings.ReplaceAll(value, "+", " "))
	if !there || !ok {
		return nil
	}
	return &text
}

// wrapped is a number as -[NSString integerValue] reads it, truncated to 32
// bits.
func wrapped(text string) int32 {
	text = strings.TrimLeft(text, " \t\n\v\f\r")
	n, _ := strconv.ParseInt(text[:digits(text)], 10, 64) // out of range: the nearest
	return int32(n)
}

func (r *Receiver) payloadReply(q query, pasteboard []byte) (intents.Reply, error) {
	var fields Dict
	var err error
	if r.urlParams() {
		if fields, err = q.payload(); err != nil {
			fields = nil // the SDK logs it and reads the pasteboard instead
		}
	}
	if fields == nil {
		if pasteboard == nil {
			return nil, fmt.Errorf("%w: it has no payload, neither in the URL nor on the pasteboard", ErrMalformed)
		}
		if fields, err = pasteboardFields(pasteboard, r.AppID); err != nil {
			return nil, err
		}
	}
	result := intents.Result{ErrCode: intents.ErrCode(intValue(orEmpty(fields.text("result"))))}
	number := intValue(orEmpty(fields.text("command")))
	switch command := strconv.Itoa(int(number)); command {
	case commandShareReply, commandShareReplyOld:
		return intents.ShareReply{Result: result}, nil
	case commandAuthReply:
		reply := intents.AuthReply{Result: result}
		if r.SDK.orDefault() != SDK1871 {
			reply.State = fields.text("state")
		}
		return reply, nil
	case commandLaunchReply:
		return intents.LaunchReply{Result: result, ExtMsg: fields.text("messageExt")}, nil
	default:
		return otherReply(command, number, result, fields, r.SDK.orDefault())
	}
}

// otherReply reads the commands that this package has no type for: answers to
// other requests, and WeChat's own requests of the app.
func otherReply(command string, number int32, result intents.Result, fields Dict, sdk Version) (intents.Reply, error) {
	newest := sdk == SDK200
	other := intents.OtherReply{Result: result, Command: number}
	switch command {
	case "2050", "2060", "2080":
		return other, nil
	case "2090", "2100", "2110", "2120", "2130", "2140":
		if newest {
			return other, nil
		}
	case "2000", "2040":
		other.Result = intents.Result{OpenID: fields.text("openID")}
		return other, nil
	case commandMedia:
		other.Result = intents.Result{OpenID: fields.text("openID")}
		switch orEmpty(fields.text("objectType")) {
		case "2", "3", "4", "5", "6", "7", "8", "14", "38", "39", "45": // what the SDK shows to the app
			return other, nil
		case objectMusicVideo:
			if newest {
				return other, nil
			}
		}
	}
	return nil, fmt.Errorf("%w: command %s", ErrNoReply, clip(command))
}
