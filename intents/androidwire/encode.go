package androidwire

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/wxctl/wxctl/intents"
)

// Commands (ConstantsAPI.COMMAND_…).
const (
	commandAuth                        = 1
	commandShare                       = 2
	commandShowMessage                 = 4
	commandOpenWebview                 = 12
	commandSubscribeMessage            = 18
	commandLaunchMiniProgram           = 19
	commandSubscribeMiniProgramMessage = 23
)

// Keys of the envelope, which requests and replies share.
const (
	keyCommand    = "_wxapi_command_type"
	keySDKVersion = "_mmessage_sdkVersion"
	keyPackage    = "_mmessage_appPackage"
	keyContent    = "_mmessage_content"
	keyChecksum   = "_mmessage_checksum"
	keyToken      = "_message_token"
)

const (
	contentPrefix = "weixin://sendreq?appid="

	uriToken          = "content://" + ProviderAuthority + "/genTokenForOpenSdk"
	uriOpenWebview    = "content://" + ProviderAuthority + "/openWebview"
	uriOpenType       = "content://" + ProviderAuthority + "/openTypeWebview"
	uriLaunch         = "content://" + ProviderAuthority + "/launchWXMiniprogram"
	uriSupport        = "content://com.tencent.mm.sdk.plugin.provider/sharedpref"
	supportPreference = "_build_info_sdk_int_"

	// The second argument of uriOpenType.
	openTypeSubscribeMessage            = "1"
	openTypeSubscribeMiniProgramMessage = "5"
)

// supportMiniProgram is the oldest WeChat that shows mini program cards
// (Build.MINIPROGRAM_SUPPORTED_SDK_INT).
const supportMiniProgram = 620756993

// Sender is the app that a request comes from, and what its SDK asks of the
// phone.
type Sender struct {
	// AppID is the app's id at the Open Platform, wx…
	AppID string
	// Package is the app's package name.
	Package string
	// SDK is the version of the OpenSDK in the app; 0 is the default.
	SDK Version
	// Token is the caller token that WeChat's provider gave the app; nil for
	// none.
	Token *string
	// WeChatSupport is what WeChat says it supports (OPEN_SDK_VERSION); 0 is
	// the newest. SDK 6.8.0 and 5.5.3 turn a mini program card into a web page
	// for a WeChat that does not support cards.
	WeChatSupport int32
	// API is the phone's API level; 0 is the newest. SDK 5.5.3 brings WeChat
	// to the front from API 28 on only.
	API int
	// RequestOnly omits what the SDK does beforehand: asking WeChat for its
	// support level and for the token, and bringing WeChat to the front.
	RequestOnly bool
}

// Encode returns what the sender's SDK hands to Android for a request, in the
// order of sending. It does not check whether the SDK would refuse it:
// [Validate] does. It fails if the SDK version has no such request.
func Encode(req intents.Request, sender Sender) ([]Wire, error) {
	sender.SDK = sender.SDK.orDefault()
	switch r := req.(type) {
	case intents.Share:
		return encodeShare(&r, &sender)
	case intents.Auth:
		return encodeAuth(&r, &sender)
	case intents.LaunchMiniProgram:
		return encodeQuery(&sender, uriLaunch, &sender.AppID, r.UserName, r.Path, decimal(int32(r.Type)), r.ExtMsg), nil
	case intents.SubscribeMessage:
		return encodeQuery(&sender, uriOpenType, &sender.AppID, new(openTypeSubscribeMessage), decimal(r.Scene), r.TemplateID, r.Reserved), nil
	case intents.SubscribeMiniProgramMessage:
		return encodeQuery(&sender, uriOpenType, &sender.AppID, new(openTypeSubscribeMiniProgramMessage), r.MiniProgramAppID), nil
	case intents.OpenWebview:
		return encodeQuery(&sender, uriOpenWebview, &sender.AppID, urlEncoded(r.URL), r.Transaction), nil
	}
	return nil, fmt.Errorf("the OpenSDK for Android has no request %T", req)
}

// message is all the memory that an activity request needs, in one allocation:
// a webpage has 27 extras, the richest object fewer than 48.
type message struct {
	wires  [3]Wire
	intent Intent
	query  Query
	extras [48]Extra
	args   [2]*string
	sdk    string
	sum    [32]byte
}

func encodeShare(share *intents.Share, sender *Sender) ([]Wire, error) {
	m := &message{}
	c := coder{version: sender.SDK, extras: m.extras[:0]}
	wires := m.wires[:0]
	rewritten := *share
	if card, ok := share.Message.Object.(intents.MiniProgram); ok {
		if sender.SDK <= SDK680 && !sender.RequestOnly {
			wires = append(wires, supportQuery())
		}
		if sender.downgrades() {
			// The SDK has filled the Bundle by then: the card's keys stay.
			c.miniProgram(&card)
			rewritten.Message.Object = intents.Webpage{URL: card.WebpageURL}
			rewritten.Scene = sentScene(share.Scene, sender.SDK)
		} else {
			var err error
			if rewritten.Scene, rewritten.Message.Object, err = rewriteMiniProgram(card, share.Scene, sender); err != nil {
				return nil, err
			}
		}
	}
	if err := c.share(&rewritten); err != nil {
		return nil, err
	}
	c.common(&rewritten.Common)
	return m.activity(wires, &c, commandShare, sender), nil
}

