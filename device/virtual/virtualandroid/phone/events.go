package phone

// The events of the events buffer, by number: the numbers never change, the
// names and arguments do (EventLogTags of AOSP API 24..37).
const (
	evFinish        = 30001
	evTaskToFront   = 30002
	evNewIntent     = 30003
	evCreateTask    = 30004
	evCreate        = 30005
	evRestart       = 30006
	evResume        = 30007
	evLaunchTime    = 30009
	evProcBound     = 30010
	evProcDied      = 30011
	evPause         = 30013
	evProcStart     = 30014
	evDestroy       = 30018
	evOnPaused      = 30021
	evOnResumed     = 30022
	evKill          = 30023
	evCrash         = 30039
	evSetResumed    = 30043
	evStop          = 30048
	evOnStop        = 30049
	evOnCreate      = 30057
	evOnRestart     = 30058
	evOnStart       = 30059
	evOnDestroy     = 30060
	evTopGained     = 30064
	evTopLost       = 30065
	evAddToStopping = 30066
	evTaskCreated   = 31001
)

// eventTag is one event from an API level on, as /system/etc/event-log-tags
// describes it: name, and how many of the arguments known here it has.
type eventTag struct {
	since int
	name  string // empty: the level has no such event
	args  []int  // which of the writer's arguments it has; nil means all
}

// eventTags lists the changes of each event, oldest level first. The writers
// below always give the arguments of the newest level, in its order, with the
// ones that only old levels have in front where args says so.
var eventTags = map[int][]eventTag{
	evFinish:      {{24, "am_finish_activity", nil}, {30, "wm_finish_activity", nil}},
	evTaskToFront: {{24, "am_task_to_front", []int{0, 1}}, {30, "wm_task_to_front", []int{0, 1}}, {34, "wm_task_to_front", nil}},
	evNewIntent:   {{24, "am_new_intent", nil}, {30, "wm_new_intent", nil}},
	evCreateTask:  {{24, "am_create_task", []int{0, 1}}, {30, "wm_create_task", []int{0, 1}}, {34, "wm_create_task", nil}},
	evCreate:      {{24, "am_create_activity", nil}, {30, "wm_create_activity", nil}},
	evRestart:     {{24, "am_restart_activity", nil}, {30, "wm_restart_activity", nil}},
	evResume:      {{24, "am_resume_activity", nil}, {30, "wm_resume_activity", nil}},
	evLaunchTime:  {{24, "am_activity_launch_time", nil}, {30, "wm_activity_launch_time", nil}},
	evProcBound:   {{24, "am_proc_bound", nil}},
	evProcDied:    {{24, "am_proc_died", []int{0, 1, 2}}, {26, "am_proc_died", nil}},
	evPause: {{24, "am_pause_activity", []int{0, 1, 2}}, {28, "am_pause_activity", []int{0, 1, 2, 3}},
		{30, "wm_pause_activity", []int{0, 1, 2, 3}},
		{31, "wm_pause_activity", nil}},
	evProcStart: {{24, "am_proc_start", nil}},
	evDestroy:   {{24, "am_destroy_activity", nil}, {30, "wm_destroy_activity", nil}},
	evKill:      {{24, "am_kill", []int{0, 1, 2, 3, 4}}, {35, "am_kill", nil}},
	evCrash:     {{24, "am_crash", []int{0, 1, 2, 3, 4, 5, 6, 7}}, {34, "am_crash", nil}},
	evSetResumed: {{24, "am_focused_activity", nil}, {26, "am_set_resumed_activity", nil},
		{30, "wm_set_resumed_activity", nil}},
	evStop: {{24, "am_stop_activity", nil}, {30, "wm_stop_activity", nil}},
	// The app's own: user, token, component, reason, time. At 30 the token
	// replaces the user.
	evOnPaused: {{24, "am_on_paused_called", []int{0, 2, 3}}, {30, "wm_on_paused_called", []int{1, 2, 3}},
		{34, "wm_on_paused_called", []int{1, 2, 3, 4}}},
	evOnResumed: {{24, "am_on_resume_called", []int{0, 2, 3}}, {30, "wm_on_resume_called", []int{1, 2, 3}},
		{34, "wm_on_resume_called", []int{1, 2, 3, 4}}},
	evOnStop: {{24, "am_on_stop_called", []int{0, 2, 3}}, {30, "wm_on_stop_called", []int{1, 2, 3}},
		{34, "wm_on_stop_called", []int{1, 2, 3, 4}}},
	evOnCreate: {{24, "", nil}, {28, "am_on_create_called", []int{0, 2, 3}}, {30, "wm_on_create_called", []int{1, 2, 3}},
		{34, "wm_on_create_called", []int{1, 2, 3, 4}}},
	evOnRestart: {{24, "", nil}, {28, "am_on_restart_called", []int{0, 2, 3}}, {30, "wm_on_restart_called", []int{1, 2, 3}},
		{34, "wm_on_restart_called", []int{1, 2, 3, 4}}},
	evOnStart: {{24, "", nil}, {28, "am_on_start_called", []int{0, 2, 3}}, {30, "wm_on_start_called", []int{1, 2, 3}},
		{34, "wm_on_start_called", []int{1, 2, 3, 4}}},
	evOnDestroy: {{24, "", nil}, {28, "am_on_destroy_called", []int{0, 2, 3}}, {30, "wm_on_destroy_called", []int{1, 2, 3}},
		{34, "wm_on_destroy_called", []int{1, 2, 3, 4}}},
	evTopGained: {{24, "", nil}, {29, "am_on_top_resumed_gained_called", []int{0, 2, 3}},
		{30, "wm_on_top_resumed_gained_called", []int{1, 2, 3}}},
	evTopLost: {{24, "", nil}, {29, "am_on_top_resumed_lost_called", []int{0, 2, 3}}, {30, "wm_on_top_resumed_lost_called", []int{1, 2,
		3}}},
	evAddToStopping: {{24, "", nil}, {29, "am_add_to_stopping", nil}, {30, "wm_add_to_stopping", nil}},
	evTaskCreated:   {{24, "wm_task_created", []int{0, 1}}, {34, "wm_task_created", []int{0}}},
}

