package phone

import (
	"context"
	"fmt"
	"slices"
	"strconv"
)

// An Activity is a screen that is, or was, on the phone.
type Activity struct {
	Token  int // identity of its record, as the logs print it
	User   int
	Task   int
	Root   bool // the first of its task
	Pkg    string
	Class  string // of the real activity, also if started by an alias
	Intent Intent // the last one delivered
	UID    int
	PID    int
	// The caller that started it.
	CallerUID int
	Caller    string // calling package
	Resumed   bool
}

// Component is package/class in full.
func (a Activity) Component() string { return a.Pkg + "/" + a.Class }

// Short is package/class as the system logs it.
func (a Activity) Short() string { return ShortComponent(a.Component()) }

// A Task is a stack of activities that belong together.
type Task struct {
	ID         int
	User       int
	Affinity   string
	Base       Intent
	Activities []Activity // bottom to top
}

type record struct {
	token      int
	user       int
	pkg, class string
	intent     Intent
	uid, pid   int
	callerUID  int
	caller     string
	state      recordState
	noHistory  bool
}

type recordState uint8

const (
	initializing recordState = iota
	resumed
	paused
	stopped
)

func (r *record) comp() string { return ShortComponent(r.pkg + "/" + r.class) }

type task struct {
	id       int
	user     int
	affinity string
	base     Intent
	recents  bool
	records  []*record
}

func (t *task) top() *record {
	if len(t.records) == 0 {
		return nil
	}
	return t.records[len(t.records)-1]
}

func (r *record) snapshot(t *task) Activity {
	return Activity{Token: r.token, User: r.user, Task: t.id, Root: t.records[0] == r, Pkg: r.pkg, Class: r.class,
		Intent: r.intent,
		UID:    r.uid, PID: r.pid, CallerUID: r.callerUID, Caller: r.caller, Resumed: r.state == resumed}
}

// Tasks lists the tasks, bottom to top.
func (p *Phone) Tasks() []Task {
	p.mu.Lock()
	defer p.mu.Unlock()
	return snapshots(p.tasks)
}

// RecentTasks lists the tasks and, before them, those whose activities have
// all ended and which the overview still shows.
func (p *Phone) RecentTasks() []Task {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append(snapshots(p.ended), snapshots(p.tasks)...)
}

func snapshots(tasks []*task) []Task {
	out := make([]Task, 0, len(tasks))
	for _, t := range tasks {
		s := Task{ID: t.id, User: t.user, Affinity: t.affinity, Base: t.base}
		for _, r := range t.records {
			s.Activities = append(s.Activities, r.snapshot(t))
		}
		out = append(out, s)
	}
	return out
}

// Top is the activity in front; ok is false if there is none.
func (p *Phone) Top() (a Activity, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t, r := p.top()
	if r == nil {
		return Activity{}, false
	}
	return r.snapshot(t), true
}

func (p *Phone) top() (*task, *record) {
	if len(p.tasks) == 0 {
		return nil, nil
	}
	t := p.tasks[len(p.tasks)-1]
	return t, t.top()
}

// Describe has an activity's app describe it, as dumpsys activity top does.
func (p *Phone) Describe(ctx context.Context, a Activity) {
	p.mu.Lock()
	var app App
	if it := p.packages[a.Pkg]; it != nil {
		app = it.app
	}
	p.mu.Unlock()
	if d, ok := app.(Describer); ok {
		d.Describe(ctx, p, a)
	}
}

// Activity finds an activity by token.
func (p *Phone) Activity(token int) (a Activity, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t, r := p.find(token); r != nil {
		return r.snapshot(t), true
	}
	return Activity{}, false
}

func (p *Phone) find(token int) (*task, *record) {
	for _, t := range p.tasks {
		for _, r := range t.records {
			if r.token == token {
				return t, r
			}
		}
	}
	return nil, nil
}

// Finish ends an activity, as its own finish() does; what is below comes to
// the front. It reports whether there was such an activity.
func (p *Phone) Finish(token int) bool { return p.finish(token, "app-request") }

func (p *Phone) finish(token int, reason string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	t, r := p.find(token)
	if r == nil {
		return false
	}
	front := r.state == resumed
	p.remove(t, r, reason)
	if front {
		p.logPaused(r)
	}
	p.sweep()
	p.resumeTop("")
	p.logDestroyed(t, r)
	return true
}

// remove takes a record out of its task. Called with the lock held.
func (p *Phone) remove(t *task, r *record, reason string) {
	p.event(evFinish, r.user, r.token, t.id, r.comp(), reason)
	t.records = slices.DeleteFunc(t.records, func(o *record) bool { return o == r })
	if r.state == resumed {
		p.event(evPause, r.user, r.token, r.comp(), "userLeaving=false", "finish")
	}
}

func (p *Phone) logPaused(r *record) {
	if p.procs[r.pid] == nil {
		return
	}
	if p.API >= 29 {
		p.eventBy(r.pid, r.uid, evTopLost, r.user, r.token, r.class, "topStateChangedWhenResumed")
	}
	p.eventBy(r.pid, r.uid, evOnPaused, r.user, r.token, r.class, "performPause", int64(1))
}

func (p *Phone) logDestroyed(t *task, r *record) {
	if p.procs[r.pid] == nil {
		return
	}
	p.event(evDestroy, r.user, r.token, t.id, r.comp(), "finish-imm:idle")
	p.eventBy(r.pid, r.uid, evOnStop, r.user, r.token, r.class, "LIFECYCLER_STOP_ACTIVITY", int64(1))
	p.eventBy(r.pid, r.uid, evOnDestroy, r.user, r.token, r.class, "performDestroy", int64(1))
}

