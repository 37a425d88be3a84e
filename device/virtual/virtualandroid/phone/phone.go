// Package phone models an Android phone in memory: its system properties,
// users, packages, files, activity stack and logs, with the rules by which
// Android itself decides what may be started, read or written. The interfaces
// for people and programs (a shell, the adb protocol) are in packages shell and
// adb; the behavior of its apps is in their App.
//
// A Phone is safe for use by several goroutines.
package phone

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"
)

// The range of API levels that the model supports.
const (
	MinAPI = 24
	MaxAPI = 37
)

// Options describe the phone to make. The zero value is a phone of API 34
// with one user, unlocked and awake.
type Options struct {
	API        int // 24..37; 0 means 34
	Serial     string
	Model      string
	Brand      string
	Device     string
	Product    string
	Users      []User            // none means only the owner
	Properties map[string]string // over the usual ones
	NoInput    bool              // the shell may press no keys (INJECT_EVENTS)
	Quiet      bool              // the log keeps nothing that apps write
	Locked     bool              // the keyguard is up
	Asleep     bool              // the screen is off
	Now        func() time.Time  // the phone's clock; nil means the host's
}

// An App is the code of an installed package. Its methods, and those of the
// optional interfaces, are called without a lock, and may call the Phone.
type App interface {
	// Launched is called on the phone's own looper after an activity of the
	// package started, and again for each new intent that it gets. The context
	// ends when the phone is closed.
	Launched(ctx context.Context, p *Phone, a Activity, in Intent)
}

// A Provider is an App that answers content queries to its providers.
type Provider interface {
	Query(ctx context.Context, p *Phone, q Query) (*Cursor, error)
}

// A Describer is an App whose activities describe themselves for dumpsys, which
// their main thread does.
type Describer interface {
	Describe(ctx context.Context, p *Phone, a Activity)
}

// A Command is one command line to run in the phone's shell.
type Command struct {
	Line   string // as sh -c gets it; empty means a shell that reads Stdin
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	TTY    bool // on a terminal
}

// A Shell runs command lines on a phone; package shell has the only one.
type Shell interface {
	Exec(ctx context.Context, p *Phone, c Command) int
}

// A Program is something a person can start with app_process: the class is
// its name, and it is found in the dex files of the class path.
type Program interface {
	// Run runs main(args) and returns the exit code.
	Run(ctx context.Context, p *Phone, e ProgramEnv) int
}

// ProgramEnv is what a Program started with.
type ProgramEnv struct {
	Class     string
	Args      []string
	ClassPath []string // absolute paths
	UID, PID  int
	Env       map[string]string
	Stdin     io.Reader
	Stdout    io.Writer
	Stderr    io.Writer
}

// Phone is one virtual Android phone.
type Phone struct {
	API  int
	FS   *FS
	Log  *Log
	now  func() time.Time
	boot time.Time

	mu       sync.Mutex
	props    map[string]string
	users    []User
	current  int // user in the foreground
	packages map[string]*installed
	procs    map[int]*Process
	nextPID  int
	tasks    []*task // bottom to top
	ended    []*task // without activities, as the overview shows them; the oldest first
	nextTask int
	tokens   *rand.Rand
	locked   bool
	asleep   bool
	programs map[string]Program
	shell    Shell
	display  Display
	noInput  bool
	chooser  string // activity that asks which of two apps to use
	asks     func(q StartRequest, pkg string) bool

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	life   sync.Mutex // guards closed, so that nothing is started after it
	closed bool
	looper Looper
}

