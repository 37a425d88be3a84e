package cmd

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/files"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android"
	"github.com/wxctl/wxctl/device/android/apk"
	"github.com/wxctl/wxctl/device/check"
	"github.com/wxctl/wxctl/device/ios"
	"github.com/wxctl/wxctl/device/ios/ipa"
	"github.com/wxctl/wxctl/device/ios/universallink"
	"github.com/wxctl/wxctl/oauth"
)

// examination is one run of doctor: the facts and the findings.
type examination struct {
	o        *doctorOptions
	facts    check.Facts
	findings []check.Finding
	ignored  map[string]string

	info    device.Info
	phone   device.Phone
	outcome *device.Outcome // of the probe
	noPhone error           // why there is no phone, or what it did not report

	interrupted *exit.Signal // while it was examined; nil if it wasn't

	mu      sync.Mutex
	closed  bool
	closers []func()
}

// later registers a function for the end; if that has passed, as for a part
// that came too late, it is called now.
func (x *examination) later(do func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		do()
		return
	}
	x.closers = append(x.closers, do)
}

func (x *examination) close() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closed = true
	for _, do := range slices.Backward(x.closers) {
		do()
	}
}

// learn collects all facts, in parallel if they don't depend on each other. It
// only returns errors of usage; facts that can't be determined leave a gap.
func (x *examination) learn(ctx context.Context) error {
	x.facts.Gaps = map[check.Need]check.Gap{
		check.NeedProbe: {Status: check.Skip, Reason: "only with --probe"},
		check.NeedWeb:   {Status: check.Skip, Reason: "only with --online"},
		check.NeedCloud: {Status: check.Skip, Reason: "only with --online"},
	}
	if err := x.profile(); err != nil {
		return err
	}
	file := x.o.isFile()
	if file {
		if err := x.file(); err != nil {
			return err
		}
	}
	sel, err := x.o.f.selector(&x.o.phone)
	if err != nil {
		return err
	}
	if sel.All {
		return exit.Usagef("choose one with --device", "doctor checks one phone")
	}
	sel.Single = true
	var parts []part
	if file && !x.o.phoneChosen {
		x.gap("no phone was checked, only the file", check.Skip, check.NeedHost, check.NeedPhone)
	} else {
		needs := []check.Need{check.NeedHost, check.NeedPhone}
		if !file {
			needs = append(needs, check.NeedApp)
		}
		parts = append(parts, part{
			"the phone", needs,
			func(own context.Context) (func(), error) { return x.onPhone(own, ctx, sel, file) },
			func(err error) { x.noPhone = err },
		})
	}
	if x.o.online && x.o.wants(check.NeedCloud) {
		parts = append(parts, part{"WeChat's server", []check.Need{check.NeedCloud}, x.cloud, nil})
	}
	x.together(ctx, parts...)
	if e := (*device.Error)(nil); errors.As(x.noPhone, &e) && e.Code == device.Usage {
		return x.noPhone
	}
	if x.o.online && x.o.wants(check.NeedWeb) && x.facts.Platform == string(device.IOS) {
		x.together(ctx, part{"the website", []check.Need{check.NeedWeb}, x.website, nil})
	}
	return nil
}

func (x *examination) gap(reason string, status check.Status, needs ...check.Need) {
	for _, n := range needs {
		x.facts.Gaps[n] = check.Gap{Status: status, Reason: reason}
	}
}

// part is a source of facts. learn returns a function that stores them, which
// is called when all parts have ended.
type part struct {
	name   string
	needs  []check.Need
	learn  func(context.Context) (put func(), err error)
	failed func(error) // nil: a gap is enough
}

