package ioswire

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/wxctl/wxctl/intents"
)

// Errors of Decode and DecodeReply, for errors.Is.
var (
	// ErrMalformed is a URL or a property list that no SDK sends.
	ErrMalformed = errors.New("malformed")
	// ErrNoRequest is a URL of the SDK that is not one of this package's
	// requests, or does not carry one.
	ErrNoRequest = errors.New("not a request")
)

// Envelope is who a request says it comes from.
type Envelope struct {
	// AppID is the sender's id.
	AppID string
	// SDK is the sender's SDK version, empty if there is no payload.
	SDK Version
	// BundleID is the sender's CFBundleIdentifier, empty if it is not given.
	BundleID string
	// UniversalLink is the one that the sender registered with, empty if none.
	UniversalLink string
	// ContextID is the request's wechat_auth_context_id, Token the sender's
	// wechat_auth_token; empty if absent.
	ContextID, Token string
	// Link is set if the request came as a universal link and not by the
	// scheme; Degraded if the universal link had not opened.
	Link, Degraded bool
	// Erased is set if the SDK omitted a field from the URL; the pasteboard has
	// it.
	Erased bool
	// Resent is set if the SDK sent the request again by itself.
	Resent bool
}

// Decode reads a request from the URL that an SDK opens and from what it put on
// the pasteboard (a binary property list; nil if nothing). It fails with
// ErrMalformed or ErrNoRequest.
func Decode(url string, pasteboard []byte) (intents.Request, Envelope, error) {
	api, query, env, err := parseURL(url)
	if err != nil {
		return nil, env, err
	}
	fields, err := query.payload()
	if err != nil {
		return nil, env, err
	}
	if err := env.read(query); err != nil {
		return nil, env, err
	}
	if pasteboard != nil && (fields == nil || env.Erased) {
		if fields, err = pasteboardFields(pasteboard, env.AppID); err != nil {
			return nil, env, err
		}
	}
	r := fieldReader{fields: fields}
	env.SDK = Version(orEmpty(r.text("sdkver")))
	env.UniversalLink = orEmpty(r.text("universalLink"))
	env.Resent = r.bool("isAutoResend")
	var req intents.Request
	switch api {
	case "sendreq":
		req, err = r.share()
	case "auth":
		req, err = decodeAuth(query)
	case "jumpWxa":
		req, err = decodeLaunch(query)
	case "opentypewebview":
		req, err = decodeOpenType(query)
	case "openwebview":
		req, err = decodeOpenWebview(query)
	default:
		return nil, env, fmt.Errorf("%w of a known kind: %s", ErrNoRequest, clip(api))
	}
	if err == nil {
		err = r.err
	}
	if err != nil {
		return nil, env, err
	}
	return req, env, nil
}

// parseURL splits a request's URL into the API that is called, its query, and
// the sender that it names.
func parseURL(url string) (api string, q query, env Envelope, err error) {
	url, _, _ = strings.Cut(url, "#")
	rest, byScheme := strings.CutPrefix(url, schemeBase)
	if !byScheme {
		if rest, env.Link = strings.CutPrefix(url, linkBase); !env.Link {
			return "", "", env, fmt.Errorf("%w: %s is not one of WeChat's URLs", ErrNoRequest, clip(url))
		}
	}
	path, text, _ := strings.Cut(rest, "?")
	appID, api, _ := strings.Cut(path, "/")
	var ok bool
	if env.AppID, ok = unescape(appID); !ok || env.AppID == "" {
		return "", "", env, fmt.Errorf("%w: the AppID is not escaped text: %s", ErrMalformed, clip(appID))
	}
	return strings.TrimSuffix(api, "/"), query(text), env, nil
}

// read reads the items that every request may have.
func (e *Envelope) read(q query) (err error) {
	for item, into := range map[string]*string{itemBundle: &e.BundleID, itemContext: &e.ContextID, itemToken: &e.Token} {
		if *into, err = q.text(item); err != nil {
			return err
		}
	}
	e.Degraded = q.value(itemDegrade) == "1"
	e.Erased = q.value(itemErased) == "1"
	return nil
}

// pasteboardFields is the payload of an app in the pasteboard's property list.
func pasteboardFields(raw []byte, appID string) (Dict, error) {
	plist, err := DecodePlist(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: the pasteboard: %w", ErrMalformed, err)
	}
	v, _ := plist.Get(appID)
	fields, ok := v.Dict()
	if !ok {
		return nil, fmt.Errorf("%w: the pasteboard has nothing under the AppID", ErrMalformed)
	}
	return fields, nil
}