// mostEnded is how many ended tasks are kept; AOSP keeps 48 on most phones
// (config.xml, ActivityTaskManager.getMaxRecentTasksStatic).
const mostEnded = 48

// sweep drops tasks without activities, except one for each affinity, which the
// overview keeps (RecentTasks.findRemoveIndexForAddTask). Called with the lock
// held.
func (p *Phone) sweep() {
	for _, t := range p.tasks {
		if len(t.records) > 0 || !t.recents {
			continue
		}
		p.ended = slices.DeleteFunc(p.ended, func(o *task) bool { return o.user == t.user && o.affinity == t.affinity })
		p.ended = append(p.ended, t)
		p.ended = p.ended[max(len(p.ended)-mostEnded, 0):]
	}
	p.tasks = slices.DeleteFunc(p.tasks, func(t *task) bool { return len(t.records) == 0 })
}

// pauseTop pauses the resumed activity. Called with the lock held.
func (p *Phone) pauseTop(next *record, reason string) {
	for _, t := range p.tasks {
		for _, r := range t.records {
			if r.state == resumed && r != next {
				r.state = paused
				p.event(evPause, r.user, r.token, r.comp(), "userLeaving=true", reason)
				p.logPaused(r)
			}
		}
	}
}

// resumeTop brings the topmost activity to the front if it is not there, and
// stops what it covers. Called with the lock held.
func (p *Phone) resumeTop(reason string) {
	if r := p.bringUp(reason); r != nil {
		p.stopCovered(r)
	}
}

// bringUp resumes the topmost activity and returns it; nil if it was resumed
// already. Called with the lock held.
func (p *Phone) bringUp(reason string) *record {
	t, r := p.top()
	if r == nil {
		return nil
	}
	p.pauseTop(r, "resumeTopActivity")
	switch r.state {
	case resumed:
		return nil
	case initializing:
		p.event(evRestart, r.user, r.token, t.id, r.comp())
	default:
		p.event(evResume, r.user, r.token, t.id, r.comp())
	}
	if reason == "" {
		reason = "resumeTopActivity"
	}
	if p.API >= 32 { // since TaskFragment
		reason += " - onActivityStateChanged"
	}
	p.event(evSetResumed, r.user, r.comp(), reason)
	fresh := r.state == initializing
	if fresh {
		p.eventBy(r.pid, r.uid, evOnCreate, r.user, r.token, r.class, "performCreate", int64(5))
	} else if r.state == stopped {
		p.eventBy(r.pid, r.uid, evOnRestart, r.user, r.token, r.class, "performRestart", int64(1))
	}
	if fresh || r.state == stopped {
		p.eventBy(r.pid, r.uid, evOnStart, r.user, r.token, r.class, "handleStartActivity", int64(1))
	}
	p.eventBy(r.pid, r.uid, evOnResumed, r.user, r.token, r.class, "RESUME_ACTIVITY", int64(1))
	p.eventBy(r.pid, r.uid, evTopGained, r.user, r.token, r.class, "topStateChangedWhenResumed")
	r.state = resumed
	return r
}

// stopCovered stops activities that are no longer visible. Called with the lock
// held.
func (p *Phone) stopCovered(front *record) {
	for _, t := range p.tasks {
		for _, r := range slices.Clone(t.records) {
			if r == front || r.state != paused {
				continue
			}
			if r.noHistory {
				p.remove(t, r, "stop-no-history")
				p.logDestroyed(t, r)
				continue
			}
			r.state = stopped
			p.event(evAddToStopping, r.user, r.token, r.comp(), "makeInvisible")
			p.event(evStop, r.user, r.token, r.comp())
			p.eventBy(r.pid, r.uid, evOnStop, r.user, r.token, r.class, "STOP_ACTIVITY_ITEM", int64(1))
		}
	}
	p.sweep()
}

func (p *Phone) visible(uid int) bool {
	_, r := p.top()
	return r != nil && r.uid == uid && !p.locked && !p.asleep
}

// startHome starts the launcher at boot.
func (p *Phone) startHome() {
	p.goHome(FlagNewTask)
	_ = p.Settle(context.Background())
	p.Log.Clear(LogMain, LogSystem, LogEvents, LogCrash)
}

// GoHome is the home key.
func (p *Phone) GoHome() { p.goHome(FlagNewTask | FlagReset) }

func (p *Phone) goHome(flags int32) {
	in := Intent{Action: "android.intent.action.MAIN", Categories: []string{"android.intent.category.HOME"}, Flags: flags,
		Component: HomePackage + "/" + homeClass}
	_, _ = p.StartActivity(context.Background(), StartRequest{UID: SystemUID, PID: systemServerPID, Package: "android", Intent: in})
}

// Back is the back key: the activity in front finishes, unless it is the
// launcher.
func (p *Phone) Back() {
	if a, ok := p.Top(); ok && a.Pkg != HomePackage {
		p.finish(a.Token, "app-request")
	}
}

// Text prints the activity as ActivityRecord.toString does at that level,
// including its peculiarities.
func (p *Phone) Text(a Activity) string {
	hash := strconv.FormatUint(uint64(a.Token), 16)
	if p.API >= 36 {
		hash = strconv.Itoa(a.Token)
	}
	s := fmt.Sprintf("ActivityRecord{%s u%d %s", hash, a.User, a.Short())
	if p.API == 33 {
		s += "}"
	}
	return s + fmt.Sprintf(" t%d}", a.Task)
}