// New makes a phone that has booted: the system's packages are installed and
// the launcher is on top. Close it when done.
func New(o Options) (*Phone, error) {
	o.API = cmp.Or(o.API, 34)
	if o.API < MinAPI || o.API > MaxAPI {
		return nil, fmt.Errorf("no such API level here: %d (there are %d to %d)", o.API, MinAPI, MaxAPI)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if len(o.Users) == 0 {
		o.Users = []User{Owner(o.API)}
	}
	if !slices.ContainsFunc(o.Users, func(u User) bool { return u.ID == 0 }) {
		return nil, fmt.Errorf("a phone has a user 0")
	}
	p := &Phone{
		API: o.API, now: o.Now, boot: o.Now(), Log: newLog(), FS: newFS(o.Now),
		users: slices.Clone(o.Users), packages: map[string]*installed{}, procs: map[int]*Process{},
		nextPID: 4211, nextTask: 1, locked: o.Locked, asleep: o.Asleep,
		programs: map[string]Program{}, noInput: o.NoInput,
	}
	p.Log.quiet = o.Quiet
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.props = properties(o)
	seed := uint64(0)
	for _, c := range p.props["ro.serialno"] {
		seed = seed*131 + uint64(c)
	}
	p.tokens = rand.New(rand.NewPCG(seed, uint64(o.API)))
	p.layout()
	p.installSystem()
	p.bootProcesses()
	p.startHome()
	return p, nil
}

// Close ends what runs on the phone and waits for it.
func (p *Phone) Close() error {
	p.life.Lock()
	p.closed = true
	p.life.Unlock()
	p.cancel()
	p.wg.Wait()
	return nil
}

// spawn runs f on a goroutine that Close waits for, unless the phone was closed.
func (p *Phone) spawn(f func()) bool {
	p.life.Lock()
	defer p.life.Unlock()
	if p.closed {
		return false
	}
	p.wg.Go(f)
	return true
}

// Now is the time on the phone's clock.
func (p *Phone) Now() time.Time { return p.now() }

// Uptime is how long the phone has been up.
func (p *Phone) Uptime() time.Duration { return p.now().Sub(p.boot) }

// Property returns a system property, empty if there is none.
func (p *Phone) Property(name string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.props[name]
}

// Properties returns a copy of all system properties.
func (p *Phone) Properties() map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.props)
}

// CurrentUser is the user in the foreground.
func (p *Phone) CurrentUser() int { p.mu.Lock(); defer p.mu.Unlock(); return p.current }

// Locked reports whether the keyguard shows; Asleep whether the screen is off.
func (p *Phone) Locked() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.locked }

// Asleep reports whether the screen is off.
func (p *Phone) Asleep() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.asleep }

// NoInput reports whether the shell may press no keys.
func (p *Phone) NoInput() bool { return p.noInput }

// SetChooser sets the activity that is started instead of one for which asks
// returns true. asks is called with the phone's mutex held.
func (p *Phone) SetChooser(activity string, asks func(q StartRequest, pkg string) bool) {
	p.mu.Lock()
	p.chooser, p.asks = activity, asks
	p.mu.Unlock()
}

// SetLocked raises or dismisses the keyguard.
func (p *Phone) SetLocked(on bool) { p.mu.Lock(); p.locked = on; p.mu.Unlock() }

// SetAsleep turns the screen off or on.
func (p *Phone) SetAsleep(on bool) { p.mu.Lock(); p.asleep = on; p.mu.Unlock() }

// SetShell sets the shell that Exec uses.
func (p *Phone) SetShell(s Shell) { p.mu.Lock(); p.shell = s; p.mu.Unlock() }

// Exec runs a command line and returns its exit code. Without a shell it is
// 127, as when /system/bin/sh were missing.
func (p *Phone) Exec(ctx context.Context, c Command) int {
	p.mu.Lock()
	sh := p.shell
	p.mu.Unlock()
	if sh == nil {
		return 127
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.ctx, cancel)()
	return sh.Exec(ctx, p, c)
}

// RegisterProgram registers a class that app_process can start, by its full
// name. The Program decides in which dex it is.
func (p *Phone) RegisterProgram(class string, run Program) {
	p.mu.Lock()
	p.programs[class] = run
	p.mu.Unlock()
}

// Program returns the registered Program of a class, or nil.
func (p *Phone) Program(class string) Program {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.programs[class]
}

// Go runs f on its own goroutine until the phone is closed; Close waits for it.
func (p *Phone) Go(f func(ctx context.Context)) {
	p.spawn(func() { f(p.ctx) })
}

// After runs f on the looper once d has passed, unless the phone is closed
// before.
func (p *Phone) After(d time.Duration, f func(ctx context.Context)) {
	p.Go(func(ctx context.Context) {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
			p.Post(f)
		case <-ctx.Done():
		}
	})
}

// Post runs f on the phone's looper.
func (p *Phone) Post(f func(ctx context.Context)) {
	p.looper.Post(p.spawn, func() {
		if p.ctx.Err() == nil {
			f(p.ctx)
		}
	})
}

