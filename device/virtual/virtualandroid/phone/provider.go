package phone

import (
	"context"
	"slices"
	"strings"

	"github.com/wxctl/wxctl/intents/androidwire"
)

// A Query is one ContentResolver.query.
type Query struct {
	UID     int
	PID     int
	Package string // of the caller, as it says
	// External asks through getContentProviderExternal, as the content
	// command and the agent do; otherwise the caller must be an app's own,
	// attached process.
	External   bool
	Attached   bool
	User       int
	URI        string
	Projection []string
	Selection  *string
	Args       []*string
	SortOrder  *string
}

// A Call is one ContentResolver.call.
type Call struct {
	UID       int
	PID       int
	Package   string
	External  bool
	Attached  bool
	User      int
	URI       string
	Authority string
	Method    string
	Arg       string
	Extras    androidwire.Extras
}

// A Cursor is a query's answer. Values are nil, int64, float64, string or
// []byte.
type Cursor struct {
	Columns []string
	Rows    [][]any
}

// A Broadcast is one intent sent to receivers.
type Broadcast struct {
	UID     int
	PID     int
	Package string
	User    int
	Intent  Intent
}

// Authority is the authority of a content URI, without a user in front.
func Authority(uri string) string {
	rest, ok := strings.CutPrefix(uri, "content://")
	if !ok {
		return ""
	}
	rest, _, _ = strings.Cut(rest, "/")
	rest, _, _ = strings.Cut(rest, "?")
	return rest[strings.LastIndexByte(rest, '@')+1:]
}

