package virtualandroid

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/errno"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/device/virtual/wechat"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// wechatApp is WeChat's code on one phone: it carries out what the WeChat of
// each Android user decides.
type wechatApp struct {
	think wechat.Think
	users map[int]*wechat.WeChat
	pids  map[int]bool // processes that have shown the splash screen
	phone *phone.Phone
	media *mediaStore

	showing sync.Mutex
	pages   map[int]shown // what is on its pages, by user
}

// newWeChatApp makes the WeChat of every user of the phone.
func newWeChatApp(p *phone.Phone, media *mediaStore, o Options) *wechatApp {
	app := &wechatApp{think: wechat.NewThink(o.Think, o.ThinkMost), users: map[int]*wechat.WeChat{}, pids: map[int]bool{},
		phone: p, media: media, pages: map[int]shown{}}
	var code func(openID, scope string) (string, error)
	if o.OAuth != "" {
		code = wechat.CodesFrom(o.OAuth)
	}
	registered := wechat.Signature(demoCertificate)
	if o.Unregistered {
		registered = wechat.Signature([]byte("another certificate"))
	}
	for _, user := range p.Users() {
		app.users[user.ID] = wechat.New(wechat.Options{
			Version: o.WeChat, LoggedOut: o.LoggedOut, Answer: o.Answer, Flaky: o.Flaky, BlockInvalidToken: o.Strict, Code: code,
			Apps: []wechat.Record{{AppID: DemoAppID, Package: DemoPackage, Signature: registered}},
		}, wechatHost{phone: p, media: media, user: user.ID})
	}
	return app
}

// Launched implements phone.App.
func (a *wechatApp) Launched(_ context.Context, p *phone.Phone, act phone.Activity, in phone.Intent) {
	w := a.users[act.User]
	if w == nil {
		return
	}
	switch act.Class {
	case classEntry:
		c := w.Receive(in)
		a.remember(act.User, asked(androidwire.Wire{Intent: &in}, "", c))
		a.play(p, act.User, act.Token, c)
	case wechat.ShareImgClass, wechat.ShareToTimeLineClass, wechat.AddFavoriteClass:
		c := w.Share(act.Class, in)
		a.remember(act.User, shared(in, c))
		a.play(p, act.User, act.Token, c)
	case classLauncher:
		a.play(p, act.User, act.Token, w.Open(false))
	case classScheme:
		a.play(p, act.User, act.Token, w.Open(true))
	}
}

// Query implements phone.Provider.
func (a *wechatApp) Query(_ context.Context, p *phone.Phone, q phone.Query) (*phone.Cursor, error) {
	w := a.users[q.User]
	if w == nil {
		return nil, nil
	}
	query := androidwire.Query{URI: q.URI, Projection: q.Projection, Selection: q.Selection, Args: q.Args, SortOrder: q.SortOrder}
	cursor, course := w.Query(callerOf(p, q.UID, q.Package), query)
	if course != nil {
		a.remember(q.User, asked(androidwire.Wire{Query: &query}, q.Package, *course))
		p.Post(func(context.Context) { a.play(p, q.User, 0, *course) })
	}
	if cursor == nil {
		return nil, nil
	}
	return &phone.Cursor{Columns: cursor.Columns, Rows: cursor.Rows}, nil
}

// callerOf is the caller's package according to Binder: the one the caller
// names if it is of the caller's uid, else the first of that uid.
func callerOf(p *phone.Phone, uid int, named string) string {
	packages := p.PackagesOfUID(uid)
	if slices.Contains(packages, named) || len(packages) == 0 {
		return named
	}
	return packages[0]
}

// play carries out a course. entry is the activity that got the request, 0 for
// a provider's.
func (a *wechatApp) play(p *phone.Phone, user, entry int, c wechat.Course) {
	run := &run{app: a, phone: p, user: user, course: c}
	if entry != 0 {
		run.open = []int{entry}
	}
	if entry != 0 || len(c.Screens) > 0 {
		run.splash()
	}
	run.log(c.Note)
	switch {
	case !run.show(c.Screens):
	case c.AtOnce:
		run.end()
	case c.Reply != nil || c.Closes || len(c.Then) > 0:
		p.After(a.think.Time(), run.act)
	}
}

// run is a course that is being carried out.
type run struct {
	app    *wechatApp
	phone  *phone.Phone
	user   int
	course wechat.Course
	open   []int         // tokens of its activities, the oldest first
	pause  time.Duration // between two checks of a page that is covered
}

func (r *run) pid() (pid, uid int) {
	uid = r.phone.Package(wechat.PackageName).UID(r.user)
	process, _ := r.phone.Process(wechat.PackageName, uid)
	return process.PID, uid
}

func (r *run) log(note string) {
	if note == "" {
		return
	}
	pid, uid := r.pid()
	r.phone.Logcat(pid, uid, phone.Information, "MicroMsg.WXEntryActivity", note)
}

