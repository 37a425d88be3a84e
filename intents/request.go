// Package intents holds the requests that an app can make of WeChat through
// its OpenSDK, and WeChat's replies, as plain values.
//
// A request is a struct literal:
//
//	intents.Share{
//		Scene: intents.SceneTimeline,
//		Message: intents.Message{
//			Title:  new("Hello"),
//			Object: intents.Webpage{URL: new("https://example.com")},
//		},
//	}
//
// Requests: [Share] (with one of the objects [Text], [Image], [Images],
// [Music], [Video], [Webpage], [MiniProgram], [File], [Emoji], [MusicVideo],
// [VideoFile]), [Auth], [LaunchMiniProgram], [SubscribeMessage],
// [SubscribeMiniProgramMessage] and [OpenWebview].
//
// Replies: [ShareReply], [AuthReply], [LaunchReply], [SubscribeReply],
// [SubscribeMiniProgramReply] and [OpenWebviewReply].
//
// A string that the SDK may hold as null is a *string: nil goes out as null
// and a pointer to "" as the empty string, which WeChat can tell apart. In the
// same way a nil []byte is null and an empty one an empty array. Lengths of
// strings are counted in UTF-16 units, as Java and Objective-C count them.
//
// # Reference card
//
// What OpenSDK 6.8.34 for Android refuses; older versions where they differ,
// and iOS, are in the packages androidwire and ioswire.
//
//	share            title 512, description 1024, mediaTag 64, action 2048, ext 2048 characters;
//	                 thumb 65536 bytes (mini program 131072, required; emoji: required)
//	  contact        needs To and OpenID
//	  text           1 to 10240 characters
//	  image          Data or Path; 26214400 bytes, path 10240 characters
//	  music          URL or LowBandURL, 10240 each; albumUrl 10240, lyric 32768
//	  video          URL or LowBandURL, 10240 each
//	  webpage        url 1 to 10240
//	  miniprogram    webpageUrl and userName required; type release, test or preview
//	  file           Data or Path; 1920991232 bytes, to the favorites 26214400
//	  emoji          Data or Path; 10485760 bytes
//	  musicvideo     title, url, dataUrl (10240), singer (1024) required; lyric 32768,
//	                 genre, identification, hdThumbPath 1024, its file 10485760 bytes
//	  videofile      path required; 1073741824 bytes
//	auth             scope 1 to 1024, state 1024
//	launch           userName required; type release, test or preview
//	subscribe        templateId 1 to 1024, reserved 1024
//	subscribe-miniprogram  miniProgramAppId required
//	open-webview     url not null, 10240
//
// Scenes: session 0, timeline 1, favorite 2, contact 3. A mini program goes to
// session, timeline (SDK 6.x) or contact; the SDK turns all else into session.
//
// Nothing here reads a file, a clock or a phone. What goes over the wire is in
// the packages androidwire and ioswire.
package intents

// Kind names a type of request, reply or shared object in JSON and in messages.
type Kind string

// The kinds of requests.
const (
	KindShare                       Kind = "share"
	KindAuth                        Kind = "auth"
	KindLaunchMiniProgram           Kind = "launch"
	KindSubscribeMessage            Kind = "subscribe"
	KindSubscribeMiniProgramMessage Kind = "subscribe-miniprogram"
	KindOpenWebview                 Kind = "open-webview"
)

// Request is one of the request types of this package, held by value.
type Request interface {
	// Kind names the type.
	Kind() Kind
	// Base returns the fields that every request has.
	Base() Common
}

// Common holds the fields that every request has. It is embedded.
type Common struct {
	// Transaction is the caller's own id of the request; WeChat echoes it in
	// the reply. The SDK neither makes nor checks one.
	Transaction *string `json:"transaction"`
	// OpenID is the openid of the user who must be logged in to WeChat; null
	// for any user.
	OpenID *string `json:"openId"`
}

// Base returns the common fields themselves.
func (c Common) Base() Common { return c }

