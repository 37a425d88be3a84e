package intents

// The kinds of replies that share no name with a request.
const (
	// KindOther is a reply or a message from WeChat that doesn't answer any of
	// this package's requests.
	KindOther Kind = "other"
)

// ErrCode is WeChat's answer in a reply.
type ErrCode int32

// The codes of the OpenSDK (BaseResp.ErrCode).
const (
	ErrOK          ErrCode = 0  // done, and since WeChat 6.7.2 also a cancelled share
	ErrComm        ErrCode = -1 // any other failure
	ErrUserCancel  ErrCode = -2 // the user cancelled
	ErrSentFailed  ErrCode = -3 // WeChat could not send it
	ErrAuthDenied  ErrCode = -4 // the user refused
	ErrUnsupported ErrCode = -5 // this WeChat can't do it
	ErrBan         ErrCode = -6 // package or signature don't match the AppID
)

// Reply is one of the reply types of this package, held by value.
type Reply interface {
	// Kind names the type, by the request that it answers.
	Kind() Kind
	// Answer returns the fields that every reply has.
	Answer() Result
}

// Result holds the fields that every reply has. It is embedded.
type Result struct {
	// ErrCode is WeChat's answer.
	ErrCode ErrCode `json:"errCode"`
	// ErrStr is its text, normally null.
	ErrStr *string `json:"errStr"`
	// Transaction is the request's.
	Transaction *string `json:"transaction"`
	// OpenID is the user's openid for the app.
	OpenID *string `json:"openId"`
}

// Answer returns the common fields themselves.
func (r Result) Answer() Result { return r }

// ShareReply answers a [Share]. ErrOK does not mean that anything was sent.
type ShareReply struct {
	Result
}

// Kind returns KindShare.
func (ShareReply) Kind() Kind { return KindShare }

// AuthReply answers an [Auth].
type AuthReply struct {
	Result
	// Code is exchanged for a token, once.
	Code *string `json:"code"`
	// State is the request's.
	State *string `json:"state"`
	// URL holds the answer as WeChat's server gave it. Android only.
	URL *string `json:"url"`
	// Lang and Country are the user's language and country.
	Lang    *string `json:"lang"`
	Country *string `json:"country"`
	// AuthResult is read by SDK 5.5.8 and later on Android only.
	AuthResult bool `json:"authResult,omitzero"`
}

// Kind returns KindAuth.
func (AuthReply) Kind() Kind { return KindAuth }

// LaunchReply comes when the mini program that was opened calls the app back.
type LaunchReply struct {
	Result
	// ExtMsg is what the mini program says.
	ExtMsg *string `json:"extMsg"`
}

// Kind returns KindLaunchMiniProgram.
func (LaunchReply) Kind() Kind { return KindLaunchMiniProgram }

// SubscribeReply answers a [SubscribeMessage].
type SubscribeReply struct {
	Result
	// TemplateID, Scene and Reserved are the request's.
	TemplateID *string `json:"templateId"`
	Scene      int32   `json:"scene"`
	// Action is confirm or cancel.
	Action   *string `json:"action"`
	Reserved *string `json:"reserved"`
}

// Kind returns KindSubscribeMessage.
func (SubscribeReply) Kind() Kind { return KindSubscribeMessage }

// SubscribeMiniProgramReply answers a [SubscribeMiniProgramMessage].
type SubscribeMiniProgramReply struct {
	Result
	// UnionID and Nickname are the user's.
	UnionID  *string `json:"unionId"`
	Nickname *string `json:"nickname"`
}

// Kind returns KindSubscribeMiniProgramMessage.
func (SubscribeMiniProgramReply) Kind() Kind { return KindSubscribeMiniProgramMessage }

// OpenWebviewReply answers an [OpenWebview].
type OpenWebviewReply struct {
	Result
	// Result is what the page handed back.
	PageResult *string `json:"pageResult"`
}

// Kind returns KindOpenWebview.
func (OpenWebviewReply) Kind() Kind { return KindOpenWebview }

// OtherReply is something that WeChat sent which doesn't answer any of this
// package's requests, such as a message that the user opens with the app.
type OtherReply struct {
	Result
	// Command is the SDK's command number.
	Command int32 `json:"command"`
}

// Kind returns KindOther.
func (OtherReply) Kind() Kind { return KindOther }