func encodeAuth(auth *intents.Auth, sender *Sender) ([]Wire, error) {
	m := &message{}
	c := coder{version: sender.SDK, extras: m.extras[:0]}
	c.auth(auth)
	c.common(&auth.Common)
	return m.activity(m.wires[:0], &c, commandAuth, sender), nil
}

// activity adds the token query, if the SDK asks, and the Intent.
func (m *message) activity(wires []Wire, c *coder, command int32, sender *Sender) []Wire {
	asks := command == commandShare || sender.SDK >= SDK680
	if asks && !sender.RequestOnly {
		m.sdk = strconv.Itoa(int(sender.SDK))
		m.args = [2]*string{&sender.AppID, &m.sdk}
		m.query = Query{URI: uriToken, Args: m.args[:]}
		wires = append(wires, Wire{Query: &m.query})
	}
	content := contentPrefix + sender.AppID
	m.sum = checksum(&content, int32(sender.SDK), sender.Package)
	c.put(keyCommand, Int(command))
	c.put(keySDKVersion, Int(int32(sender.SDK)))
	c.put(keyPackage, String(sender.Package))
	c.put(keyContent, String(content))
	c.put(keyChecksum, Bytes(m.sum[:]))
	if asks {
		c.put(keyToken, StringOrNull(sender.Token))
	} else {
		c.put(keyToken, Value{})
	}
	m.intent = Intent{Component: EntryComponent, Flags: FlagNewTask | FlagMultipleTask, Extras: c.extras}
	return append(wires, Wire{Intent: &m.intent})
}

// auth describes the keys of SendAuth.Req.
func (c *coder) auth(a *intents.Auth) {
	c.text("_wxapi_sendauth_req_scope", &a.Scope)
	c.text("_wxapi_sendauth_req_state", &a.State)
	if c.since(SDK680) {
		c.text("_wxapi_sendauth_req_ext_data", &a.ExtData)
	}
	if c.since(SDK6818) {
		c.boolean("_wxapi_sendauth_req_isoption1", &a.IsOption1)
		c.boolean("_wxapi_sendauth_req_non_automatic", &a.NonAutomatic)
	}
	const class, flags = "_wxapi_sendauth_options_callback_classname", "_wxapi_sendauth_options_callback_flags"
	switch {
	case c.reading && (c.extras.Has(class) || c.extras.Has(flags)):
		a.Callback = &intents.AuthCallback{ClassName: c.extras.Get(class).Text(), Flags: -1}
		if v := c.extras.Get(flags); v.Type() == TypeInteger {
			a.Callback.Flags = v.Integer()
		}
	case !c.reading && a.Callback != nil && c.since(SDK680):
		c.text(class, &a.Callback.ClassName)
		c.integer(flags, &a.Callback.Flags)
	}
}

// rewriteMiniProgram does to a mini program card what the SDK does when it
// sends it.
func rewriteMiniProgram(card intents.MiniProgram, scene intents.Scene, sender *Sender) (intents.Scene, intents.MiniProgram, error) {
	card.UserName = new(text(card.UserName) + "@app")
	if card.Path != nil && *card.Path != "" {
		path, ok := rewritePath(*card.Path)
		if !ok {
			return 0, card, fmt.Errorf("%s crashes on the path %q", sender.SDK.source(), *card.Path)
		}
		card.Path = &path
	}
	return sentScene(scene, sender.SDK), card, nil
}

// sentScene is the scene that a mini program card goes out with.
func sentScene(scene intents.Scene, sdk Version) intents.Scene {
	if scene == intents.SceneContact || scene == intents.SceneTimeline && sdk >= SDK680 {
		return scene
	}
	return intents.SceneSession
}

// rewritePath adds .html before the query, as the SDK's String.split on
// question marks does: empty parts at the end are dropped, and so is everything
// after a second question mark. It fails, as the SDK does, if nothing is left.
func rewritePath(path string) (string, bool) {
	parts := strings.Split(path, "?")
	for len(parts) > 0 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	switch len(parts) {
	case 0:
		return "", false
	case 1:
		return parts[0] + ".html", true
	}
	return parts[0] + ".html?" + parts[1], true
}

// downgrades reports whether the SDK turns a mini program card into a web page
// for this WeChat.
func (s *Sender) downgrades() bool {
	return s.SDK <= SDK680 && s.WeChatSupport != 0 && s.WeChatSupport < supportMiniProgram
}

// encodeQuery is a request to WeChat's provider: a provider can't open a
// screen from the background, so the SDK brings WeChat to the front first.
func encodeQuery(sender *Sender, uri string, args ...*string) []Wire {
	var wires []Wire
	if !sender.RequestOnly && (sender.SDK >= SDK680 || sender.API == 0 || sender.API >= 28) {
		wires = append(wires, launcher())
	}
	return append(wires, Wire{Query: &Query{URI: uri, Args: args}})
}

// launcher is what PackageManager.getLaunchIntentForPackage gives for WeChat.
func launcher() Wire {
	return Wire{Intent: &Intent{
		Component:  LauncherComponent,
		Package:    WeChat,
		Action:     "android.intent.action.MAIN",
		Flags:      FlagNewTask,
		Categories: []string{"android.intent.category.LAUNCHER"},
	}}
}

func supportQuery() Wire {
	return Wire{Query: &Query{
		URI:        uriSupport,
		Projection: []string{"_id", "key", "type", "value"},
		Selection:  new("key = ?"),
		Args:       []*string{new(supportPreference)},
	}}
}

func decimal(n int32) *string { return new(strconv.Itoa(int(n))) }