// Settle waits until the looper has run all that was posted.
func (p *Phone) Settle(ctx context.Context) error {
	for {
		p.looper.mu.Lock()
		running, idle := p.looper.running, p.looper.idle
		p.looper.mu.Unlock()
		if !running {
			return nil
		}
		select {
		case <-idle:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// A Looper runs what is posted to it one after the other, as an app's main
// thread does. It has a goroutine only while there is work. Its zero value is
// ready.
type Looper struct {
	mu      sync.Mutex
	queue   []func()
	running bool
	idle    chan struct{}
}

// Post hands f to the looper, which runs it in a goroutine that spawn starts. It
// reports whether spawn still starts any.
func (l *Looper) Post(spawn func(func()) bool, f func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue = append(l.queue, f)
	if l.running {
		return true
	}
	l.running, l.idle = true, make(chan struct{})
	if !spawn(l.loop) {
		l.end()
	}
	return l.running
}

// end stops the looper. Called with its lock held.
func (l *Looper) end() {
	l.running, l.queue = false, nil
	close(l.idle)
}

// loop runs posted functions until there are no more.
func (l *Looper) loop() {
	for {
		l.mu.Lock()
		if len(l.queue) == 0 {
			l.end()
			l.mu.Unlock()
			return
		}
		f := l.queue[0]
		l.queue = l.queue[1:]
		l.mu.Unlock()
		f()
	}
}

func properties(o Options) map[string]string {
	api := strconv.Itoa(o.API)
	device := cmp.Or(o.Device, "wxctl")
	product := cmp.Or(o.Product, "sdk_wxctl")
	brand := cmp.Or(o.Brand, "wxctl")
	release := Release(o.API)
	id := "WX" + api + ".001"
	props := map[string]string{
		"ro.build.version.sdk":            api,
		"ro.build.version.release":        release,
		"ro.build.version.codename":       "REL",
		"ro.build.version.incremental":    "1",
		"ro.build.version.security_patch": "2024-01-05",
		"ro.build.id":                     id,
		"ro.build.display.id":             id,
		"ro.build.type":                   "user",
		"ro.build.tags":                   "release-keys",
		"ro.build.fingerprint":            fmt.Sprintf("%s/%s/%s:%s/%s/1:user/release-keys", brand, product, device, release, id),
		"ro.product.model":                cmp.Or(o.Model, "Virtual Phone"),
		"ro.product.brand":                brand,
		"ro.product.manufacturer":         brand,
		"ro.product.device":               device,
		"ro.product.name":                 product,
		"ro.product.board":                "wxctl",
		"ro.wxctl.film":                   "gif", // the format of screenrecord's files
		"ro.product.cpu.abi":              "arm64-v8a",
		"ro.product.cpu.abilist":          "arm64-v8a,armeabi-v7a,armeabi",
		"ro.product.cpu.abilist64":        "arm64-v8a",
		"ro.product.cpu.abilist32":        "armeabi-v7a,armeabi",
		"ro.product.locale":               "en-US",
		"ro.serialno":                     cmp.Or(o.Serial, "WXCTL0001"),
		"ro.boot.serialno":                cmp.Or(o.Serial, "WXCTL0001"),
		"ro.hardware":                     "wxctl",
		"ro.debuggable":                   "0",
		"ro.secure":                       "1",
		"ro.adb.secure":                   "1",
		"ro.crypto.state":                 "encrypted",
		"ro.crypto.type":                  "file",
		"ro.zygote":                       "zygote64_32",
		"sys.boot_completed":              "1",
		"dev.bootcomplete":                "1",
		"init.svc.adbd":                   "running",
		"init.svc.zygote":                 "running",
		"persist.sys.timezone":            "GMT",
		"persist.sys.locale":              "en-US",
		"service.bootanim.exit":           "1",
		"net.bt.name":                     "Android",
	}
	maps.Copy(props, o.Properties)
	return props
}

// Release is the Android version of an API level, as ro.build.version.release
// spells it.
func Release(api int) string {
	early := map[int]string{24: "7.0", 25: "7.1.1", 26: "8.0.0", 27: "8.1.0", 28: "9", 29: "10", 30: "11", 31: "12", 32: "12"}
	return cmp.Or(early[api], strconv.Itoa(api-20))
}
