// Package idevice is the virtual iPhone itself: what is installed and runs on
// it, what is in front, which URL opens which app, its log, its pasteboard, and
// whether it is locked and trusts a computer. How computers reach it is told by
// the packages around it.
//
// What apps do is their [Code], which runs on one goroutine of the phone, one
// call after the other.
package idevice

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Trust says whether the phone trusts the computer.
type Trust int

// The kinds of trust. TrustPending asks its user, who has not answered yet.
const (
	Trusted Trust = iota
	Untrusted
	TrustPending
	TrustDenied
)

// Options say which phone it is. The zero value is an unlocked, trusting
// iPhone with developer mode and its image.
type Options struct {
	UDID        string // "" is DefaultUDID(0)
	Name        string // "" is "Virtual iPhone"
	IOS         string // "" is 17.5
	ProductType string // "" is iPhone14,2
	Locked      bool
	Trust       Trust
	// NoDeveloperMode switches developer mode off (iOS 16 and later), NoImage
	// leaves the developer disk image unmounted.
	NoDeveloperMode, NoImage bool
}

// DefaultUDID is the UDID of the n-th virtual phone, in the form of those of
// iPhones since 2018: chip, and its own number.
func DefaultUDID(n int) string { return fmt.Sprintf("00008110-%016X", 0x000A1B2C3D4E5F60+n) }

// ParseIOS reads a version of iOS, such as 17.5 or 16.7.2, and returns its
// numbers.
func ParseIOS(text string) (major, minor int, err error) {
	parts := strings.Split(text, ".")
	var n [3]int
	ok := len(parts) == 2 || len(parts) == 3 || len(parts) == 1
	for i := 0; ok && i < len(parts); i++ {
		n[i], err = strconv.Atoi(parts[i])
		ok = err == nil && n[i] >= 0 && n[i] <= 99 && parts[i] == strconv.Itoa(n[i])
	}
	known := n[0] >= 9 && n[0] <= 18 || n[0] == 26 || n[0] == 27
	if !ok || !known || n[1] > 9 {
		return 0, 0, fmt.Errorf("unknown iOS version %q: use 9.0 to 18.9, 26 or 27, such as 17.5", text)
	}
	return n[0], n[1], nil
}

// Phone is a virtual iPhone that has booted. It is safe for use by several
// goroutines.
type Phone struct {
	udid, name, ios, product string
	major, minor             int
	noDeveloperMode, noImage bool

	ctx    context.Context
	cancel context.CancelFunc
	served sync.WaitGroup
	queue  queue
	log    logBuffer

	mu         sync.Mutex
	locked     bool
	trust      Trust
	hosts      map[string]bool // HostIDs that the phone trusts
	apps       map[string]*App
	procs      map[int]*Process
	front      int // pid of the app on the screen
	nextPID    int
	pasteboard map[string][]byte
}

// New boots a phone with the system's own apps on it. Close it when done.
func New(o Options) (*Phone, error) {
	if o.UDID == "" {
		o.UDID = DefaultUDID(0)
	}
	if o.Name == "" {
		o.Name = "Virtual iPhone"
	}
	if o.IOS == "" {
		o.IOS = "17.5"
	}
	if o.ProductType == "" {
		o.ProductType = "iPhone14,2"
	}
	major, minor, err := ParseIOS(o.IOS)
	if err != nil {
		return nil, err
	}
	p := &Phone{
		udid: o.UDID, name: o.Name, ios: o.IOS, product: o.ProductType, major: major, minor: minor,
		noDeveloperMode: o.NoDeveloperMode && major >= 16, noImage: o.NoImage, locked: o.Locked, trust: o.Trust,
		hosts: map[string]bool{}, apps: map[string]*App{}, procs: map[int]*Process{}, nextPID: firstAppPID,
		pasteboard: map[string][]byte{},
	}
	p.log.changed = make(chan struct{})
	for _, app := range systemApps(o.IOS) {
		p.Install(app)
	}
	for pid, path := range daemons() {
		p.procs[pid] = &Process{PID: pid, Path: path, Name: path[strings.LastIndexByte(path, '/')+1:]}
	}
	board := &Process{PID: springBoardPID, BundleID: SpringBoard, Name: "SpringBoard", Path: p.apps[SpringBoard].Executable()}
	p.procs[springBoardPID], p.front = board, springBoardPID
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.queue.wake = make(chan struct{}, 1)
	p.served.Go(func() { p.queue.run(p.ctx) })
	return p, nil
}

