package wechat

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// The authorities of WeChat's exported providers.
const (
	CommAuthority   = PackageName + ".sdk.comm.provider"
	PluginAuthority = PackageName + ".sdk.plugin.provider"
)

// PayEntryClass is the activity that takes payments, as WeChat's meta-data
// names it.
const PayEntryClass = PackageName + ".plugin.base.stub.WXPayEntryActivity"

// A Cursor is what a provider answers with.
type Cursor struct {
	Columns []string
	Rows    [][]any // string or int64; nil for NULL
}

// Query answers a query of one of WeChat's providers. Caller is the package
// the query came from, as Binder vouches for it. A nil Cursor is the null that
// WeChat gives to everything but a token; what it does besides is the Course,
// nil if nothing.
func (w *WeChat) Query(caller string, q androidwire.Query) (*Cursor, *Course) {
	uri, err := url.Parse(q.URI)
	if err != nil {
		return nil, nil
	}
	if uri.Host == PluginAuthority {
		return nil, nil // of preferences that wxctl asks for none of
	}
	args := arguments(q.Args)
	note := func(format string, a ...any) *Course { return &Course{Note: fmt.Sprintf(format, a...)} }
	what := strings.TrimPrefix(uri.Path, "/")
	if what == "genTokenForOpenSdk" {
		if args.at(0) == "" {
			return nil, note("a token was asked for without an AppID")
		}
		return &Cursor{Columns: []string{"token"}, Rows: [][]any{{w.token(caller)}}}, note("token for %q", caller)
	}
	if strings.HasPrefix(what, "preload") {
		return &Cursor{Columns: []string{"result"}}, note("%s", what)
	}
	e := envelope{appID: args.at(0), pkg: caller}
	if e.appID == "" {
		return nil, note("%s: no AppID", what)
	}
	if w.loses() {
		return nil, note("dropped: this WeChat is flaky")
	}
	if w.options.LoggedOut {
		return nil, &Course{Note: "nobody is logged in", Screens: screens(".plugin.account.ui.SimpleLoginUI")}
	}
	if fault := w.vouch(e.appID, caller); fault != "" {
		course := note("%s: %s", what, fault)
		if record, known := w.record(e.appID); known && record.Package == caller {
			// The certificate alone is the server's to compare, which is asked
			// once the screen is up. That it stays there then is a guess.
			course.Screens, course.Page = screens(bizEntry), true
		}
		return nil, course
	}
	switch what {
	case "launchWXMiniprogram":
		return nil, w.launch(e, args)
	case "openTypeWebview":
		return nil, w.typedWebview(e, args)
	case "openWebview":
		e.command, e.transaction = commandOpenWebview, args.pointer(2)
		return nil, w.webview(e)
	}
	return nil, note("%q is not played here", what)
}

type arguments []*string

func (a arguments) pointer(i int) *string {
	if i >= len(a) {
		return nil
	}
	return a[i]
}

func (a arguments) at(i int) string { return deref(a.pointer(i)) }

// entry is what the screens of a provider request begin with.
const bizEntry = ".plugin.base.stub.WXBizEntryActivity"

// launch opens a mini program; it calls the app back if its user wants.
func (w *WeChat) launch(e envelope, args arguments) *Course {
	e.command = commandLaunch
	kind, err := strconv.Atoi(args.at(3))
	switch {
	case !w.supports(supportLaunch):
		return &Course{Note: fmt.Sprintf("WeChat %s opens no mini programs for apps", w.options.Version)}
	case args.at(1) == "" || err != nil || kind < 0 || kind > 2:
		return &Course{Note: fmt.Sprintf("mini program %q of type %q", args.at(1), args.at(3))}
	}
	if course := w.declined(e, func(r intents.Result) intents.Reply { return intents.LaunchReply{Result: r} }); course != nil {
		return course
	}
	course := &Course{Note: "mini program " + args.at(1), Screens: screens(bizEntry, ".plugin.appbrand.launching.AppBrandLaunchProxyUI",
		".plugin.appbrand.ui.AppBrandUI")}
	// Plain Back, a refusal and staying tell the app nothing.
	if w.options.Answer == Send {
		message := args.at(4)
		course.Reply = w.reply(e, intents.LaunchReply{Result: w.result(intents.ErrOK, nil), ExtMsg: &message})
	}
	course.Closes = w.options.Answer != Stay
	return course
}

// declined is what becomes of a provider's request that WeChat does not support
// or that fails; nil for one that goes its way.
func (w *WeChat) declined(e envelope, content func(intents.Result) intents.Reply) *Course {
	code, ok := map[Answer]intents.ErrCode{Unsupported: intents.ErrUnsupported, Fail: intents.ErrSentFailed}[w.options.Answer]
	if !ok {
		return nil
	}
	return &Course{Note: string(w.options.Answer), Screens: screens(bizEntry), Reply: w.reply(e, content(w.result(code, nil))),
		AtOnce: w.options.Answer == Unsupported, Closes: true}
}

// typedWebview opens one of the pages that apps may ask for by number.
func (w *WeChat) typedWebview(e envelope, args arguments) *Course {
	const subscribe, invoice, insurance, subscribeWxa = 1, 2, 4, 5
	kind, err := strconv.Atoi(args.at(1))
	level := int32(supportSubscribe)
	switch {
	case err != nil || kind < subscribe || kind > subscribeWxa:
		return &Course{Note: fmt.Sprintf("no page of type %q", args.at(1))}
	case kind >= invoice && kind <= insurance:
		level = supportInvoice
	case kind == subscribeWxa:
		level = supportSubscribeWxa
	}
	if !w.supports(level) {
		return &Course{Note: fmt.Sprintf("WeChat %s has no page of type %d", w.options.Version, kind)}
	}
	if kind == subscribe {
		e.command = commandSubscribe
		scene, _ := strconv.ParseInt(args.at(2), 10, 32)
		if course := w.declined(e, func(r intents.Result) intents.Reply {
			return intents.SubscribeReply{Result: r, TemplateID: args.pointer(3), Scene: int32(scene)}
		}); course != nil {
			return course
		}
	}
	course := &Course{Note: fmt.Sprintf("page of type %d", kind), Screens: screens(bizEntry, ".plugin.webview.ui.tools.WebViewUI")}
	if w.options.Answer == Stay {
		return course
	}
	course.Closes = true
	code, action := intents.ErrOK, "confirm"
	if w.options.Answer != Send {
		action = "cancel"
	}
	switch kind {
	case subscribe:
		scene, _ := strconv.ParseInt(args.at(2), 10, 32)
		e.command = commandSubscribe
		course.Reply = w.reply(e, intents.SubscribeReply{Result: w.result(code, nil), TemplateID: args.pointer(3), Scene: int32(scene),
			Action: &action, Reserved: args.pointer(4)})
	case subscribeWxa:
		if w.options.Answer != Send {
			code = intents.ErrUserCancel
		}
		course.Reply = w.reply(e, intents.SubscribeMiniProgramReply{Result: w.result(code, nil)})
	}
	return course
}

// webview opens a page and hands its answer to the app when it closes.
func (w *WeChat) webview(e envelope) *Course {
	course := &Course{Note: "web page", Screens: screens(bizEntry, ".plugin.webview.ui.tools.WebViewUI")}
	switch w.options.Answer {
	case Stay:
		return course
	case Send:
		course.Reply = w.reply(e, intents.OpenWebviewReply{Result: w.result(intents.ErrOK, e.transaction)})
	default:
		course.Reply = w.reply(e, intents.OpenWebviewReply{Result: w.result(intents.ErrUserCancel, e.transaction)})
	}
	course.Closes = true
	return course
}