func decodeAuth(q query) (intents.Request, error) {
	var r intents.Auth
	var err error
	if r.Scope, err = q.pointer("scope"); err != nil {
		return nil, err
	}
	if r.State, err = q.pointer("state"); err != nil {
		return nil, err
	}
	if r.ExtData, err = q.pointer("extData"); err != nil {
		return nil, err
	}
	r.IsOption1, r.NonAutomatic = q.value("isOption1") == "1", q.value("nonautomatic") == "1"
	return r, nil
}

func decodeLaunch(q query) (intents.Request, error) {
	var r intents.LaunchMiniProgram
	var err error
	if r.UserName, err = q.pointer("userName"); err != nil {
		return nil, err
	}
	if r.Path, err = q.pointer("path"); err != nil {
		return nil, err
	}
	if r.ExtMsg, err = q.pointer("extMsg"); err != nil {
		return nil, err
	}
	n, err := strconv.ParseInt(q.value("miniProgramType"), 10, 32)
	if err != nil {
		return nil, fmt.Errorf("%w: miniProgramType is not a number: %s", ErrMalformed, clip(q.value("miniProgramType")))
	}
	r.Type = intents.MiniProgramType(n)
	return r, nil
}

// decodeOpenType reads the web page requests, whose own query is one item. The
// SDK does not escape the values in it, so an & inside a value can't be
// recognized.
func decodeOpenType(q query) (intents.Request, error) {
	text, err := q.text("query")
	if err != nil {
		return nil, err
	}
	switch q.value("type") {
	case "1":
		rest, ok := strings.CutPrefix(text, "scene=")
		scene, rest, ok2 := strings.Cut(rest, "&template_id=")
		template, reserved, ok3 := strings.Cut(rest, "&reserved=")
		n, err := strconv.ParseInt(scene, 10, 32)
		if !ok || !ok2 || !ok3 || err != nil {
			return nil, fmt.Errorf("%w: the query of a subscription: %s", ErrMalformed, clip(text))
		}
		return intents.SubscribeMessage{Scene: int32(n), TemplateID: notNil(template), Reserved: notNil(reserved)}, nil
	case "5":
		id, ok := strings.CutPrefix(text, "miniProgramAppid=")
		if !ok {
			return nil, fmt.Errorf("%w: the query of a subscription: %s", ErrMalformed, clip(text))
		}
		return intents.SubscribeMiniProgramMessage{MiniProgramAppID: notNil(id)}, nil
	}
	return nil, fmt.Errorf("%w of a known kind: opentypewebview %s", ErrNoRequest, clip(q.value("type")))
}

func decodeOpenWebview(q query) (intents.Request, error) {
	if q.value("url") == nilText { // an actual "(null)" would be escaped
		return intents.OpenWebview{}, nil
	}
	url, err := q.pointer("url")
	if err != nil {
		return nil, err
	}
	return intents.OpenWebview{URL: url}, nil
}

// notNil returns nil for the text that %@ prints for nil.
func notNil(s string) *string {
	if s == nilText {
		return nil
	}
	return &s
}

// fieldReader reads a payload; the first field of a wrong kind sets its error.
type fieldReader struct {
	fields Dict
	err    error
}

func (r *fieldReader) wrong(key string, v Value) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: the field %s: %.60s", ErrMalformed, key, v.String())
	}
}

func (r *fieldReader) text(key string) *string {
	v, ok := r.fields.Get(key)
	if !ok {
		return nil
	}
	s, ok := v.Text()
	if !ok {
		r.wrong(key, v)
		return nil
	}
	return &s
}

func (r *fieldReader) data(key string) []byte {
	v, ok := r.fields.Get(key)
	if !ok {
		return nil
	}
	b, ok := v.Data()
	if !ok {
		r.wrong(key, v)
	}
	return b
}

func (r *fieldReader) bool(key string) bool {
	v, ok := r.fields.Get(key)
	if !ok {
		return false
	}
	b, ok := v.Bool()
	if !ok {
		r.wrong(key, v)
	}
	return b
}

func (r *fieldReader) int(key string) int64 {
	v, ok := r.fields.Get(key)
	if !ok {
		return 0
	}
	n, ok := v.Int()
	if !ok {
		r.wrong(key, v)
	}
	return n
}

// number is a number that is stored as a string; 0 if it is absent.
func (r *fieldReader) number(key string, bits int) int64 {
	s := r.text(key)
	if s == nil {
		return 0
	}
	n, err := strconv.ParseInt(*s, 10, bits)
	if u, uerr := strconv.ParseUint(*s, 10, bits); err != nil && uerr == nil {
		return int64(u)
	}
	if err != nil {
		r.wrong(key, String(*s))
	}
	return n
}