// Share sends a message to a chat, to Moments or to the favorites
// (SendMessageToWX, command 2).
type Share struct {
	Common
	// Scene is where the message goes.
	Scene Scene `json:"scene"`
	// To is the openid of the receiver, for SceneContact only, which needs
	// OpenID as well.
	To *string `json:"to"`
	// Message is what is shared.
	Message Message `json:"message"`
}

// Kind returns KindShare.
func (Share) Kind() Kind { return KindShare }

// Auth asks the user to log in to the app with WeChat (SendAuth, command 1).
type Auth struct {
	Common
	// Scope lists what is asked for, such as snsapi_userinfo; 1 to 1024
	// characters on Android.
	Scope *string `json:"scope"`
	// State is echoed in the reply; at most 1024 characters on Android.
	State *string `json:"state"`
	// ExtData is passed on to WeChat; SDK 6.x on Android, 2.x on iOS.
	ExtData *string `json:"extData,omitzero"`
	// IsOption1 and NonAutomatic are the SDK's own switches, of SDK 6.8.18 on
	// Android and 2.x on iOS.
	IsOption1    bool `json:"isOption1,omitzero"`
	NonAutomatic bool `json:"nonAutomatic,omitzero"`
	// Callback names another activity of the app that gets the reply; SDK 6.x
	// on Android only.
	Callback *AuthCallback `json:"callback,omitzero"`
}

// AuthCallback is the SDK's SendAuth.Options.
type AuthCallback struct {
	// ClassName is the full name of the activity's class.
	ClassName *string `json:"className"`
	// Flags are the flags of the Intent that starts it; -1 leaves them to WeChat.
	Flags int32 `json:"flags"`
}

// Kind returns KindAuth.
func (Auth) Kind() Kind { return KindAuth }

// LaunchMiniProgram opens a mini program (WXLaunchMiniProgram, command 19).
type LaunchMiniProgram struct {
	Common
	// UserName is the mini program's original id, gh_…; required.
	UserName *string `json:"userName"`
	// Path is the page to open. A fresh SDK object on Android holds "".
	Path *string `json:"path"`
	// Type is the version to open.
	Type MiniProgramType `json:"type"`
	// ExtMsg is handed to the mini program. A fresh SDK object on Android
	// holds "".
	ExtMsg *string `json:"extMsg"`
}

// Kind returns KindLaunchMiniProgram.
func (LaunchMiniProgram) Kind() Kind { return KindLaunchMiniProgram }

// SubscribeMessage asks the user to allow one message of a template
// (SubscribeMessage, command 18).
type SubscribeMessage struct {
	Common
	// Scene is the developer's own number for the occasion, 0 to 10000 by the
	// documents; the SDK does not check it.
	Scene int32 `json:"scene"`
	// TemplateID is the message template's id; 1 to 1024 characters on Android.
	TemplateID *string `json:"templateId"`
	// Reserved is echoed in the reply; at most 1024 characters on Android.
	// The documents ask for a-zA-Z0-9, at most 128 bytes.
	Reserved *string `json:"reserved"`
}

// Kind returns KindSubscribeMessage.
func (SubscribeMessage) Kind() Kind { return KindSubscribeMessage }

// SubscribeMiniProgramMessage asks the user to allow a message of a mini
// program (SubscribeMiniProgramMsg, command 23).
type SubscribeMiniProgramMessage struct {
	Common
	// MiniProgramAppID is the AppID of the mini program, wx…; required.
	MiniProgramAppID *string `json:"miniProgramAppId"`
}

// Kind returns KindSubscribeMiniProgramMessage.
func (SubscribeMiniProgramMessage) Kind() Kind { return KindSubscribeMiniProgramMessage }

// OpenWebview opens a web page inside WeChat (OpenWebview, command 12).
type OpenWebview struct {
	Common
	// URL is the page; at most 10240 characters.
	URL *string `json:"url"`
}

// Kind returns KindOpenWebview.
func (OpenWebview) Kind() Kind { return KindOpenWebview }
