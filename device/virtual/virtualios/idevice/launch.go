package idevice

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Errors of Launch and OpenURL, for errors.Is.
var (
	// ErrLocked means that the phone must be unlocked first.
	ErrLocked = errors.New("Locked")
	// ErrNotInstalled means that the app is not on the phone.
	ErrNotInstalled = errors.New("is not installed")
	// ErrNoHandler means that no app opens the URL.
	ErrNoHandler = errors.New("no application is registered for the URL")
	// ErrNoProcess means that no process has the pid.
	ErrNoProcess = errors.New("no such process")
)

// Process is one that runs on the phone.
type Process struct {
	PID      int
	BundleID string // "" for a process that is not an app
	Name     string // of its executable
	Path     string // of its executable
	Args     []string
	Env      map[string]string
}

// Launch says how an app is to be launched.
type Launch struct {
	BundleID string
	Args     []string
	Env      map[string]string
	// URL is passed to the app, whatever its scheme; to SpringBoard it means
	// that the system opens it with the app that it belongs to.
	URL string
	// Activates brings the app to the front. Without it the app runs in the
	// background.
	Activates bool
	// Terminate ends a running process of the app first; without it that one is
	// used.
	Terminate bool
	// Suspended starts the process for a debugger, which never comes: its code
	// does not run.
	Suspended bool
	// Source is the bundle id of the requesting app; "" is a computer.
	Source string
}

const (
	springBoardPID = 58
	firstAppPID    = 412
)

func daemons() map[int]string {
	return map[int]string{
		1: "/sbin/launchd", 33: "/usr/libexec/logd", 36: "/usr/sbin/syslogd", 41: "/usr/libexec/lockdownd",
		47: "/usr/libexec/remoted", 92: "/System/Library/CoreServices/CoreDevice.framework/remoteserviced",
	}
}

