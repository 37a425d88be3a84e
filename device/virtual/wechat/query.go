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
// the query came from, according to Binder. A nil Cursor is the null that
// WeChat returns for everything but a token; what else it does is the Course,
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
			// Only the server compares the certificate, once the screen is
			// open. That the screen stays open then is a guess.
			course.Screens, course.Page = screens(bizEntry), true
		}
		return nil, course
	}
	var course Course
	switch what {
	case "launchWXMiniprogram":
		course = w.launch(e, args)
	case "openTypeWebview":
		course = w.typedWebview(e, args)
	case "openWebview":
		course = w.left(Course{Note: "web page", Screens: screens(bizEntry, webViewUI)},
			w.reply(e, intents.OpenWebviewReply{Result: w.result(w.pageCode(), args.pointer(2))}))
	default:
		return nil, note("%q is not played here", what)
	}
	return nil, &course
}

type arguments []*string

func (a arguments) pointer(i int) *string {
	if i >= len(a) {
		return nil
	}
	return a[i]
}

func (a arguments) at(i int) string { return deref(a.pointer(i)) }

// bizEntry is what the screens of a provider request begin with, webViewUI what
// shows pages.
const (
	bizEntry  = ".plugin.base.stub.WXBizEntryActivity"
	webViewUI = ".plugin.webview.ui.tools.WebViewUI"
)

// launch opens a mini program; it calls the app back if its user wants.
func (w *WeChat) launch(e envelope, args arguments) Course {
	kind, err := strconv.Atoi(args.at(3))
	switch {
	case !w.supports(supportLaunch):
		return Course{Note: fmt.Sprintf("WeChat %s opens no mini programs for apps", w.options.Version)}
	case args.at(1) == "" || err != nil || kind < 0 || kind > 2:
		return Course{Note: fmt.Sprintf("mini program %q of type %q", args.at(1), args.at(3))}
	}
	if code := w.declines(); code != intents.ErrOK {
		return w.declined(e, intents.LaunchReply{Result: w.result(code, nil)})
	}
	course := Course{Note: "mini program " + args.at(1), Screens: screens(bizEntry, ".plugin.appbrand.launching.AppBrandLaunchProxyUI",
		".plugin.appbrand.ui.AppBrandUI")}
	if w.options.Answer != Send { // plain Back, a refusal and staying tell the app nothing
		return w.left(course, nil)
	}
	message := args.at(4)
	return w.left(course, w.reply(e, intents.LaunchReply{Result: w.result(intents.ErrOK, nil), ExtMsg: &message}))
}

// declines is the result of a provider's request that WeChat does not support
// or that fails; ErrOK for one that goes its way.
func (w *WeChat) declines() intents.ErrCode {
	return map[Answer]intents.ErrCode{Unsupported: intents.ErrUnsupported, Fail: intents.ErrSentFailed}[w.options.Answer]
}

func (w *WeChat) declined(e envelope, reply intents.Reply) Course {
	return Course{Note: string(w.options.Answer), Screens: screens(bizEntry), Reply: w.reply(e, reply),
		AtOnce: w.options.Answer == Unsupported, Closes: true}
}

// typedWebview opens one of the pages that apps may ask for by number.
func (w *WeChat) typedWebview(e envelope, args arguments) Course {
	const subscribe, invoice, insurance, subscribeWxa = 1, 2, 4, 5
	kind, err := strconv.Atoi(args.at(1))
	level := int32(supportSubscribe)
	switch {
	case err != nil || kind < subscribe || kind > subscribeWxa:
		return Course{Note: fmt.Sprintf("no page of type %q", args.at(1))}
	case kind >= invoice && kind <= insurance:
		level = supportInvoice
	case kind == subscribeWxa:
		level = supportSubscribeWxa
	}
	if !w.supports(level) {
		return Course{Note: fmt.Sprintf("WeChat %s has no page of type %d", w.options.Version, kind)}
	}
	course := Course{Note: fmt.Sprintf("page of type %d", kind), Screens: screens(bizEntry, webViewUI)}
	switch kind {
	case subscribe:
		scene, _ := strconv.ParseInt(args.at(2), 10, 32)
		if code := w.declines(); code != intents.ErrOK {
			return w.declined(e, intents.SubscribeReply{Result: w.result(code, nil), TemplateID: args.pointer(3), Scene: int32(scene)})
		}
		return w.left(course, w.reply(e, w.subscribed(args.pointer(3), int32(scene), args.pointer(4))))
	case subscribeWxa:
		return w.left(course, w.reply(e, intents.SubscribeMiniProgramReply{Result: w.result(w.pageCode(), nil)}))
	}
	return w.left(course, nil)
}