func (r *fieldReader) table(key string) map[string]string {
	v, ok := r.fields.Get(key)
	if !ok {
		return nil
	}
	d, ok := v.Dict()
	if !ok {
		r.wrong(key, v)
		return nil
	}
	m := make(map[string]string, len(d))
	for _, f := range d {
		if m[f.Key], ok = f.Value.Text(); !ok {
			r.wrong(key, v)
			return nil
		}
	}
	return m
}

func (r *fieldReader) share() (intents.Request, error) {
	if r.fields == nil {
		return nil, fmt.Errorf("%w: it has no payload, neither in the URL nor on the pasteboard", ErrMalformed)
	}
	req := intents.Share{To: r.text("userOpenID"), Scene: intents.Scene(r.number("scene", 32))}
	req.OpenID = r.text("openID")
	switch command := orEmpty(r.text("command")); command {
	case commandText:
		req.Message.Object = intents.Text{Text: r.text("title")}
		return req, nil
	case commandMedia:
	default:
		return nil, fmt.Errorf("%w of a known kind: command %s", ErrNoRequest, clip(command))
	}
	req.Message = intents.Message{Title: r.text("title"), Description: r.text("description"), Thumb: r.data(keyThumb),
		MediaTag: r.text("mediaTagName"), Ext: r.text("messageExt"), Action: r.text("messageAction"),
		ThumbHash: r.text("thumbDataHash"), Signature: r.text("msgSignature")}
	kind := orEmpty(r.text("objectType"))
	if req.Message.Object = r.object(kind); req.Message.Object == nil {
		return nil, fmt.Errorf("%w of a known kind: objectType %s", ErrNoRequest, clip(kind))
	}
	return req, nil
}

func (r *fieldReader) object(kind string) intents.Object {
	switch kind {
	case objectImage:
		return intents.Image{Data: r.data("fileData"), DataHash: r.text("imgDataHash")}
	case objectMusic:
		return intents.Music{URL: r.text("mediaUrl"), LowBandURL: r.text("mediaLowBandUrl"), DataURL: r.text("mediaDataUrl"),
			LowBandDataURL: r.text("mediaLowBandDataUrl"), AlbumURL: r.text("songAlbumUrl"), Lyric: r.text("songLyric")}
	case objectVideo:
		return intents.Video{URL: r.text("mediaUrl"), LowBandURL: r.text("mediaLowBandUrl")}
	case objectWebpage:
		return intents.Webpage{URL: r.text("mediaUrl"), Secret: r.bool("appbrandissecrectmessage"), ExtraInfo: r.table("webpageextrainfo")}
	case objectFile:
		return intents.File{Data: r.data("fileData"), Ext: r.text("fileExt")}
	case objectEmoji:
		return intents.Emoji{Data: r.data("fileData")}
	case objectVideoFile:
		return intents.VideoFile{Data: r.data("fileData")}
	case objectMiniProgram:
		o := intents.MiniProgram{WebpageURL: r.text("mediaUrl"), UserName: r.text("appBrandUserName"), Path: r.text("appBrandPath"),
			Type: intents.MiniProgramType(r.int("miniprogramType")), WithShareTicket: r.bool("withShareTicket"), HDImage: r.data(keyHDImage),
			Updatable: r.bool("appbrandisupdatablemessage"), Secret: r.bool("appbrandissecrectmessage"), ExtraInfo: r.table("appbrandextrainfo")}
		if r.bool("disableForward") {
			o.DisableForward = 1
		}
		return o
	case objectMusicVideo, objectVIPMusic:
		o := intents.MusicVideo{URL: r.text("mediaUrl"), DataURL: r.text("mediaDataUrl"), Singer: r.text("musicVideoSingetName"),
			Lyric: r.text("songLyric"), HDThumb: r.data(keyAlbumThumb), HDThumbHash: r.text("hdAlbumThumbFileHash"),
			Album: r.text("musicVideoAlbumName"), Genre: r.text("musicVideoMusicGenre"), Identification: r.text("musicVideoIdentification"),
			OperationURL: r.text("musicVideoOperationUrl"), IssueDate: r.number("musicVideoIssueData", 64),
			Duration: int32(uint32(r.number("musicVideoDuration", 64)))}
		if kind == objectVIPMusic {
			o.VIP = &intents.MusicVIP{MusicID: r.text("musicMid")}
		}
		return o
	}
	return nil
}
