package phone

import (
	"fmt"
	"maps"
	"slices"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/errno"
)

// A Process runs on the phone.
type Process struct {
	PID, PPID int
	UID       int
	Name      string
	Package   string // of an app
	// Debuggable processes accept a debugger (JDWP).
	Debuggable bool
}

// User is the user that the process belongs to.
func (p Process) User() int { return p.UID / PerUser }

const (
	zygotePID       = 612
	systemServerPID = 1361
	adbdPID         = 884
)

func (p *Phone) bootProcesses() {
	add := func(pid, ppid, uid int, name, pkg string) {
		p.procs[pid] = &Process{PID: pid, PPID: ppid, UID: uid, Name: name, Package: pkg}
	}
	add(1, 0, RootUID, "init", "")
	add(433, 1, 1036, "logd", "")
	add(434, 1, SystemUID, "servicemanager", "")
	add(zygotePID, 1, RootUID, "zygote64", "")
	add(701, 1, SystemUID, "surfaceflinger", "")
	add(adbdPID, 1, ShellUID, "adbd", "")
	add(systemServerPID, zygotePID, SystemUID, "system_server", "android")
	add(1622, zygotePID, 10027, "com.android.systemui", "com.android.systemui")
}

// Processes lists the running processes, by pid.
func (p *Phone) Processes() []Process {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]Process, 0, len(p.procs))
	for _, pr := range p.sortedProcs() {
		out = append(out, *pr)
	}
	return out
}

// Process finds a running process by name and uid; ok reports whether it runs.
func (p *Phone) Process(name string, uid int) (pr Process, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f := p.process(name, uid); f != nil {
		return *f, true
	}
	return Process{}, false
}

func (p *Phone) process(name string, uid int) *Process {
	for _, pr := range p.procs {
		if pr.Name == name && pr.UID == uid {
			return pr
		}
	}
	return nil
}

func (p *Phone) pid() int {
	p.nextPID += 1 + p.tokens.IntN(7)
	if p.nextPID >= 32768 {
		p.nextPID = 4211
	}
	for p.procs[p.nextPID] != nil {
		p.nextPID++
	}
	return p.nextPID
}

// Spawn starts a process that doesn't belong to an app (a command of the
// shell); Exit ends it.
func (p *Phone) Spawn(uid int, name string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	pid := p.pid()
	p.procs[pid] = &Process{PID: pid, PPID: adbdPID, UID: uid, Name: name}
	return pid
}

// Exit ends a process that Spawn started.
func (p *Phone) Exit(pid int) { p.mu.Lock(); delete(p.procs, pid); p.mu.Unlock() }

// startProcess makes sure that the package's process runs for a user, and
// reports whether it had to be started. Called with the lock held.
func (p *Phone) startProcess(it *installed, name string, user int, why, component string) (*Process, bool) {
	if name == "" {
		name = it.Name
	}
	uid := it.UID(user)
	if pr := p.process(name, uid); pr != nil {
		return pr, false
	}
	pr := &Process{PID: p.pid(), PPID: zygotePID, UID: uid, Name: name, Package: it.Name, Debuggable: it.Debuggable}
	p.procs[pr.PID] = pr
	p.event(evProcStart, user, pr.PID, uid, name, why, component)
	p.text(LogSystem, Information, "ActivityManager", fmt.Sprintf("Start proc %d:%s/%s for %s %s", pr.PID, name, UIDText(uid), why, component))
	p.event(evProcBound, user, pr.PID, name)
	s := it.users[user]
	s.Stopped, s.Launched = false, true
	it.users[user] = s
	return pr, true
}

// UIDText is UserHandle.formatUid.
func UIDText(uid int) string {
	if id := uid % PerUser; id >= FirstAppUID {
		return fmt.Sprintf("u%da%d", uid/PerUser, id-FirstAppUID)
	}
	if uid < PerUser {
		return fmt.Sprint(uid)
	}
	return fmt.Sprintf("u%ds%d", uid/PerUser, uid%PerUser)
}

// UserName is the name of a uid in ls and ps.
func UserName(uid int) string {
	if n, ok := userNames[uid]; ok {
		return n
	}
	if id := uid % PerUser; id >= FirstAppUID {
		return fmt.Sprintf("u%d_a%d", uid/PerUser, id-FirstAppUID)
	}
	return fmt.Sprint(uid)
}

// userNames are the names of the fixed ids (android_filesystem_config.h).
var userNames = map[int]string{RootUID: "root", SystemUID: "system", SDCardRW: "sdcard_rw", MediaRW: "media_rw", ShellUID: "shell",
	Everybody: "everybody", 1004: "input", 1007: "log", 1011: "adb", 1028: "sdcard_r", 1036: "logd", 1078: "ext_data_rw",
	1079: "ext_obb_rw",
	3001: "net_bt_admin", 3002: "net_bt", 3003: "inet", 3006: "net_bw_stats", 3009: "readproc", 3011: "uhid"}

// Kill ends a process if the caller may: only its own user, or root.
func (p *Phone) Kill(c Cred, pid int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	pr := p.procs[pid]
	switch {
	case pr == nil:
		return fmt.Errorf("No such process")
	case c.UID != RootUID && c.UID != pr.UID:
		return errno.EPERM
	}
	p.die(pr, "")
	return nil
}

// die removes a process and its activities. Called with the lock held.
func (p *Phone) die(pr *Process, reason string) {
	delete(p.procs, pr.PID)
	if pr.Package == "" {
		return
	}
	if reason != "" {
		p.event(evKill, pr.User(), pr.PID, pr.Name, 0, reason, int64(0))
		p.text(LogSystem, Information, "ActivityManager", fmt.Sprintf("Killing %d:%s/%s (adj 0): %s", pr.PID, pr.Name, UIDText(pr.UID), reason))
	}
	p.event(evProcDied, pr.User(), pr.PID, pr.Name, 0, 2)
	for _, t := range p.tasks {
		for _, r := range slices.Clone(t.records) {
			if r.pid == pr.PID {
				p.remove(t, r, "proc died without state saved")
			}
		}
	}
	p.sweep()
	p.resumeTop("")
}

// ForceStop kills a package's processes for a user and removes its tasks
// (user -1: all users).
func (p *Phone) ForceStop(pkg string, user int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	it := p.packages[pkg]
	if it == nil {
		return
	}
	p.text(LogSystem, Information, "ActivityManager", fmt.Sprintf("Force stopping %s appid=%d user=%d: from pid %d", pkg, it.AppID, user,
		adbdPID))
	for _, pr := range p.sortedProcs() {
		if pr.Package == pkg && (user < 0 || pr.User() == user) {
			p.die(pr, "stop "+pkg+" due to from pid "+fmt.Sprint(adbdPID))
		}
	}
	for id, s := range it.users {
		if user < 0 || id == user {
			s.Stopped = true
			it.users[id] = s
		}
	}
	for _, t := range p.tasks {
		for _, r := range slices.Clone(t.records) {
			if r.pkg == pkg && (user < 0 || r.user == user) {
				p.remove(t, r, "force-stop")
			}
		}
	}
	p.sweep()
	p.resumeTop("")
}

func (p *Phone) sortedProcs() []*Process {
	return slices.SortedFunc(maps.Values(p.procs), func(a, b *Process) int { return a.PID - b.PID })
}
