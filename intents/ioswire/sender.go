package ioswire

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Version is a version of the OpenSDK for iOS.
type Version string

// The versions whose wire form is known, proven against Tencent's own code.
const (
	SDK200  Version = "2.0.0"   // the newest protocol; the default
	SDK1871 Version = "1.8.7.1" // before payloads went into URLs
)

// Versions lists the known versions, the default first.
func Versions() []Version { return []Version{SDK200, SDK1871} }

// ParseVersion reads a version; "" is the default.
func ParseVersion(text string) (Version, error) {
	if text == "" {
		return SDK200, nil
	}
	for _, v := range Versions() {
		if text == string(v) {
			return v, nil
		}
	}
	return "", fmt.Errorf("unknown OpenSDK version %s for iOS: use 2.0.0 or 1.8.7.1", clip(text))
}

// source names the version in a Problem.
func (v Version) source() string { return "OpenSDK " + string(v.orDefault()) + " for iOS" }

func (v Version) orDefault() Version {
	if v == "" {
		return SDK200
	}
	return v
}

// Sender is the app that sends a request, and what its SDK found on the phone.
type Sender struct {
	// AppID is the app's id on the Open Platform, wx and 16 hex digits; required.
	AppID string
	// BundleID is the app's CFBundleIdentifier.
	BundleID string
	// UniversalLink is what the app registered with; https and without a query.
	// Without one the request goes by the scheme, as the SDK sends it to a
	// WeChat that takes no universal links.
	UniversalLink string
	// SDK is the version of the OpenSDK in the app; the default if empty.
	SDK Version
	// Token is the wechat_auth_token that WeChat gave the app in the handshake;
	// empty before that. Only the app has access to it.
	Token string
	// ContextID is the wechat_auth_context_id, by which the app recognizes the
	// handshake for this request; see [NewContextID]. If it is empty it is
	// derived from the request's transaction.
	ContextID string
	// Phone is the phone that the SDK runs on; the zero value is the newest iOS
	// with the newest WeChat.
	Phone Phone
	// Scheme opens the scheme although WeChat accepts universal links. The SDK
	// does that when WeChat asks it to send a request again by the scheme;
	// wxctl does, since it can't take part in the handshake that WeChat begins
	// for a universal link.
	Scheme bool
	// Resent is the SDK's answer to WeChat's handshake: the request again, with
	// the new Token (refreshToken) or by the Scheme (resendContextReqByScheme).
	Resent bool
	// Degraded is the SDK's second try, after the universal link did not open:
	// the scheme, with wechat_degrade_launch_by_scheme=1.
	Degraded bool
}

// Phone is what the SDK asks of iOS before it sends.
type Phone struct {
	// IOS is the major version; 0 is the newest.
	IOS int
	// NoUniversalLinks is set when weixinULAPI can't be opened (WeChat below 7.0.7).
	NoUniversalLinks bool
	// NoURLParams is set when weixinURLParamsAPI can't be opened (WeChat below
	// 8.0.24), or the app does not list it in LSApplicationQueriesSchemes.
	NoURLParams bool
	// PasteboardText is the text on the pasteboard, which the SDK keeps there
	// as old_text if it may read it; nil or empty if there is none.
	PasteboardText *string
}

// Versions of iOS at which the SDK's behavior changes (OpenSDK 2.0.0).
const (
	newestIOS         = 26
	iosUniversalLinks = 12 // opens universal links
	iosBundleID       = 13 // names its bundle id in a scheme URL
	iosURLParams      = 15 // puts the payload into the URL
	iosAsksToPaste    = 16 // no longer reads the pasteboard's text
	iosMendsURLs      = 17 // NSURL escapes illegal characters; before that it is nil
)

func (p Phone) ios() int {
	if p.IOS == 0 {
		return newestIOS
	}
	return p.IOS
}

// takesLinks is the SDK's isSupportUniversalLink: WeChat answers weixinULAPI.
func (s *Sender) takesLinks() bool {
	return !s.Phone.NoUniversalLinks && s.UniversalLink != "" || s.Scheme
}

// byLink says whether the universal link is what the SDK opens first.
func (s *Sender) byLink() bool {
	return s.UniversalLink != "" && !s.Phone.NoUniversalLinks && !s.Scheme && s.Phone.ios() >= iosUniversalLinks
}

func (s *Sender) urlParams() bool {
	return s.SDK.orDefault() == SDK200 && !s.Phone.NoURLParams && s.Phone.ios() >= iosURLParams
}

// link is the universal link as registerApp:universalLink: keeps it.
func (s *Sender) link() string {
	if strings.HasSuffix(s.UniversalLink, "/") {
		return s.UniversalLink
	}
	return s.UniversalLink + "/"
}

// check refuses what registerApp:universalLink: refuses.
func (s *Sender) check() error {
	switch v := s.SDK.orDefault(); {
	case s.AppID == "":
		return errors.New("the request needs an AppID")
	case v != SDK200 && v != SDK1871:
		_, err := ParseVersion(string(s.SDK))
		return err
	case s.UniversalLink == "":
		return nil
	case !strings.HasPrefix(s.UniversalLink, "https"):
		return fmt.Errorf("the universal link %s must begin with https: the SDK does not register with another", clip(s.UniversalLink))
	case strings.Contains(s.UniversalLink, "?"):
		return fmt.Errorf("the universal link %s must have no query: the SDK does not register with one", clip(s.UniversalLink))
	}
	return nil
}

// NewContextID derives a wechat_auth_context_id from a seed that is unique to
// the request; the SDK derives it from time, address and counter. It is 64 hex
// digits of SHA-256, or 40 of SHA-1 in SDK 1.8.7.1, and carries no information.
func NewContextID(v Version, seed string) string {
	if v == SDK1871 {
		sum := sha1.Sum([]byte(seed))
		return hex.EncodeToString(sum[:])
	}
	sum := sha256.Sum256([]byte(seed))
	return hex.EncodeToString(sum[:])
}
