// Package virtualandroid assembles a virtual Android phone: the model of
// package phone with a demo app, WeChat, a media store and the agent on it,
// behind the protocols of package adb.
//
//	server, err := virtualandroid.Start(ctx, virtualandroid.Options{API: 33})
//	…
//	defer server.Close()
//	// an adb client at server.ADB finds the phone virtual-android
package virtualandroid

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/adb"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/errno"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/shell"
	"github.com/wxctl/wxctl/device/virtual/wechat"
)

// defaultSerial is the serial number of a virtual phone without a given one.
const defaultSerial = "virtual-android"

// Phone is a virtual phone. It is an adb.Device.
type Phone struct {
	adb.Signal
	// Model is the phone behind them: what a test reads and changes.
	Model *phone.Phone
	// How computers see it.
	serial  string
	latency time.Duration
	auth    *adb.Auth // nil accepts every computer

	display   display
	debuggees *debuggees
	mu        sync.Mutex
	state     adb.State
}

// New makes a phone that has booted, with the demo app and, unless the options
// say otherwise, WeChat on it. Close it when done.
func New(o Options) (*Phone, error) {
	if o.Serial == "" {
		o.Serial = defaultSerial
	}
	if o.WeChat == (wechat.Version{}) {
		o.WeChat = wechat.DefaultVersion()
	}
	if o.State == "" {
		o.State = adb.StateDevice
	}
	if o.API == 0 {
		o.API = 34
	}
	made := maker(o.Maker)
	model, err := phone.New(made.describe(phone.Options{API: o.API, Serial: o.Serial, Users: users(o), Locked: o.Locked, Asleep: o.Asleep}))
	if err != nil {
		return nil, err
	}
	media := &mediaStore{phone: model}
	p := &Phone{Model: model, serial: o.Serial, state: o.State, latency: o.Latency}
	if o.Keys {
		p.auth = &adb.Auth{}
	}
	model.Install(mediaProviderPackage(o.API), nil)
	debuggees := newDebuggees(model)
	debuggees.attached = o.Debugged
	p.debuggees = debuggees
	demo := demoPackage()
	if o.Release {
		release := *demo
		release.Debuggable = false
		demo = &release
	}
	if o.Hookless {
		demo = hookless(demo)
	}
	installDemo(model, demo, demoApp{debuggees, o.Fault == faultDeaf, o.Hookless}, o.Fault)
	var app *wechatApp
	if !o.Without {
		app = newWeChatApp(model, media, o)
		model.Install(wechatPackage(o.WeChat), app)
		for _, user := range model.Users() {
			state := model.PackageState(wechat.PackageName, user.ID)
			state.Suspended = o.Suspended
			if o.Disabled {
				state.Enabled = phone.DisabledUser
			}
			model.SetPackageState(wechat.PackageName, user.ID, state)
		}
	}
	made.finish(model, o)
	p.display = display{phone: model, wechat: app, chooser: strings.SplitN(made.chooser, "/", 2)[0]}
	model.SetDisplay(p.display)
	model.RegisterProgram(agent.Class, agentProgram{media: media, locked: o.NeverUnlocked})
	model.SetShell(shell.Shell{})
	if len(o.Agent) > 0 {
		if err := model.FS.WriteFile(phone.ShellCred(), agent.RemotePath(o.Agent), o.Agent, agent.Mode); err != nil {
			return nil, errors.Join(err, model.Close())
		}
	}
	if o.Full {
		model.FS.SetFree(0)
	}
	model.FS.SetReadOnly(o.ReadOnly)
	model.Go(p.watchProcesses)
	return p, nil
}

func users(o Options) []phone.User {
	list := []phone.User{phone.Owner(o.API)}
	for _, id := range o.Users {
		switch id {
		case 10:
			list = append(list, phone.WorkProfile(o.API))
		case 999:
			list = append(list, phone.Dual(o.API))
		default:
			list = append(list, phone.User{ID: id, Name: fmt.Sprintf("User %d", id), Flags: phone.UserInitialized | phone.UserFull})
		}
	}
	return list
}

// Close ends what runs on the phone.
func (p *Phone) Close() error {
	err := p.Model.Close()
	p.debuggees.sweep(nil)
	return err
}

// Serial implements adb.Device.
func (p *Phone) Serial() string { return p.serial }

// Identity implements adb.Device.
func (p *Phone) Identity() adb.Identity {
	return adb.Identity{
		Product: p.Model.Property("ro.product.name"),
		Model:   p.Model.Property("ro.product.model"),
		Device:  p.Model.Property("ro.product.device"),
	}
}

// State implements adb.Device.
func (p *Phone) State() adb.State {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state
}

// Exec implements adb.Device.
func (p *Phone) Exec(ctx context.Context, c phone.Command) int { return p.Model.Exec(ctx, c) }

// FS implements adb.Device.
func (p *Phone) FS() adb.FS { return files{p.Model.FS} }

// JDWP implements adb.Device.
func (p *Phone) JDWP() []int {
	var pids []int
	for _, process := range p.Model.Processes() {
		if process.Debuggable {
			pids = append(pids, process.PID)
		}
	}
	return pids
}

// watchProcesses notifies servers when there are other debuggable processes
// (track-jdwp): the events buffer shows when any starts or dies.
func (p *Phone) watchProcesses(ctx context.Context) {
	before := p.JDWP()
	after := uint64(0)
	for {
		entries, more := p.Model.Log.Read(after, phone.LogEvents)
		if len(entries) > 0 {
			after = entries[len(entries)-1].Seq
			if now := p.JDWP(); !slices.Equal(now, before) {
				before = now
				p.debuggees.sweep(now)
				p.Notify()
			}
		}
		select {
		case <-more:
		case <-ctx.Done():
			return
		}
	}
}

// files is the phone's file system as adb's sync service sees it: with the
// rights of the shell user.
type files struct{ *phone.FS }

func (f files) Stat(path string) (phone.Info, error) { return f.FS.Stat(phone.ShellCred(), abs(path)) }

func (f files) Lstat(path string) (phone.Info, error) {
	return f.FS.Lstat(phone.ShellCred(), abs(path))
}

func (f files) List(path string) ([]phone.Info, error) {
	return f.FS.List(phone.ShellCred(), abs(path))
}

func (f files) Open(path string) (io.ReadCloser, error) {
	file, err := f.FS.Open(phone.ShellCred(), abs(path))
	if err != nil {
		return nil, err
	}
	return file, nil
}

func (f files) Create(path string, perm uint32) (io.WriteCloser, error) {
	file, err := f.FS.OpenFile(phone.ShellCred(), abs(path), createExclusively, perm)
	if err != nil {
		return nil, err
	}
	return file, nil
}

func (f files) Mkdir(path string, perm uint32) error {
	return f.FS.Mkdir(phone.ShellCred(), abs(path), perm)
}

func (f files) Remove(path string) error {
	info, err := f.FS.Lstat(phone.ShellCred(), abs(path))
	if err == nil && info.IsDir() {
		return errno.EISDIR
	}
	return f.FS.Remove(phone.ShellCred(), abs(path))
}

func (f files) Chtimes(path string, mtime time.Time) error {
	return f.FS.Chtimes(phone.ShellCred(), abs(path), mtime)
}

func abs(path string) string { return phone.Clean("/", path) }
