package ioswire

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/wxctl/wxctl/intents"
)

// Commands of the payload (OpenSDK 2.0.0, initCommonField:).
const (
	commandNone              = "0"
	commandMedia             = "1010"
	commandText              = "1020"
	commandLaunchMiniProgram = "1080"
)

// maxURLPlist is the longest property list, in bytes, that the SDK puts into a
// URL (0x70800, OpenSDK 2.0.0).
const maxURLPlist = 460800

// Encode returns what the sender's SDK does for a request, in its order: what
// it puts on the pasteboard, if anything, and the URL that it opens. The second
// result says how this differs from what an app does. It does not check whether
// the SDK would refuse the request: [Validate] does. It fails if the SDK has no
// such request, or would not have registered.
func Encode(req intents.Request, sender Sender) ([]Wire, []string, error) {
	if req == nil {
		return nil, nil, errors.New("there is no request to encode")
	}
	if err := sender.check(); err != nil {
		return nil, nil, err
	}
	e := &encoder{sender: sender}
	e.fields = e.someFields[:0]
	if err := e.request(req); err != nil {
		return nil, nil, err
	}
	if e.raw && sender.Phone.ios() < iosMendsURLs && urlText(e.extra) != e.extra {
		return nil, nil, fmt.Errorf("below iOS 17 the SDK gets no URL of the user name and sends nothing: %s", clip(e.extra))
	}
	return e.wires(), sender.differences(), nil
}

func (s *Sender) differences() []string {
	switch {
	case s.Scheme && s.Resent:
		return nil
	case s.Scheme:
		return []string{"the scheme is opened, not the universal link: without universalLink, caller token and context id, " +
			"since only the app's SDK can do WeChat's handshake for a universal link"}
	case s.UniversalLink != "":
		return nil
	}
	return []string{"no universal link is known: encoded as the SDK does for a WeChat without universal links, by the scheme and " +
		"without universalLink, bundle id and context id"}
}

// encoder collects the parts of one encoded request.
type encoder struct {
	sender  Sender
	extra   string // the URL after the base
	raw     bool   // extra holds a value that is not escaped
	payload bool   // whether there is a payload
	fields  Dict   // the payload, sorted by key
	erase   string // the field that may be omitted from the URL
	context string // what a context id is derived from, if the sender has none

	// The result, and room for a common payload.
	wire       [2]Wire
	opened     URL
	pasted     Pasteboard
	plist      [2]Field
	someFields [36]Field
}

func (e *encoder) request(req intents.Request) error {
	e.context = e.sender.AppID + "_" + orEmpty(req.Base().Transaction)
	switch r := req.(type) {
	case intents.Share:
		return e.share(&r)
	case intents.Auth:
		e.auth(&r)
	case intents.LaunchMiniProgram:
		// Only the user name is not escaped.
		e.extra = "jumpWxa/?userName=" + valid(printed(r.UserName)) + "&path=" + argument(r.Path) +
			"&miniProgramType=" + strconv.FormatUint(uint64(int64(r.Type)), 10) + "&extMsg=" + argument(r.ExtMsg)
		e.raw = true
		e.common(commandLaunchMiniProgram)
	case intents.SubscribeMessage:
		e.openType(1, "scene="+strconv.Itoa(int(r.Scene))+"&template_id="+printed(r.TemplateID)+"&reserved="+printed(r.Reserved))
	case intents.SubscribeMiniProgramMessage:
		e.openType(5, "miniProgramAppid="+printed(r.MiniProgramAppID))
	case intents.OpenWebview:
		url := nilText
		if r.URL != nil {
			url = escape(*r.URL, nested())
		}
		e.extra = "openwebview/?url=" + url
		e.common(commandNone)
	default:
		return fmt.Errorf("the OpenSDK for iOS has no request %T", req)
	}
	return nil
}

func (e *encoder) auth(r *intents.Auth) {
	e.extra = "auth/?scope=" + argument(r.Scope) + "&state=" + argument(r.State)
	if e.sender.SDK.orDefault() != SDK1871 {
		e.extra += "&isOption1=" + digit(r.IsOption1) + "&nonautomatic=" + digit(r.NonAutomatic)
		if r.ExtData != nil && *r.ExtData != "" {
			e.extra += "&extData=" + argument(r.ExtData)
		}
	}
	e.common(commandNone)
}

// openType encodes one of the requests that are a web page inside WeChat.
func (e *encoder) openType(number int, query string) {
	e.extra = "opentypewebview/?type=" + strconv.Itoa(number) + "&query=" + escape(query, nested())
	e.common(commandNone)
}

// nilText is what %@ prints for nil.
const nilText = "(null)"

func printed(s *string) string {
	if s == nil {
		return nilText
	}
	return *s
}