// Close ends what runs on the phone and waits for it.
func (p *Phone) Close() error {
	p.cancel()
	p.served.Wait()
	return nil
}

// UDID is the phone's own number, by which computers know it.
func (p *Phone) UDID() string { return p.udid }

// Name is the name that its owner gave the phone.
func (p *Phone) Name() string { return p.name }

// IOS is its version, such as 17.5, and Version the first two numbers of it.
func (p *Phone) IOS() string { return p.ios }

// Version is the major and minor version of iOS.
func (p *Phone) Version() (major, minor int) { return p.major, p.minor }

// ProductType is Apple's name of the model, such as iPhone14,2.
func (p *Phone) ProductType() string { return p.product }

// Build is the build number of its iOS, in the form of Apple's.
func (p *Phone) Build() string {
	train := p.major + 4 // 21 is iOS 17
	if p.major >= 26 {
		train = p.major - 3
	}
	return fmt.Sprintf("%d%c79", train, 'A'+p.minor)
}

// Post runs f on the phone's goroutine, after earlier posts.
func (p *Phone) Post(f func()) { p.queue.add(f) }

// After runs f on the phone's goroutine after a delay.
func (p *Phone) After(d time.Duration, f func()) {
	p.served.Go(func() {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			p.Post(f)
		case <-p.ctx.Done():
		}
	})
}

// Locked reports whether the phone asks for its code.
func (p *Phone) Locked() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.locked
}

// SetLocked locks or unlocks the phone.
func (p *Phone) SetLocked(locked bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.locked = locked
}

// DeveloperMode reports whether developer mode is on; before iOS 16 there is no
// such mode, and it always is.
func (p *Phone) DeveloperMode() bool { return !p.noDeveloperMode }

// Image reports whether the developer disk image is mounted.
func (p *Phone) Image() bool { return !p.noImage }

// Trust says whether the phone trusts computers that it does not know yet.
func (p *Phone) Trust() Trust {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.trust
}

// SetTrust is its user's answer, or a change of mind. Anything but Trusted
// forgets the computers that the phone knows.
func (p *Phone) SetTrust(t Trust) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.trust = t; t != Trusted {
		clear(p.hosts)
	}
}

// TrustHost makes the phone trust a computer, by its HostID; ForgetHost undoes
// that.
func (p *Phone) TrustHost(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hosts[id] = true
}

// ForgetHost forgets that a computer was paired.
func (p *Phone) ForgetHost(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.hosts, id)
}

// Knows reports whether the phone trusts the computer of a HostID.
func (p *Phone) Knows(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hosts[id]
}

// SetPasteboard replaces what is on the general pasteboard: bytes by type.
func (p *Phone) SetPasteboard(items map[string][]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pasteboard = maps.Clone(items)
}

// Pasteboard is the content of the general pasteboard of a type; nil is nothing.
func (p *Phone) Pasteboard(kind string) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.pasteboard[kind])
}

// queue runs functions one after the other.
type queue struct {
	mu    sync.Mutex
	fs    []func()
	wake  chan struct{}
	ended bool
}

func (q *queue) add(f func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended {
		return
	}
	q.fs = append(q.fs, f)
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *queue) run(ctx context.Context) {
	for {
		select {
		case <-q.wake:
		case <-ctx.Done():
			q.mu.Lock()
			q.fs, q.ended = nil, true
			q.mu.Unlock()
			return
		}
		for ctx.Err() == nil {
			q.mu.Lock()
			fs := q.fs
			q.fs = nil
			q.mu.Unlock()
			if len(fs) == 0 {
				break
			}
			for _, f := range fs {
				f()
			}
		}
	}
}
