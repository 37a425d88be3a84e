package phone

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// place puts the activity into the task that its launch mode and the intent's
// flags require: the part of ActivityStarter that finds a task. It returns the
// start result.
func (s *starter) place() int {
	flags, mode := s.in.Flags, s.comp.LaunchMode
	caller := s.callerTask()
	if caller == nil || mode == LaunchSingleTask {
		flags |= FlagNewTask
	}
	front, _ := s.top()
	t := caller
	if flags&FlagNewTask != 0 {
		t = s.reusable(flags, mode)
	}
	if t == nil {
		return s.create(s.newTask(), true)
	}
	moved := t != front
	if moved {
		s.toFront(t)
	}
	if flags&FlagNewTask != 0 && flags&FlagClearTask != 0 {
		for _, r := range slices.Clone(t.records) {
			s.remove(t, r, "start")
		}
		t.base = s.in
		return s.create(t, false)
	}
	single := mode != LaunchStandard || flags&FlagSingleTop != 0
	if mode == LaunchSingleTask || flags&FlagClearTop != 0 {
		if i := slices.IndexFunc(t.records, s.same); i >= 0 {
			for _, r := range slices.Clone(t.records[i+1:]) {
				s.remove(t, r, "clear")
			}
			if single {
				return s.handTo(t, t.records[i], moved)
			}
			s.remove(t, t.records[i], "clear")
			return s.create(t, false)
		}
	}
	top := t.top()
	if top != nil && s.same(top) {
		if single {
			return s.handTo(t, top, moved)
		}
		// The launcher's intent for the activity that roots the task only
		// brings the task to the front.
		if s.sameLaunch(t, flags) {
			return s.show(t)
		}
	} else if flags&FlagNewTask != 0 && s.sameLaunch(t, flags) {
		return s.show(t)
	}
	return s.create(t, false)
}

// same reports whether a record is the activity to start.
func (s *starter) same(r *record) bool {
	return r.pkg == s.it.Name && r.class == s.comp.Name && r.user == s.q.User
}

// sameLaunch reports whether the intent is the one that created the task, as
// when a launcher icon is tapped again: then the task is shown as it is.
func (s *starter) sameLaunch(t *task, flags int32) bool {
	b := t.base
	return flags&FlagNewTask != 0 && flags&(FlagClearTop|FlagMultipleTask) == 0 && b.Component == s.in.Component &&
		b.Action == s.in.Action && b.Data == s.in.Data && b.Type == s.in.Type &&
		slices.Equal(b.Categories, s.in.Categories)
}

// callerTask is the task of the activity that starts this one, if it is an app
// in front.
func (s *starter) callerTask() *task {
	if s.q.UID < FirstAppUID {
		return nil
	}
	for _, t := range slices.Backward(s.tasks) {
		if r := t.top(); r != nil && r.uid == s.q.UID {
			return t
		}
	}
	return nil
}

// reusable finds the task that a start with NEW_TASK goes to.
func (s *starter) reusable(flags int32, mode int) *task {
	if flags&FlagMultipleTask != 0 && mode != LaunchSingleTask {
		return nil
	}
	for _, t := range slices.Backward(s.tasks) {
		if t.user == s.q.User && len(t.records) > 0 && t.affinity == s.affinity() {
			return t
		}
	}
	return nil
}

func (s *starter) affinity() string { return cmp.Or(s.comp.Affinity, s.it.Name) }

func (s *starter) newTask() *task {
	s.nextTask++
	t := &task{id: s.nextTask, user: s.q.User, affinity: s.affinity(), base: s.in, recents: !s.comp.NoRecents &&
		s.in.Flags&FlagExcludeRecents == 0}
	s.tasks = append(s.tasks, t)
	if s.API >= 29 {
		s.event(evTaskCreated, t.id, t.id)
	}
	s.event(evCreateTask, t.user, t.id, t.id, 0)
	return t
}

func (s *starter) toFront(t *task) {
	s.tasks = append(slices.DeleteFunc(s.tasks, func(o *task) bool { return o == t }), t)
	s.event(evTaskToFront, t.user, t.id, 0)
}