// together runs parts in parallel, each within groupTime. One that does not end
// in time, or panics, leaves a gap and doesn't affect the others.
func (x *examination) together(ctx context.Context, parts ...part) {
	type answer struct {
		put func()
		err error
	}
	puts := make([]func(), len(parts))
	var wg sync.WaitGroup
	for i, p := range parts {
		wg.Go(func() {
			own, cancel := context.WithTimeout(ctx, groupTime)
			defer cancel()
			done := make(chan answer, 1)
			go func() {
				defer func() {
					if r := recover(); r != nil {
						done <- answer{err: fmt.Errorf("it failed within wxctl: %v", r)}
					}
				}()
				put, err := p.learn(own)
				done <- answer{put, err}
			}()
			var a answer
			select {
			case a = <-done:
			case <-time.After(groupTime + time.Second): // for parts that ignore their deadline
				a.err = context.DeadlineExceeded
			}
			puts[i] = func() {
				if a.err != nil {
					reason := describe(a.err).Message
					if errors.Is(a.err, context.DeadlineExceeded) {
						reason = fmt.Sprintf("%s did not answer within %v", p.name, groupTime)
					}
					x.gap(reason, check.Unknown, p.needs...)
					if p.failed != nil {
						p.failed(a.err)
					}
				} else {
					for _, n := range p.needs {
						delete(x.facts.Gaps, n)
					}
				}
				if a.put != nil {
					a.put()
				}
			}
		})
	}
	wg.Wait()
	for _, put := range puts {
		put()
	}
}

// profile stores what the profile says is registered.
func (x *examination) profile() error {
	f := x.o.f
	name, err := f.Profile()
	if err != nil {
		return err
	}
	x.facts.Profile.Name = name
	c, err := f.Config()
	if err != nil {
		return err
	}
	programs := ""
	for key, to := range map[string]*string{
		"app-id": &x.facts.Profile.AppID, "package": &x.facts.Profile.Package, "bundle-id": &x.facts.Profile.BundleID,
		"android-md5": &x.facts.Profile.MD5, "team-id": &x.facts.Profile.Team, "universal-link": &x.facts.Profile.UniversalLink,
		"mini-programs": &programs,
	} {
		s, err := c.Lookup(key, name, f.Getenv) // whatever it is worth
		if err != nil {
			return err
		}
		*to = s.Value
	}
	if programs != "" {
		x.facts.Profile.MiniPrograms = strings.Split(programs, ",")
	}
	x.ignored = c.File.Profiles[name].Ignored()
	for id := range x.ignored {
		if _, ok := check.Find(id); !ok {
			f.Streams.Warn("the profile %s ignores the check %q, which does not exist", name, safe(id))
		}
	}
	return nil
}

// file reads the file that was given.
func (x *examination) file() error {
	app, platform, err := readAppFile(x.o.target, x.o.f.Now())
	if err != nil {
		return err
	}
	x.facts.App, x.facts.Platform = app, string(platform)
	return nil
}