// provider finds who serves an authority and checks that the caller may ask.
func (p *Phone) provider(uid, pid int, external, attached bool, authority string, user int) (App, *Package, Component, error) {
	if external {
		if uid != ShellUID && uid != RootUID && uid != SystemUID {
			return nil, nil, Component{}, denied("Permission Denial: Do not have permission in call getContentProviderExternal() from pid=%d, "+
				"uid=%d requires android.permission.ACCESS_CONTENT_PROVIDERS_EXTERNALLY", pid, uid)
		}
	} else if !attached {
		thread := "android.app.IApplicationThread$Stub$Proxy"
		if p.API <= 25 {
			thread = "android.app.ApplicationThreadProxy"
		}
		return nil, nil, Component{}, denied("Unable to find app for caller %s@%x (pid=%d) when getting content provider %s", thread, pid*7919,
			pid, authority)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, it := range p.packages {
		if !it.users[user].Usable() {
			continue
		}
		for _, c := range it.Components {
			if c.Kind != ProviderKind || !slices.Contains(c.Authorities, authority) {
				continue
			}
			if own := it.UID(user); !c.Exported && uid != own && uid != RootUID && uid != SystemUID {
				return nil, nil, Component{}, denied("Permission Denial: opening provider %s from %s (pid=%d, uid=%d) that is not exported from "+
					"UID %d", c.Name, "(null)", pid, uid, own)
			}
			p.startProcess(it, c.Process, user, "content provider", hostingOf(p.API, it.Name, c.Name))
			return it.app, it.Package, c, nil
		}
	}
	return nil, nil, Component{}, nil
}

func hostingOf(api int, pkg, class string) string {
	if api >= 29 {
		return "{" + pkg + "/" + class + "}"
	}
	return ShortComponent(pkg + "/" + class)
}

// Query asks a content provider. A nil Cursor without an error means that the
// provider is not there, or answered null.
func (p *Phone) Query(ctx context.Context, q Query) (*Cursor, error) {
	if err := p.resolveUser(q.UID, q.PID, &q.User, "getContentProvider"); err != nil {
		return nil, err
	}
	app, pkg, c, err := p.provider(q.UID, q.PID, q.External, q.Attached, Authority(q.URI), q.User)
	if err != nil {
		return nil, err
	}
	if pkg == nil {
		return nil, &Exception{Class: "java.lang.IllegalStateException", Message: "Could not find provider: " + Authority(q.URI)}
	}
	if need := c.ReadPerm; need != "" && !p.mayHold(q.UID, need) {
		return nil, denied("Permission Denial: reading %s uri %s from pid=%d, uid=%d requires %s, or grantUriPermission()", c.Name, q.URI,
			q.PID, q.UID, need)
	}
	if app == nil {
		return nil, nil
	}
	return app.Query(ctx, p, q)
}

func (p *Phone) mayHold(uid int, permission string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return uid == RootUID || uid == SystemUID || p.holds(uid, permission)
}

// Call calls a content provider's method.
func (p *Phone) Call(ctx context.Context, q Call) (map[string]any, error) {
	if err := p.resolveUser(q.UID, q.PID, &q.User, "getContentProvider"); err != nil {
		return nil, err
	}
	authority := q.Authority
	if authority == "" {
		authority = Authority(q.URI)
	}
	app, pkg, _, err := p.provider(q.UID, q.PID, q.External, q.Attached, authority, q.User)
	if err != nil {
		return nil, err
	}
	if pkg == nil {
		return nil, &Exception{Class: "java.lang.IllegalStateException", Message: "Could not find provider: " + authority}
	}
	if c, ok := app.(Caller); ok {
		return c.Call(ctx, p, q)
	}
	return nil, nil
}

// protectedActions are broadcasts that only the system sends.
var protectedActions = []string{"android.intent.action.BOOT_COMPLETED", "android.intent.action.MEDIA_MOUNTED",
	"android.intent.action.PACKAGE_ADDED", "android.intent.action.PACKAGE_REMOVED", "android.intent.action.PACKAGE_REPLACED",
	"android.intent.action.SCREEN_ON", "android.intent.action.SCREEN_OFF",
	"android.intent.action.USER_PRESENT", "android.intent.action.BATTERY_CHANGED", "android.intent.action.LOCALE_CHANGED",
	"android.intent.action.TIMEZONE_CHANGED"}

// SendBroadcast sends a broadcast to the receivers that packages declare.
// It returns how many got it.
func (p *Phone) SendBroadcast(ctx context.Context, b Broadcast) (int, error) {
	if err := p.resolveUser(b.UID, b.PID, &b.User, "broadcast"); err != nil {
		return 0, err
	}
	if b.UID != RootUID && b.UID%PerUser != SystemUID && slices.Contains(protectedActions, b.Intent.Action) {
		return 0, denied("Permission Denial: not allowed to send broadcast %s from pid=%d, uid=%d", b.Intent.Action, b.PID, b.UID)
	}
	p.mu.Lock()
	var to []match
	if pkg, class, ok := SplitComponent(b.Intent.Component); ok {
		if it := p.packages[pkg]; it != nil && it.users[b.User].Usable() {
			if c, ok := it.Find(ReceiverKind, class); ok {
				to = []match{{pkg, c}}
			}
		}
	} else {
		to = p.match(b.Intent, b.User, ReceiverKind, false)
	}
	// Since 26 an implicit broadcast does not reach a receiver in a manifest
	// unless the sender sets FLAG_RECEIVER_INCLUDE_BACKGROUND.
	const includeBackground = 0x01000000
	implicit := b.Intent.Component == "" && b.Intent.Package == ""
	n := 0
	for _, m := range to {
		it := p.packages[m.pkg]
		if !m.comp.Exported && b.UID != it.UID(b.User) && b.UID != RootUID && b.UID != SystemUID ||
			it.users[b.User].Stopped && b.Intent.Flags&FlagIncludeStopped == 0 || p.API >= 26 && implicit && b.Intent.Flags&includeBackground == 0 {
			continue
		}
		n++
		p.startProcess(it, m.comp.Process, b.User, "broadcast", hostingOf(p.API, m.pkg, m.comp.Name))
		if app, ok := it.app.(Receiver); ok {
			p.Post(func(ctx context.Context) { app.Received(ctx, p, b) })
		}
	}
	p.mu.Unlock()
	return n, nil
}
