// Package wechat is the WeChat on a virtual phone: what it does with a request
// an app makes through the OpenSDK or through Android's own sharing, which
// screens come up, what its user then does, and what it tells the app.
//
// It decides only. A [Course] says what is to happen; the phone that WeChat is
// installed on makes it happen and answers WeChat's questions as its [Host].
// Requests are checked in the order in which the real WeChat checks them, and
// read from the wire by this package's own code, so that an error in the
// sender's encoder is not hidden by the same error here.
package wechat

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wxctl/wxctl/intents"
)

// PackageName is WeChat's own.
const PackageName = "com.tencent.mm"

// Answer is what the user does once WeChat's screen is open.
type Answer string

// The answers. Stay is a user who never returns to the app: WeChat then does
// not call the app back. Deny refuses the app, in a login and in a share. Fail
// is a user who sends, and sending fails; Unsupported is a WeChat that answers
// every request with "unsupported".
const (
	Send        Answer = "send"
	Cancel      Answer = "cancel"
	Deny        Answer = "deny"
	Stay        Answer = "stay"
	Fail        Answer = "fail"
	Unsupported Answer = "unsupported"
)

// Answers lists them by name.
func Answers() []string {
	return []string{string(Send), string(Cancel), string(Deny), string(Stay), string(Fail), string(Unsupported)}
}

// Record is what WeChat's server knows about an app: the package and the
// certificate that its owner entered at the Open Platform.
type Record struct {
	AppID   string
	Package string
	// Signature is that of the certificate, see [Signature]. A record without
	// one fails every check, like an app whose owner never entered it.
	Signature string
	// BundleID and UniversalLink are those of the app for iOS.
	BundleID, UniversalLink string
}

// Signature returns what the Open Platform stores for a certificate: the lower
// case hex MD5 of the DER, and of that with a salt the same again, as WeChat
// 7.0.3 compares it.
func Signature(der []byte) string {
	first := md5.Sum(der)
	second := md5.Sum([]byte(hex.EncodeToString(first[:]) + "mMHc ItnStR"))
	return hex.EncodeToString(second[:])
}

// Options say which WeChat it is and who uses it.
type Options struct {
	Version   Version
	LoggedOut bool   // no account is logged in
	Answer    Answer // "" is Send
	// OpenID is the openid of the logged-in user for every app; "" is a fixed
	// one.
	OpenID string
	// Apps are the apps that WeChat's server knows.
	Apps []Record
	// BlockInvalidToken is the server's switch to refuse requests without a
	// valid caller token (clicfg_opensdk_block_invalid_token); off by default.
	BlockInvalidToken bool
	// Code gets an authorization code for a scope from WeChat's server; nil
	// invents one, which no server knows. An error answers -1.
	Code func(openID, scope string) (string, error)
	// Ban is the server's text if it refuses every share, e.g. for spam.
	Ban string
	// Flaky is N if every Nth request is lost silently; 0 loses none.
	Flaky int
}

// Host is the phone as WeChat sees it.
type Host interface {
	// API is the phone's API level.
	API() int
	// Now is the phone's clock.
	Now() time.Time
	// Certificates returns the signing certificates (DER) of a package that is
	// installed for WeChat's user, and nil for any other.
	Certificates(pkg string) [][]byte
	// Size returns the length in bytes of a file that WeChat may read: by its
	// path, or by a content URI, for which granted says that read access came
	// with the Intent.
	Size(path string, granted bool) (int64, error)
}

// Screen is an activity of WeChat that opens, by its full class name.
type Screen struct {
	Class string
	// Over leaves the screen before it open below; otherwise that one
	// finishes.
	Over bool
}

// Reply is what WeChat sends to an app.
type Reply struct {
	Component string // package/class of the app's activity
	Flags     int32
	Content   intents.Reply
}

// Course is how WeChat handles a request.
type Course struct {
	// Note says how WeChat handled the request, for its log.
	Note string
	// Screens open at once, one after the other, over the activity that got the
	// request. If there are none, it just finishes.
	Screens []Screen
	// Page is true if the activity that got the request stays and shows a page
	// of its own (an error, a refusal).
	Page bool
	// AtOnce is true if WeChat continues without its user.
	AtOnce bool
	// Then open after the user has done something.
	Then []Screen
	// Reply goes to the app after that; nil if WeChat does not call it back.
	Reply *Reply
	// Closes is true if WeChat's screens close at the end.
	Closes bool
}

// WeChat is one installed WeChat with its user. It is safe for use by several
// goroutines.
type WeChat struct {
	options Options
	host    Host

	mu     sync.Mutex
	tokens map[string]string // token to the package it was given to
	last   int64             // of the newest token, in milliseconds since 1970
	codes  int
	// requests counts those that could be read.
	requests int
}

// New returns a WeChat on the phone host.
func New(options Options, host Host) *WeChat {
	if options.Version == (Version{}) {
		options.Version = DefaultVersion()
	}
	if options.Answer == "" {
		options.Answer = Send
	}
	if options.OpenID == "" {
		options.OpenID = "oVirtual0000000000000000user"
	}
	return &WeChat{options: options, host: host, tokens: map[string]string{}}
}