// create makes a new record on top of the task.
func (s *starter) create(t *task, fresh bool) int {
	r := &record{token: s.tokens.IntN(1<<27) + 1<<20, user: s.q.User, pkg: s.it.Name, class: s.comp.Name,
		intent: s.in, uid: s.it.UID(s.q.User), callerUID: s.q.UID, caller: s.q.Package,
		noHistory: s.comp.NoHistory || s.in.Flags&FlagNoHistory != 0}
	t.records = append(t.records, r)
	s.event(evCreate, r.user, r.token, t.id, r.comp(), orNull(s.in.Action), orNull(s.in.Type), s.uriText(), int(s.in.Flags))
	s.began(StartSuccess)
	s.pauseTop(r, "pauseBackTasks")
	pr, cold := s.startProcess(s.it, s.comp.Process, s.q.User, s.hosting(), hostingName(s.API, s.it.Name, s.comp.Name))
	r.pid = pr.PID
	s.bringUp("minimalResumeActivityLocked")
	ms := int64(80 + s.tokens.IntN(120))
	s.result.State = LaunchWarm
	if cold {
		ms += 250
		s.result.State = LaunchCold
	}
	s.result.Who, s.result.ThisTime, s.result.TotalTime = r.pkg+"/"+r.class, ms, ms
	s.event(evLaunchTime, r.user, r.token, r.comp(), ms)
	s.displayed(r, ms)
	s.stopCovered(r)
	s.handler(t, r)
	return StartSuccess
}

// hosting is what am_proc_start gives as the reason to start a process.
func (s *starter) hosting() string {
	switch {
	case s.API >= 31:
		return "next-top-activity"
	case s.API == 30:
		return "pre-top-activity"
	}
	return "activity"
}

func (s *starter) displayed(r *record, ms int64) {
	line := "Displayed " + r.comp()
	if s.API >= 34 {
		line += fmt.Sprintf(" for user %d", r.user)
	}
	line += ": +" + duration(ms)
	s.text(LogMain, Information, s.taskTag(), line)
}

// duration prints milliseconds as TimeUtils.formatDuration does: 1s234ms.
func duration(ms int64) string {
	if ms >= 1000 {
		return fmt.Sprintf("%ds%dms", ms/1000, ms%1000)
	}
	return fmt.Sprintf("%dms", ms)
}

func orNull(s string) string { return cmp.Or(s, "NULL") }

func (s *starter) uriText() string {
	if s.in.Data == "" {
		return "NULL"
	}
	return SafeURI(s.API, s.in.Data)
}

// handTo gives the intent to an existing activity.
func (s *starter) handTo(t *task, r *record, moved bool) int {
	front, ms := r.state == resumed, s.redrawn(r)
	r.intent, r.callerUID, r.caller = s.in, s.q.UID, s.q.Package
	s.event(evNewIntent, r.user, r.token, t.id, r.comp(), orNull(s.in.Action), orNull(s.in.Type), s.uriText(), int(s.in.Flags))
	code := StartDeliveredToTop
	if moved {
		code = StartTaskToFront
	}
	s.began(code)
	if front {
		// It is paused, gets the intent, and is resumed.
		s.eventBy(r.pid, r.uid, evTopLost, r.user, r.token, r.class, "pausing")
		s.eventBy(r.pid, r.uid, evOnPaused, r.user, r.token, r.class, "performPause", int64(1))
		s.eventBy(r.pid, r.uid, evOnResumed, r.user, r.token, r.class, "LIFECYCLER_RESUME_ACTIVITY", int64(1))
		s.eventBy(r.pid, r.uid, evTopGained, r.user, r.token, r.class, "topWhenResuming")
	} else {
		s.resumeTop("")
	}
	s.result.Who, s.result.ThisTime, s.result.TotalTime = r.pkg+"/"+r.class, ms, ms
	if moved { // one that got the intent where it was has no launch state
		s.result.State = LaunchHot
	}
	s.handler(t, r)
	return code
}

// redrawn is how long, in ms, an existing activity takes to become visible: 0
// if it is visible.
func (s *starter) redrawn(r *record) int64 {
	if r.state == resumed {
		return 0
	}
	return int64(20 + s.tokens.IntN(40))
}

// show brings a task to the front as it is; no activity gets the intent.
func (s *starter) show(t *task) int {
	r := t.top()
	ms := s.redrawn(r)
	s.began(StartTaskToFront)
	s.resumeTop("")
	s.result.Who, s.result.State, s.result.ThisTime, s.result.TotalTime = r.pkg+"/"+r.class, LaunchHot, ms, ms
	return StartTaskToFront
}

// handler passes the intent to the package's code. An intent that was handed to
// an activity reaches it even if the activity ends meanwhile: the system has
// queued it before the end (ActivityThread handles NewIntentItem first).
func (s *starter) handler(t *task, r *record) {
	app := s.it.app
	if app == nil {
		return
	}
	a, in, p := r.snapshot(t), s.in, s.Phone
	s.deliver = func(ctx context.Context) {
		p.mu.Lock()
		runs := p.procs[a.PID] != nil
		p.mu.Unlock()
		if runs {
			app.Launched(ctx, p, a, in)
		}
	}
}
