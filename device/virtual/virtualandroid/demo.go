package virtualandroid

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/art"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// demoApp is the demo app's code. It does what an app with the OpenSDK does,
// and has wxctl's debug hook, unless it is hookless: a deep link makes it send a
// request, and it logs each reply.
type demoApp struct {
	vms *debuggees
	// deaf is an app whose WXEntryActivity does not call handleIntent.
	deaf     bool
	hookless bool
}

// Launched implements phone.App. The app's code runs in its VM, where a
// debugger may stop it.
func (a demoApp) Launched(ctx context.Context, p *phone.Phone, act phone.Activity, in phone.Intent) {
	if v := a.vms.of(act.PID); v != nil {
		v.launch(act, in, !a.deaf, func(handle func()) { a.launched(ctx, p, act, in, handle) })
		return
	}
	a.launched(ctx, p, act, in, func() {})
}

// Describe implements phone.Describer: the main thread handles a message.
func (a demoApp) Describe(_ context.Context, _ *phone.Phone, act phone.Activity) {
	if v := a.vms.of(act.PID); v != nil {
		v.onMain(func(*art.Thread) {})
	}
}

// launched is the code of an activity. handle is what the SDK does in the VM
// with a reply that it accepts.
func (a demoApp) launched(ctx context.Context, p *phone.Phone, act phone.Activity, in phone.Intent, handle func()) {
	switch act.Class {
	case DemoEntry:
		if !a.deaf {
			a.reply(p, act, in, handle)
		}
	case demoBridge:
		if err := a.send(ctx, p, act, in.Data); err != nil {
			a.log(p, act, phone.Warn, "the debug hook did nothing: %v", err)
		}
	default:
		return
	}
	p.Finish(act.Token)
}

func (demoApp) log(p *phone.Phone, act phone.Activity, priority int, format string, args ...any) {
	p.Logcat(act.PID, act.UID, priority, "wxdemo", fmt.Sprintf(format, args...))
}

// reply passes what WeChat sent to the OpenSDK, as handleIntent does.
func (a demoApp) reply(p *phone.Phone, act phone.Activity, in phone.Intent, handle func()) {
	reply, _, err := androidwire.DecodeReply(in, androidwire.SDK6834)
	if err != nil {
		a.log(p, act, phone.Warn, "handleIntent: %v", err)
		return
	}
	handle()
	if a.hookless {
		return
	}
	text, err := json.Marshal(reply)
	if err != nil {
		a.log(p, act, phone.Warn, "onResp: %v", err)
		return
	}
	a.log(p, act, phone.Information, "wxctl-reply: %s", text)
}

// send sends the request in a debug deep link:
// SCHEME://bridge?request=BASE64URL(JSON).
func (a demoApp) send(ctx context.Context, p *phone.Phone, act phone.Activity, link string) error {
	uri, err := url.Parse(link)
	if err != nil || uri.Host != "bridge" {
		return errors.New("no link of the bridge")
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(uri.Query().Get("request"), "="))
	if err != nil {
		return err
	}
	request, err := intents.UnmarshalRequest(text)
	if err != nil {
		return err
	}
	sender := androidwire.Sender{AppID: DemoAppID, Package: DemoPackage, API: p.API}
	wires, err := androidwire.Encode(request, sender)
	if err != nil {
		return err
	}
	// The first round asks for the token, the second sends with it.
	if token := a.token(ctx, p, act, wires); token != nil {
		sender.Token = token
		if wires, err = androidwire.Encode(request, sender); err != nil {
			return err
		}
	}
	for _, wire := range wires {
		switch {
		case wire.Intent != nil:
			_, err = p.StartActivity(ctx, phone.StartRequest{UID: act.UID, PID: act.PID, Package: DemoPackage, Attached: true,
				Intent: *wire.Intent, User: act.User})
		case !isTokenQuery(wire.Query):
			_, err = a.query(ctx, p, act, wire.Query)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func isTokenQuery(q *androidwire.Query) bool {
	return strings.HasSuffix(q.URI, "/genTokenForOpenSdk")
}

// token asks WeChat's provider for the caller token, if the request's
// sequence does.
func (a demoApp) token(ctx context.Context, p *phone.Phone, act phone.Activity, wires []androidwire.Wire) *string {
	for _, wire := range wires {
		if wire.Query == nil || !isTokenQuery(wire.Query) {
			continue
		}
		cursor, err := a.query(ctx, p, act, wire.Query)
		if err != nil || cursor == nil || len(cursor.Rows) == 0 || len(cursor.Rows[0]) == 0 {
			return nil // the SDK continues without one
		}
		if token, ok := cursor.Rows[0][0].(string); ok {
			return &token
		}
	}
	return nil
}

func (demoApp) query(ctx context.Context, p *phone.Phone, act phone.Activity, q *androidwire.Query) (*phone.Cursor, error) {
	return p.Query(ctx, phone.Query{UID: act.UID, PID: act.PID, Package: DemoPackage, User: act.User,
		URI: q.URI, Projection: q.Projection, Selection: q.Selection, Args: q.Args, SortOrder: q.SortOrder})
}