// splash shows the splash screen of a WeChat whose process has just started.
// Its real place in the order is not known.
func (r *run) splash() {
	pid, _ := r.pid()
	if r.app.pids[pid] {
		return
	}
	r.app.pids[pid] = true
	if r.show([]wechat.Screen{{Class: wechat.PackageName + ".app.WeChatSplashActivity", Over: true}}) {
		r.finish(r.top())
	}
}

// show opens screens, one after the other, and reports whether the system let
// it: an app in the background may start none.
func (r *run) show(screens []wechat.Screen) bool {
	for _, screen := range screens {
		below := r.top()
		if !r.start(androidwire.Intent{Component: wechat.PackageName + "/" + screen.Class}) {
			return false
		}
		if top, ok := r.phone.Top(); ok && top.Pkg == wechat.PackageName && top.Class == screen.Class {
			r.open = append(r.open, top.Token)
		}
		if below != 0 && !screen.Over {
			r.finish(below)
		}
	}
	return true
}

func (r *run) top() int {
	if len(r.open) == 0 {
		return 0
	}
	return r.open[len(r.open)-1]
}

func (r *run) finish(token int) {
	r.phone.Finish(token)
	r.open = slices.DeleteFunc(r.open, func(t int) bool { return t == token })
}

// start starts an activity from WeChat's own process.
func (r *run) start(in androidwire.Intent) bool {
	pid, uid := r.pid()
	code, err := r.phone.StartActivity(context.Background(), phone.StartRequest{
		UID: uid, PID: pid, Package: wechat.PackageName, Attached: true, Intent: in, User: r.user})
	if err != nil {
		r.phone.Logcat(pid, uid, phone.Warn, "MicroMsg.WXEntryActivity", err.Error())
	}
	return err == nil && code >= 0 && code != phone.StartAborted
}

// act performs the user's action: it does nothing if the screen is gone or the
// phone can't be used. If something else covers the page, the action waits
// until the page is in front again, since users don't answer what they don't
// see.
func (r *run) act(context.Context) {
	if r.phone.Locked() || r.phone.Asleep() {
		return
	}
	if page := r.top(); page != 0 {
		if _, there := r.phone.Activity(page); !there {
			return
		}
		if front, _ := r.phone.Top(); front.Token != page {
			r.pause = min(2*max(r.pause, r.app.think.Least), longestPause)
			r.phone.After(r.pause, r.act)
			return
		}
	}
	then := r.course.Then
	if len(then) == 0 {
		r.end()
		return
	}
	r.course.Then = nil
	if r.show(then) {
		r.phone.After(r.app.think.Time(), r.act)
	}
}

// longestPause is the longest pause until a covered page is checked again.
const longestPause = 2 * time.Second

// end calls the app back and closes what WeChat opened, in this order: an app
// without a window may not start an activity.
func (r *run) end() {
	if reply := r.course.Reply; reply != nil {
		r.reply(reply)
	}
	if r.course.Closes {
		for _, token := range slices.Backward(slices.Clone(r.open)) {
			r.finish(token)
		}
	}
}

func (r *run) reply(reply *wechat.Reply) {
	pkg, class, _ := strings.Cut(reply.Component, "/")
	version := androidwire.Version(r.app.users[r.user].Version().Support())
	in, err := androidwire.EncodeReply(reply.Content, androidwire.Receiver{Package: pkg, Activity: class, WeChatSDK: version})
	if err != nil {
		r.log(err.Error())
		return
	}
	in.Flags = reply.Flags
	r.start(in)
}

// wechatHost is the phone as the WeChat of one user sees it.
type wechatHost struct {
	phone *phone.Phone
	media *mediaStore
	user  int
}

func (h wechatHost) API() int       { return h.phone.API }
func (h wechatHost) Now() time.Time { return h.phone.Now() }

func (h wechatHost) Certificates(pkg string) [][]byte {
	if p := h.phone.Package(pkg); p != nil && h.phone.PackageState(pkg, h.user).Installed {
		return p.Certs
	}
	return nil
}

// Size reads as WeChat's uid would. A content URI of MediaStore is readable
// with a grant, or by the storage permission that WeChat holds; what lies in
// /data/local/tmp no app may read (SELinux, shell_data_file).
func (h wechatHost) Size(path string, granted bool) (int64, error) {
	if strings.HasPrefix(path, "content://") {
		return h.media.size(path, h.user, granted)
	}
	path = strings.TrimPrefix(path, "file://")
	uid := h.phone.Package(wechat.PackageName).UID(h.user)
	info, err := h.phone.FS.Stat(phone.CredOf(uid), path)
	switch {
	case strings.HasPrefix(phone.Clean("/", path), "/data/local/"):
		return 0, errno.EACCES
	case err != nil && h.media.shared(path):
		// Shared storage is read by permission, which the file system itself
		// does not know.
		info, err = h.phone.FS.Stat(phone.RootCred(), path)
	}
	if err != nil {
		return 0, err
	}
	if !info.IsRegular() {
		return 0, errno.EISDIR
	}
	return info.Size, nil
}