// readAppFile reads an app's file, of the kind that its name shows.
func readAppFile(name string, now time.Time) (check.App, device.Platform, error) {
	wrong := func(err error) (check.App, device.Platform, error) {
		return check.App{}, "", exit.Usagef("use an .apk, .ipa, .apks or .xapk file", "%q can't be read: %s", name,
			device.Sentence(err.Error()))
	}
	file, err := files.Open(name)
	if err != nil {
		var pathErr *os.PathError
		if errors.As(err, &pathErr) {
			err = pathErr.Err
		}
		return wrong(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return wrong(err)
	}
	base := filepath.Base(name)
	switch strings.ToLower(filepath.Ext(name)) {
	case ".ipa":
		f, err := ipa.Open(file, info.Size())
		if err != nil {
			return wrong(err)
		}
		return ios.FileFacts(f, base, now), device.IOS, nil
	case ".aab", ".apks", ".xapk", ".apkm":
		f, err := apk.OpenSet(file, info.Size())
		if err != nil {
			return wrong(err)
		}
		return android.FileFacts(f, base), device.Android, nil
	}
	f, err := apk.Open(file, info.Size())
	if errors.Is(err, apk.ErrNotAPK) { // by its name; an .ipa may be called .zip
		if i, err := ipa.Open(file, info.Size()); err == nil {
			return ios.FileFacts(i, base, now), device.IOS, nil
		}
		if set, err := apk.OpenSet(file, info.Size()); err == nil {
			return android.FileFacts(set, base), device.Android, nil
		}
	}
	if err != nil {
		return wrong(err)
	}
	return android.FileFacts(f, base), device.Android, nil
}

// onPhone finds the phone and collects its facts. The phone stays open for the
// whole command.
func (x *examination) onPhone(ctx, whole context.Context, sel device.Selector, file bool) (func(), error) {
	f := x.o.f
	if file {
		sel.Platform = device.Platform(x.facts.Platform)
	}
	fleet, closePhones, err := f.Phones(whole, f, &x.o.phone, sel)
	if err != nil {
		return nil, err
	}
	x.later(closePhones)
	found, listErr := fleet.Discover(ctx, sel.Text)
	chosen, err := device.Select(found.Phones, sel)
	if err != nil {
		if listErr != nil {
			err = listErr
		} else if len(found.Phones) == 0 && len(found.Absent) > 0 && len(found.Absent) == len(fleet.Backends) {
			err = found.Absent[0]
		}
		return x.withoutPhone(found, err), nil
	}
	info := chosen.Phones[0]
	phone, err := fleet.OpenBeside(ctx, info)
	if err != nil {
		return x.withoutPhone(found, err), nil
	}
	x.later(func() { phone.Close() })
	examiner, ok := device.As[device.Examiner](phone)
	if !ok {
		return nil, device.Errorf(device.Refused, "apps on %s phones can't be inspected", info.Platform)
	}
	id := device.AppIdentity{Package: cmp.Or(x.facts.Profile.Package), BundleID: x.facts.Profile.BundleID}
	switch {
	case file:
		id.Package, id.BundleID = x.facts.App.Package, x.facts.App.Package
	case x.o.target != "":
		id.Package, id.BundleID = x.o.target, x.o.target
	}
	facts, err := examiner.Examine(ctx, id, x.o.phone.user())
	return func() {
		x.info, x.phone = info, phone
		x.facts.Phone.State = string(device.Ready)
		if err == nil {
			x.take(facts, file)
			return
		}
		x.facts.Platform = cmp.Or(x.facts.Platform, string(info.Platform))
		delete(x.facts.Gaps, check.NeedHost)
	}, err
}

// take stores the phone's facts.
func (x *examination) take(facts *check.Facts, file bool) {
	x.facts.Platform, x.facts.Phone, x.facts.WeChat = facts.Platform, facts.Phone, facts.WeChat
	if !file {
		x.facts.App = facts.App
		return
	}
	installed := facts.App
	x.facts.Installed, x.facts.App.Claims, x.facts.App.Installer = &installed, installed.Claims, ""
}

// withoutPhone records that no phone could be chosen, and why.
func (x *examination) withoutPhone(found device.Found, err error) func() {
	return func() {
		x.noPhone = err
		for _, e := range found.Absent {
			x.facts.Host.Absent = append(x.facts.Host.Absent, check.Absent{Message: e.Message, Hint: e.Hint})
		}
		if len(found.Phones) > 0 {
			x.facts.Host.Absent = nil // a server has answered
		}
		for _, c := range device.AsError(err).Candidates {
			if c.Matched && c.State != device.Ready {
				x.facts.Phone = check.Phone{Name: device.Printable(cmp.Or(c.Name, c.Model, c.ID)), State: string(c.State), Fix: c.Fix}
				x.facts.Platform = cmp.Or(x.facts.Platform, string(c.Platform))
			}
		}
		needs := []check.Need{check.NeedPhone}
		if x.facts.App.Package == "" {
			needs = append(needs, check.NeedApp)
		}
		x.gap("there is no phone to ask: "+device.AsError(err).Message, check.Unknown, needs...)
	}
}

// cloud asks WeChat's server to exchange an invalid code.
func (x *examination) cloud(ctx context.Context) (func(), error) {
	account, err := x.o.auth.account(oauth.OpExchange)
	if err != nil {
		return func() { x.gap("the profile has no app-id", check.Skip, check.NeedCloud) }, nil
	}
	client, err := x.o.auth.client(account.AppID)
	if err != nil {
		return nil, err
	}
	if client.Secret.IsZero() {
		store, err := x.o.f.Credentials(x.o.auth.store)
		if err != nil {
			return nil, err
		}
		if client.Secret, _, err = store.Secret(ctx, account); err != nil || client.Secret.IsZero() {
			return func() {
				x.gap("no AppSecret: set WXCTL_APP_SECRET, or keep it with wxctl auth exchange --save-secret", check.Skip, check.NeedCloud)
			}, nil
		}
	}
	_, err = client.Exchange(ctx, oauth.NewSecret("wxctl-doctor-made-this-up"))
	var refused *oauth.Error
	if !errors.As(err, &refused) || refused.Kind != oauth.KindErrcode {
		return nil, err
	}
	base, err := oauth.ParseBaseURL(x.o.auth.baseURL)
	if err != nil {
		return nil, err
	}
	return func() {
		x.facts.Profile.AppID = account.AppID
		x.facts.Cloud = check.Cloud{Source: base.Host(), ErrCode: refused.Code, Message: refused.Message}
	}, nil
}

// website checks the site of the universal link and Apple's copy.
func (x *examination) website(ctx context.Context) (func(), error) {
	p, app := x.facts.Profile, x.facts.App
	team, bundle, appID := cmp.Or(p.Team, app.Team), cmp.Or(p.BundleID, app.Package), p.AppID
	if appID == "" && len(check.AppIDs(app.Schemes)) == 1 {
		appID = check.AppIDs(app.Schemes)[0]
	}
	link, err := url.Parse(p.UniversalLink)
	skip := func(reason string) (func(), error) {
		return func() { x.gap(reason, check.Skip, check.NeedWeb) }, nil
	}
	switch {
	case p.UniversalLink == "":
		return skip("the profile has no universal-link")
	case err != nil || link.Host == "":
		return skip("see profile.link.form")
	case team == "":
		return skip("the team id is not known: wxctl config set team-id TEAM")
	case bundle == "" || appID == "":
		return skip("the app is not known: wxctl config set bundle-id NAME, wxctl config set app-id wx…")
	}
	client, err := x.o.f.websites()
	if err != nil {
		return nil, err
	}
	defer client.CloseIdleConnections()
	web := check.Web{AppID: team + "." + bundle, URLs: check.LinkURLs(p.UniversalLink, appID)}
	if team == app.Team && strings.HasSuffix(app.AppID, "."+bundle) {
		web.AppID = app.AppID // whose prefix is not always the team
	}
	web.Site, web.Apple = universallink.Look(ctx, client, link.Host, web.AppID, web.URLs)
	return func() {
		x.facts.Web = web
	}, nil
}

// websites is the client for association files. WXCTL_AASA_BASE names a server
// on this computer that replaces all websites, for testing a site before it is
// public; its certificate must be for the site's own host.
func (f *Factory) websites() (*http.Client, error) {
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: universallink.Patience,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: f.WebRoots},
	}
	if base := f.Getenv("WXCTL_AASA_BASE"); base != "" {
		u, err := url.Parse(base)
		if err != nil || u.Scheme != "https" || u.Port() == "" || !net.ParseIP(u.Hostname()).IsLoopback() {
			return nil, exit.Usagef("use https://127.0.0.1:PORT", "invalid WXCTL_AASA_BASE %q", base)
		}
		transport.Proxy = nil
		transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, u.Host)
		}
	}
	return &http.Client{Transport: transport}, nil
}