// loses counts a request, and reports whether it is one of those that a flaky
// WeChat loses.
func (w *WeChat) loses() bool {
	if w.options.Flaky == 0 {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests++
	return w.requests%w.options.Flaky == 0
}

// Version returns which WeChat it is.
func (w *WeChat) Version() Version { return w.options.Version }

// record returns what the server knows about an app.
func (w *WeChat) record(appID string) (Record, bool) {
	for _, record := range w.options.Apps {
		if record.AppID == appID {
			return record, true
		}
	}
	return Record{}, false
}

// vouch returns why a package may not be the sender for an app; "" if it may.
func (w *WeChat) vouch(appID, pkg string) string {
	record, known := w.record(appID)
	switch {
	case !known:
		return fmt.Sprintf("no app %q is registered", appID)
	case record.Package == "" || record.Signature == "":
		return fmt.Sprintf("no package or signature is registered for %q", appID)
	case record.Package != pkg:
		return fmt.Sprintf("%q is registered for package %q, not %q", appID, record.Package, pkg)
	}
	certificates := w.host.Certificates(pkg)
	for _, der := range certificates {
		if Signature(der) == record.Signature {
			return ""
		}
	}
	if certificates == nil && w.host.API() >= 30 {
		return "" // not visible to WeChat: it accepts the app (NO_TOKEN_SIGNATURE)
	}
	return fmt.Sprintf("no certificate of %q fits the signature registered for %q", pkg, appID)
}

// token makes the token that proves to WeChat that pkg sends a request.
func (w *WeChat) token(pkg string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = max(w.last+1, w.host.Now().UnixMilli())
	token := "OpenSdkToken@" + strconv.FormatInt(w.last, 10)
	w.tokens[token] = pkg
	return token
}

// tokenFault says what is wrong with a request's token; "" if nothing.
func (w *WeChat) tokenFault(token *string, pkg string) string {
	if token == nil || *token == "" {
		return "no token"
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch owner, known := w.tokens[*token]; {
	case !known:
		return "unknown token"
	case owner != pkg:
		return fmt.Sprintf("the token belongs to %q", owner)
	}
	return ""
}

// code returns an authorization code in the form of WeChat's.
func (w *WeChat) code(scope string) (string, error) {
	if w.options.Code != nil {
		return w.options.Code(w.options.OpenID, scope)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.codes++
	sum := md5.Sum(fmt.Appendf(nil, "%s %d %d", w.options.OpenID, w.host.Now().UnixNano(), w.codes))
	return "0" + hex.EncodeToString(sum[:])[1:], nil
}

// answerCode is the result of a share for the app. Since 6.7.2 a cancelled
// share counts as a success, so that an app can't force users to share.
func (w *WeChat) answerCode() intents.ErrCode {
	switch {
	case w.options.Answer == Fail:
		return intents.ErrSentFailed
	case w.options.Answer == Deny:
		return intents.ErrAuthDenied
	case w.options.Answer == Cancel && !w.options.Version.AtLeast(6, 7, 2):
		return intents.ErrUserCancel
	}
	return intents.ErrOK
}

// pageCode is the result of a page: what is not confirmed is cancelled.
func (w *WeChat) pageCode() intents.ErrCode {
	if w.options.Answer == Send {
		return intents.ErrOK
	}
	return intents.ErrUserCancel
}

// subscribed is the reply that the page of a subscription leads to.
func (w *WeChat) subscribed(templateID *string, scene int32, reserved *string) intents.Reply {
	action := "confirm"
	if w.options.Answer != Send {
		action = "cancel"
	}
	return intents.SubscribeReply{Result: w.result(intents.ErrOK, nil), TemplateID: templateID, Scene: scene, Action: &action,
		Reserved: reserved}
}

// consent is what the user says to a login: its result, and the code that the
// app gets of a consent.
func (w *WeChat) consent(scope string) (code *string, result intents.ErrCode, err error) {
	switch w.options.Answer {
	case Fail:
		return nil, intents.ErrSentFailed, nil
	case Cancel:
		return nil, intents.ErrUserCancel, nil
	case Deny:
		return nil, intents.ErrAuthDenied, nil
	}
	text, err := w.code(scope)
	if err != nil {
		return nil, intents.ErrComm, err
	}
	return &text, intents.ErrOK, nil
}

func (w *WeChat) supports(level int32) bool { return w.options.Version.Support() >= level }

// result makes the part that every reply has.
func (w *WeChat) result(code intents.ErrCode, transaction *string) intents.Result {
	openID := w.options.OpenID
	return intents.Result{ErrCode: code, Transaction: transaction, OpenID: &openID}
}

// replyFlags are the flags WeChat starts an app's activity with: new builds
// omit MULTIPLE_TASK (clicfg_opensdk_launch_app_with_new_task_flag).
func (w *WeChat) replyFlags() int32 {
	const newTask, multipleTask = 0x10000000, 0x08000000
	if w.options.Version.AtLeast(8, 0, 0) {
		return newTask
	}
	return newTask | multipleTask
}

// full completes a class name of WeChat's.
func full(class string) string {
	if strings.HasPrefix(class, ".") {
		return PackageName + class
	}
	return class
}

func screens(classes ...string) []Screen {
	out := make([]Screen, len(classes))
	for i, class := range classes {
		out[i] = Screen{Class: full(class)}
	}
	return out
}
