package androidwire

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/wxctl/wxctl/intents"
)

// The ways in which a request or reply can fail to decode.
var (
	// ErrMalformed is an envelope that WeChat or the SDK drops silently.
	ErrMalformed = errors.New("malformed envelope")
	// ErrUnknownRequest is a request that this package has no type for.
	ErrUnknownRequest = errors.New("unknown request")
	// ErrNoRequest is a step that belongs to a request but isn't one itself: a
	// query for the token or for the support level, or WeChat's main screen.
	ErrNoRequest = errors.New("not a request but a step towards one")
)

// Envelope is who a request or reply says it comes from.
type Envelope struct {
	// AppID is the sender's id, or "" in a reply.
	AppID string
	// Package is the sender's package name; a provider query carries none.
	Package string
	// SDK is the sender's SDK version, 0 in a provider query.
	SDK Version
	// Token is the caller token, nil for none.
	Token *string
	// Command is the SDK's number of the request or reply.
	Command int32
}

// Decode reads a request from one thing that an SDK hands to Android. It
// refuses, as [ErrMalformed], what WeChat drops: a content or checksum that
// doesn't fit, an SDK version that is too old, a missing package. What the SDK
// adds to a mini program card (@app, .html) is removed again.
func Decode(w Wire) (intents.Request, Envelope, error) {
	switch {
	case w.Intent != nil:
		return decodeIntent(w.Intent)
	case w.Query != nil:
		return decodeQuery(w.Query)
	}
	return nil, Envelope{}, fmt.Errorf("%w: neither an Intent nor a query", ErrMalformed)
}

func decodeIntent(i *Intent) (intents.Request, Envelope, error) {
	if i.Component == LauncherComponent || i.Action == "android.intent.action.MAIN" {
		return nil, Envelope{}, ErrNoRequest
	}
	x := i.Extras
	env := Envelope{
		Package: text(x.Get(keyPackage).Text()),
		SDK:     Version(x.Get(keySDKVersion).Integer()),
		Token:   x.Get(keyToken).Text(),
		Command: x.Get(keyCommand).Integer(),
	}
	content := x.Get(keyContent).Text()
	if content == nil {
		return nil, env, fmt.Errorf("%w: no %s", ErrMalformed, keyContent)
	}
	if authority := uri(*content).authority(); authority != "sendreq" && authority != "sendresp" {
		return nil, env, fmt.Errorf("%w: %s is %q", ErrMalformed, keyContent, *content)
	}
	appID, err := uri(*content).queryParameter("appid")
	if err != nil {
		return nil, env, fmt.Errorf("%w: %s is %q: %w", ErrMalformed, keyContent, *content, err)
	}
	env.AppID = text(appID)
	switch {
	case env.AppID == "":
		return nil, env, fmt.Errorf("%w: no AppID in %q", ErrMalformed, *content)
	case env.Package == "":
		return nil, env, fmt.Errorf("%w: no %s", ErrMalformed, keyPackage)
	case env.SDK < minVersion:
		return nil, env, fmt.Errorf("%w: SDK version %d is below %d", ErrMalformed, env.SDK, minVersion)
	}
	sum := checksum(content, int32(env.SDK), env.Package)
	if !bytes.Equal(sum[:], x.Get(keyChecksum).Bytes()) {
		return nil, env, fmt.Errorf("%w: the checksum is wrong", ErrMalformed)
	}
	c := coder{version: env.SDK, reading: true, extras: x}
	switch env.Command {
	case commandShare:
		var s intents.Share
		c.common(&s.Common)
		if err := c.share(&s); err != nil {
			return nil, env, err
		}
		if card, ok := s.Message.Object.(intents.MiniProgram); ok {
			s.Message.Object = restoreMiniProgram(card)
		}
		return s, env, nil
	case commandAuth:
		var a intents.Auth
		c.common(&a.Common)
		c.auth(&a)
		return a, env, nil
	}
	return nil, env, fmt.Errorf("%w: command %d", ErrUnknownRequest, env.Command)
}

// restoreMiniProgram removes what rewriteMiniProgram adds.
func restoreMiniProgram(card intents.MiniProgram) intents.MiniProgram {
	if card.UserName != nil {
		card.UserName = new(strings.TrimSuffix(*card.UserName, "@app"))
	}
	if card.Path != nil {
		page, query, found := strings.Cut(*card.Path, "?")
		page = strings.TrimSuffix(page, ".html")
		if found {
			page += "?" + query
		}
		card.Path = &page
	}
	return card
}

func decodeQuery(q *Query) (intents.Request, Envelope, error) {
	arg := func(n int) *string {
		if n < len(q.Args) {
			return q.Args[n]
		}
		return nil
	}
	env := Envelope{AppID: text(arg(0))}
	switch q.URI {
	case uriSupport:
		return nil, Envelope{}, ErrNoRequest
	case uriToken:
		n, err := strconv.ParseInt(text(arg(1)), 10, 32)
		if err != nil {
			return nil, env, fmt.Errorf("%w: SDK version %q in a query for the token", ErrMalformed, text(arg(1)))
		}
		env.SDK = Version(n)
		return nil, env, ErrNoRequest
	}
	if env.AppID == "" {
		return nil, env, fmt.Errorf("%w: no AppID in a query of %q", ErrMalformed, q.URI)
	}
	switch {
	case q.URI == uriLaunch:
		env.Command = commandLaunchMiniProgram
		n, err := strconv.ParseInt(text(arg(3)), 10, 32)
		if err != nil {
			return nil, env, fmt.Errorf("%w: mini program type %q", ErrMalformed, text(arg(3)))
		}
		return intents.LaunchMiniProgram{UserName: arg(1), Path: arg(2), Type: intents.MiniProgramType(n), ExtMsg: arg(4)}, env, nil
	case q.URI == uriOpenType && text(arg(1)) == openTypeSubscribeMessage:
		env.Command = commandSubscribeMessage
		n, err := strconv.ParseInt(text(arg(2)), 10, 32)
		if err != nil {
			return nil, env, fmt.Errorf("%w: scene %q", ErrMalformed, text(arg(2)))
		}
		return intents.SubscribeMessage{Scene: int32(n), TemplateID: arg(3), Reserved: arg(4)}, env, nil
	case q.URI == uriOpenType && text(arg(1)) == openTypeSubscribeMiniProgramMessage:
		env.Command = commandSubscribeMiniProgramMessage
		return intents.SubscribeMiniProgramMessage{MiniProgramAppID: arg(2)}, env, nil
	case q.URI == uriOpenWebview:
		env.Command = commandOpenWebview
		req := intents.OpenWebview{Common: intents.Common{Transaction: arg(2)}}
		if encoded := arg(1); encoded != nil {
			page, err := url.QueryUnescape(*encoded)
			if err != nil {
				return nil, env, fmt.Errorf("%w: URL %q", ErrMalformed, *encoded)
			}
			req.URL = &page
		}
		return req, env, nil
	}
	return nil, env, fmt.Errorf("%w: a query of %q", ErrUnknownRequest, q.URI)
}