// Launch starts an app, or uses its running process, and returns the process.
func (p *Phone) Launch(ctx context.Context, l Launch) (Process, error) {
	if err := ctx.Err(); err != nil {
		return Process{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	app := p.apps[l.BundleID]
	switch {
	case app == nil:
		return Process{}, fmt.Errorf("the application %q %w", l.BundleID, ErrNotInstalled)
	case l.BundleID == SpringBoard && l.URL != "":
		if _, err := p.open(l.URL, l.Source); err != nil {
			return Process{}, err
		}
		return *p.procs[springBoardPID], nil
	case p.locked && l.BundleID != SpringBoard:
		return Process{}, fmt.Errorf("unable to launch %s: %w", l.BundleID, ErrLocked)
	}
	return *p.launch(app, l), nil
}

// OpenURL opens a URL as a tap on it does: with the app that its scheme or its
// domain belongs to. source is the bundle id of who opens it, "" for a
// computer.
func (p *Phone) OpenURL(_ context.Context, link, source string) (Process, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pr, err := p.open(link, source)
	if err != nil {
		return Process{}, err
	}
	return *pr, nil
}

// OpenLink opens a universal link only if it belongs to an app other than a
// browser, as with UIApplicationOpenURLOptionUniversalLinksOnly.
func (p *Phone) OpenLink(_ context.Context, link, source string) (Process, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	app := p.linked(link)
	switch {
	case app == nil:
		return Process{}, fmt.Errorf("%w %s", ErrNoHandler, clip(link))
	case p.locked:
		return Process{}, fmt.Errorf("unable to open %s: %w", clip(link), ErrLocked)
	}
	return *p.launch(app, Launch{BundleID: app.BundleID, URL: link, Activates: true, Source: source}), nil
}

// CanOpen reports whether canOpenURL returns true for an app: the app lists the
// scheme, and some app declares it.
func (p *Phone) CanOpen(bundleID, scheme string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	app := p.apps[bundleID]
	return app != nil && slices.Contains(app.Queries, scheme) && p.handler(scheme) != nil
}

// open finds the app of a URL and passes the URL to it. p.mu is held.
func (p *Phone) open(link, source string) (*Process, error) {
	scheme, _, ok := strings.Cut(link, ":")
	if !ok {
		return nil, fmt.Errorf("%w %s", ErrNoHandler, clip(link))
	}
	app := p.linked(link)
	if app == nil {
		app = p.handler(scheme)
	}
	switch {
	case app == nil:
		return nil, fmt.Errorf("%w %s", ErrNoHandler, clip(link))
	case p.locked:
		return nil, fmt.Errorf("unable to open %s: %w", clip(link), ErrLocked)
	}
	return p.launch(app, Launch{BundleID: app.BundleID, URL: link, Activates: true, Source: source}), nil
}

// handler is the app that a scheme belongs to; if there are several, iOS does
// not define which; here it is the first by bundle id.
func (p *Phone) handler(scheme string) *App {
	for _, id := range slices.Sorted(maps.Keys(p.apps)) {
		if a := p.apps[id]; a.declares(scheme) {
			return a
		}
	}
	return nil
}

// linked is the app that an https URL belongs to as a universal link.
func (p *Phone) linked(link string) *App {
	u, err := url.Parse(link)
	if err != nil || !strings.EqualFold(u.Scheme, "https") {
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(p.apps)) {
		if a := p.apps[id]; a.associated(u.Hostname(), u.Path) {
			return a
		}
	}
	return nil
}

// launch runs an app; p.mu is held.
func (p *Phone) launch(app *App, l Launch) *Process {
	pr := p.running(app.BundleID)
	if pr != nil && l.Terminate && pr.PID != springBoardPID {
		p.end(pr.PID)
		pr = nil
	}
	fresh := pr == nil
	if fresh {
		p.nextPID++
		pr = &Process{PID: p.nextPID, BundleID: app.BundleID, Name: app.Name, Path: app.Executable(), Args: slices.Clone(l.Args),
			Env: maps.Clone(l.Env)}
		p.procs[pr.PID] = pr
	}
	if l.Activates {
		p.front = pr.PID
	}
	code, self := app.Code, *pr
	if code == nil || l.Suspended {
		return pr
	}
	if fresh {
		p.Post(func() {
			if p.Runs(self.PID) {
				code.Launched(p, self, l)
			}
		})
	}
	if l.URL != "" {
		p.Post(func() {
			if p.Runs(self.PID) {
				code.Opened(p, self, l.URL, l.Source)
			}
		})
	}
	return pr
}

// running is the process of an app; p.mu is held.
func (p *Phone) running(bundleID string) *Process {
	for _, pr := range p.procs {
		if pr.BundleID == bundleID {
			return pr
		}
	}
	return nil
}

// end ends a process; p.mu is held.
func (p *Phone) end(pid int) {
	delete(p.procs, pid)
	if p.front == pid {
		p.front = springBoardPID
	}
}

// Terminate ends a process. SpringBoard and the daemons stay.
func (p *Phone) Terminate(pid int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	pr := p.procs[pid]
	if pr == nil || pr.BundleID == "" || pid == springBoardPID {
		return fmt.Errorf("%w: %d", ErrNoProcess, pid)
	}
	p.end(pid)
	return nil
}

// Home goes to the home screen.
func (p *Phone) Home() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.front = springBoardPID
}

// Runs reports whether a process runs.
func (p *Phone) Runs(pid int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.procs[pid] != nil
}

// Front is the process of the app on the screen, SpringBoard if none is.
func (p *Phone) Front() Process {
	p.mu.Lock()
	defer p.mu.Unlock()
	return *p.procs[p.front]
}

// Process is that of an app; ok reports whether it runs.
func (p *Phone) Process(bundleID string) (pr Process, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if running := p.running(bundleID); running != nil {
		return *running, true
	}
	return Process{}, false
}

// Processes lists the running processes, by pid.
func (p *Phone) Processes() []Process {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]Process, 0, len(p.procs))
	for _, pid := range slices.Sorted(maps.Keys(p.procs)) {
		out = append(out, *p.procs[pid])
	}
	return out
}

// clip shortens text for a message: URLs carry whole pictures.
func clip(s string) string {
	const most = 60
	if len(s) > most {
		s = s[:most] + "…"
	}
	return fmt.Sprintf("%q", s)
}
