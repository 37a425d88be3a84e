package android

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode"
)

// pattern is an expression that is compiled when it is first used: most
// commands touch no phone.
func pattern(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

// logLine is one line of logcat in the form "threadtime,epoch[,uid]":
//
//	1732282655.123  1000  1234  1250 I tag: text
type logLine struct {
	uid  int // -1 if the line doesn't say (before Android 8)
	tag  string
	text string
}

// logPattern reads such a line. Text tags are padded to 8 columns, so blanks
// may stand before the colon; a uid may be a name ("system", "u0_a123").
var logPattern = pattern(`^\s*\d+\.\d+\s+(?:(\S+)\s+)?\d+\s+\d+\s+([VDIWEFS])\s+(.*?)\s*: (.*)$`)

func parseLogLine(s string) (logLine, bool) {
	m := logPattern().FindStringSubmatch(s)
	if m == nil {
		return logLine{}, false
	}
	return logLine{uid: parseUID(m[1]), tag: m[3], text: m[4]}, true
}

// appUID is the name that Android gives an app's uid: u0_a123 is 10123.
var appUID = pattern(`^u(\d+)_a(\d+)$`)

func parseUID(s string) int {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	if m := appUID().FindStringSubmatch(s); m != nil {
		user, err1 := strconv.Atoi(m[1])
		app, err2 := strconv.Atoi(m[2])
		if err1 == nil && err2 == nil && user < 10000 && app < 50000 {
			return user*100000 + 10000 + app
		}
	}
	switch s {
	case "system":
		return 1000
	case "shell":
		return 2000
	case "root":
		return 0
	}
	return -1
}

// eventKind is what happened to an activity.
type eventKind int

const (
	created   eventKind = iota + 1 // a new activity
	newIntent                      // an activity that was there got another Intent
	restarted                      // an activity came back from being stopped
	resumed                        // an activity came to the front
	finished                       // an activity is over
	started                        // the system was asked to start one (START line)
)

// activityEvent is an event of one activity.
type activityEvent struct {
	kind      eventKind
	user      int
	component string // package/full.Class
	fromUID   int    // of started: who asked; -1 if unknown
	result    int    // of started, from Android 14 on: the start's result
	hasResult bool
}

// shape describes an event's arguments: how many precede the component, and how
// many follow it. Strings are not escaped, so an argument list is parsed from
// both ends.
type shape struct {
	kind   eventKind
	before int // arguments before the component, the user first
	after  int // arguments behind it
}

// shapes are the events in the events buffer that concern activities, by tag:
// am_ names up to Android 10 (API 29), wm_ names since. The arguments are those
// of EventLogTags of AOSP API 24 to 37.
var shapes = map[string]shape{
	"am_create_activity":      {created, 3, 4}, // user, token, task, component, action, mime type, uri, flags
	"wm_create_activity":      {created, 3, 4},
	"am_new_intent":           {newIntent, 3, 4},
	"wm_new_intent":           {newIntent, 3, 4},
	"am_restart_activity":     {restarted, 3, 0}, // user, token, task, component
	"wm_restart_activity":     {restarted, 3, 0},
	"am_resume_activity":      {resumed, 3, 0},
	"wm_resume_activity":      {resumed, 3, 0},
	"am_finish_activity":      {finished, 3, 1}, // user, token, task, component, reason
	"wm_finish_activity":      {finished, 3, 1},
	"am_focused_activity":     {resumed, 1, 1}, // user, component, reason: API 24 and 25
	"am_set_resumed_activity": {resumed, 1, 1},
	"wm_set_resumed_activity": {resumed, 1, 1},
}

// systemUID is the uid of system_server, the only writer of these events. Any
// app may write any tag.
const systemUID = 1000

// parseActivityEvent reads an activity's event from a line of the events or
// system buffer. ok is false for other lines, and for lines that an app wrote.
func parseActivityEvent(s string) (activityEvent, bool) {
	l, ok := parseLogLine(s)
	if !ok || l.uid >= 0 && l.uid != systemUID {
		return activityEvent{}, false
	}
	switch l.tag {
	case "ActivityManager", "ActivityTaskManager":
		return parseStart(l.text)
	}
	sh, ok := shapes[l.tag]
	if !ok {
		return activityEvent{}, false
	}
	args, ok := strings.CutPrefix(l.text, "[")
	if !ok {
		return activityEvent{}, false
	}
	args, ok = strings.CutSuffix(args, "]")
	if !ok {
		return activityEvent{}, false // a string with a newline broke it in two
	}
	// From the front: nothing before the component contains a comma.
	front := strings.SplitN(args, ",", sh.before+2)
	if len(front) <= sh.before {
		return activityEvent{}, false
	}
	user, err := strconv.Atoi(front[0])
	if err != nil || len(front) != sh.before+1 && sh.after == 0 || len(front) != sh.before+2 && sh.after > 0 {
		return activityEvent{}, false
	}
	component, ok := fullComponent(front[sh.before])
	if !ok {
		return activityEvent{}, false
	}
	return activityEvent{kind: sh.kind, user: user, component: component, fromUID: -1}, true
}

var (
	startLine = pattern(`^START u(-?\d+) \{(.*)\}(?: with LAUNCH_\w+)? from uid (\d+)(.*)$`)
	resultEnd = pattern(`result code=(-?\d+)`)
)

// parseStart reads the line that the activity manager logs for a start:
//
//	START u0 {act=… cmp=p/.C (has extras)} from uid 2000 on display 0
//	START u0 {… cmp=p/.C} with LAUNCH_SINGLE_TASK from uid 2000 (BAL_ALLOW_PERMISSION) result code=0
//
// The Intent in braces contains strings from apps, so the uid and the result
// are searched for after its last brace, and the component is the last of its
// fields except flags.
func parseStart(text string) (activityEvent, bool) {
	m := startLine().FindStringSubmatch(text)
	if m == nil {
		return activityEvent{}, false
	}
	user, err := strconv.Atoi(m[1])
	if err != nil {
		return activityEvent{}, false
	}
	i := strings.LastIndex(m[2], "cmp=")
	if i < 0 || i > 0 && m[2][i-1] != ' ' {
		return activityEvent{}, false
	}
	name, _, _ := strings.Cut(m[2][i+len("cmp="):], " ")
	component, ok := fullComponent(name)
	if !ok {
		return activityEvent{}, false
	}
	e := activityEvent{kind: started, user: user, component: component}
	if e.fromUID, err = strconv.Atoi(m[3]); err != nil {
		return activityEvent{}, false
	}
	if r := resultEnd().FindStringSubmatch(m[4]); r != nil {
		e.result, err = strconv.Atoi(r[1])
		e.hasResult = err == nil
	}
	return e, true
}

// isPackage reports whether s can be the name of a package, and isClass of a
// class: words of letters, digits and a few signs, separated by dots. Every
// command needs them, and compiling regular expressions would take longer than
// a phone takes to answer.
func isPackage(s string) bool {
	return s != "" && letter(rune(s[0])) && words(s, func(r rune, _ bool) bool { return letter(r) || '0' <= r && r <= '9' || r == '_' })
}

func isClass(s string) bool {
	return words(s, func(r rune, first bool) bool {
		return unicode.IsLetter(r) || r == '_' || r == '$' || !first && unicode.IsNumber(r)
	})
}

func letter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }

// words reports whether s is words with dots between, none of them empty, of
// what may stand in them.
func words(s string, may func(r rune, first bool) bool) bool {
	first := true
	for _, r := range s {
		switch {
		case r == '.' && !first:
			first = true
		case may(r, first):
			first = false
		default:
			return false
		}
	}
	return !first
}

// fullComponent returns package/full.Class of a component in either spelling
// (ComponentName.flattenToShortString).
func fullComponent(s string) (string, bool) {
	pkg, class, ok := strings.Cut(s, "/")
	if !ok || !isPackage(pkg) {
		return "", false
	}
	if strings.HasPrefix(class, ".") {
		class = pkg + class
	}
	if !isClass(class) {
		return "", false
	}
	return pkg + "/" + class, true
}

// shortComponent is fullComponent's reverse, as Android prints components.
func shortComponent(s string) string {
	pkg, class, _ := strings.Cut(s, "/")
	if strings.HasPrefix(class, pkg+".") {
		return pkg + "/" + class[len(pkg):]
	}
	return s
}