// argument escapes a value of a query; nil is empty.
func argument(s *string) string { return escape(orEmpty(s), plain()) }

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func digit(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// put inserts a field at its sorted place: one move for each costs less than
// sorting all of them, which moves fields of this size in pairs.
func (e *encoder) put(key string, v Value) {
	at := len(e.fields)
	for at > 0 && e.fields[at-1].Key > key {
		at--
	}
	e.fields = slices.Insert(e.fields, at, Field{key, v})
}

// text puts a string, data bytes; nil is omitted.
func (e *encoder) text(key string, s *string) {
	if s != nil {
		e.put(key, String(valid(*s)))
	}
}

func (e *encoder) data(key string, b []byte) {
	if b != nil {
		e.put(key, Data(b))
	}
}

// common begins the payload of a request. A request without fields of its own
// has a payload only for a WeChat that accepts universal links.
func (e *encoder) common(command string) {
	e.payload = command != commandNone || e.sender.takesLinks()
	e.begin(command, "0", "1")
}

func (e *encoder) begin(command, returnFromApp, result string) {
	e.put("command", String(command))
	e.put("isAutoResend", Bool(e.sender.Resent))
	e.put("result", String(result))
	e.put("returnFromApp", String(returnFromApp))
	e.put("sdkver", String(string(e.sender.SDK.orDefault())))
	if e.sender.byLink() {
		e.put("universalLink", String(e.sender.link()))
	}
}

func (e *encoder) wires() []Wire {
	wires := e.wire[:0]
	s := &e.sender
	var carried *flat
	var data Dict
	erased, paste := false, false
	if e.payload {
		paste = true
		if s.urlParams() {
			carried, data, erased = e.fit()
			paste = carried == nil || erased
		}
	}
	if paste {
		plist := append(Dict(e.plist[:0]), Field{s.AppID, Dictionary(e.fields)})
		if orEmpty(s.Phone.PasteboardText) != "" && (s.SDK.orDefault() == SDK1871 || s.Phone.ios() < iosAsksToPaste) {
			plist = append(plist, Field{keyOldText, String(*s.Phone.PasteboardText)})
		}
		e.pasted = Pasteboard{PasteboardType, plist.sorted()}
		wires = append(wires, Wire{Pasteboard: &e.pasted})
	}
	e.opened = URL{e.url(carried, erased), data}
	return append(wires, Wire{URL: &e.opened})
}

// fit returns the payload that goes into the URL: all of it, or all except the
// one field that may be erased, or nothing.
func (e *encoder) fit() (carried *flat, data Dict, erased bool) {
	if f := flatten(e.fields); f.size() <= maxURLPlist {
		return f, e.fields, false
	}
	if _, ok := e.fields.Get(e.erase); !ok {
		return nil, nil, false
	}
	rest := e.fields.without(e.erase)
	if f := flatten(rest); f.size() <= maxURLPlist {
		return f, rest, true
	}
	return nil, nil, false
}

// url builds the URL: base, the request's own part, and what the SDK appends.
func (e *encoder) url(carried *flat, erased bool) string {
	s := &e.sender
	length, size := 0, 512+len(e.extra)
	if carried != nil {
		length = carried.size()
		size += length/3*4 + length/8 // of a picture's base64, 1 character in 32 is escaped
	}
	var b strings.Builder
	b.Grow(size)
	link := s.byLink() && !s.Degraded
	if link {
		b.WriteString(linkBase)
	} else {
		b.WriteString(schemeBase)
	}
	b.WriteString(s.AppID)
	b.WriteByte('/')
	b.WriteString(e.extra)
	items := appender{&b, !strings.HasSuffix(e.extra, "?")}
	if link {
		if s.Token != "" {
			items.add(itemToken, escape(s.Token, plain()))
		}
		if !s.Resent {
			items.add(itemContext, e.contextID())
		}
		items.add(itemBundle, s.BundleID)
	} else {
		if s.takesLinks() && s.Phone.ios() >= iosBundleID {
			items.add(itemBundle, s.BundleID)
		}
		if s.Degraded {
			items.add(itemDegrade, "1")
		}
	}
	if s.SDK.orDefault() == SDK200 {
		items.add(itemParams, "1")
		if erased {
			items.add(itemErased, "1")
		}
		if carried != nil {
			items.add(itemLength, strconv.Itoa((length+2)/3*4))
			items.add(itemData, "")
			w := newBase64Writer(&b)
			carried.writeTo(&w)
		}
	}
	if e.raw || !isPlain(s.AppID) || !isPlain(s.BundleID) || !isPlain(s.ContextID) {
		return urlText(b.String())
	}
	return b.String()
}

func (e *encoder) contextID() string {
	if e.sender.ContextID != "" {
		return e.sender.ContextID
	}
	return NewContextID(e.sender.SDK.orDefault(), e.context)
}

func isPlain(text string) bool {
	keep := plain()
	for i := 0; i < len(text); i++ {
		if !keep.has(text[i]) {
			return false
		}
	}
	return true
}

// appender appends query items to a URL.
type appender struct {
	b    *strings.Builder
	more bool // an item precedes
}

func (a *appender) add(name, value string) {
	if a.more {
		a.b.WriteByte('&')
	}
	a.more = true
	a.b.WriteString(name)
	a.b.WriteByte('=')
	a.b.WriteString(value)
}