func tagAt(api, number int) eventTag {
	var tag eventTag
	for _, t := range eventTags[number] {
		if t.since <= api {
			tag = t
		}
	}
	return tag
}

// event writes to the events buffer as system_server.
func (p *Phone) event(number int, args ...any) {
	p.eventBy(systemServerPID, SystemUID, number, args...)
}

func (p *Phone) eventBy(pid, uid, number int, args ...any) {
	tag := tagAt(p.API, number)
	if tag.name == "" {
		return
	}
	if tag.args != nil {
		picked := make([]any, len(tag.args))
		for i, n := range tag.args {
			picked[i] = args[n]
		}
		args = picked
	}
	for i, a := range args {
		if n, ok := a.(int); ok {
			args[i] = int32(n)
		}
	}
	p.Log.Write(LogEntry{Time: p.now(), PID: pid, TID: pid, UID: uid, Buffer: LogEvents, Priority: Information, Tag: tag.name, Event: number,
		Args: args})
}

// text writes a line as system_server.
func (p *Phone) text(b LogBuffer, priority int, tag, line string) {
	p.Log.Write(LogEntry{Time: p.now(), PID: systemServerPID, TID: systemServerPID, UID: SystemUID, Buffer: b, Priority: priority, Tag: tag,
		Text: line})
}

// Logcat writes a line to the main buffer as an app's process does.
func (p *Phone) Logcat(pid, uid, priority int, tag, line string) {
	p.Log.Write(LogEntry{Time: p.now(), PID: pid, TID: pid, UID: uid, Buffer: LogMain, Priority: priority, Tag: tag, Text: line})
}

// taskTag is who logs about activities: the activity manager, and from 29 on
// the activity task manager.
func (p *Phone) taskTag() string {
	if p.API >= 29 {
		return "ActivityTaskManager"
	}
	return "ActivityManager"
}
