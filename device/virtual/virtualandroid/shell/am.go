package shell

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// java runs a command of a system service, and prints the exception that it
// ends with as Binder's shell command handling does; the exit code is 255.
func (c *call) java(what string, do func() int) (code int) {
	err := thrown(func() { code = do() })
	if err == nil {
		return code
	}
	security := strings.HasSuffix(exceptionOf(err).Class, "SecurityException")
	switch {
	case c.p.API <= 29 && security:
		c.errorf("Security exception: %s\n\n", exceptionOf(err).Message)
	case c.p.API <= 29:
		c.errorf("\nException occurred while executing:\n")
	default:
		c.errorf("\nException occurred while executing '%s':\n", what)
	}
	c.errorf("%v\n\tat android.os.Binder.shellCommand(Binder.java)\n\tat android.os.Binder.onTransact(Binder.java)\n\tat "+
		"android.os.Binder.execTransact(Binder.java)\n", err)
	return 255
}

// javaProgram is java of a Java program of its own, such as am of API 24 and 25
// (BaseCommand.run): a wrong argument is not a failure, anything else is.
func (c *call) javaProgram(do func() int) (code int) {
	err := thrown(func() { code = do() })
	if err == nil {
		return code
	}
	class := exceptionOf(err).Class
	if strings.HasSuffix(class, "IllegalArgumentException") || strings.HasSuffix(class, "NumberFormatException") {
		c.errorf("usage: %s [subcommand] [options]\n\nError: %s\n", c.args[0], exceptionOf(err).Message)
		return 0
	}
	c.errorf("%v\n\tat android.os.Parcel.readException(Parcel.java)\n\tat "+
		"com.android.internal.os.BaseCommand.run(BaseCommand.java)\n\tat com.android.internal.os.RuntimeInit.main(RuntimeInit.java)\n", err)
	return 1
}

func am(c *call) int { return c.activityManager(c.args[1:]) }

func (c *call) activityManager(args []string) int {
	if len(args) == 0 {
		args = []string{""}
	}
	r := &argReader{args: args[1:], last: args[0]}
	do := func() int { return c.amStart(r) }
	switch args[0] {
	case "start", "start-activity":
	case "force-stop":
		do = func() int { return c.amForceStop(r) }
	default:
		if c.p.API <= 25 {
			c.errorf("Error: unknown command '%s'\n", args[0])
			return 0
		}
		c.printf("Unknown command: %s\n", args[0])
		return 255
	}
	if c.p.API <= 25 {
		return c.javaProgram(do)
	}
	return c.java(args[0], do)
}

// startOptions are the options of am start itself.
type startOptions struct {
	wait, stop bool
	user       int
	repeat     int
}

// startOption handles an option of am start itself, and reports whether it is
// one (ActivityManagerShellCommand.makeIntent). A debugger is not waited for,
// and there is one display.
func (c *call) startOption(r *argReader, o *startOptions, opt string) bool {
	switch {
	case opt == "-D" || opt == "-N":
	case opt == "-W":
		o.wait = true
	case opt == "-S":
		o.stop = true
	case opt == "--user":
		o.user = userArg(r.required())
	case opt == "-R":
		o.repeat = number(r.required())
	case opt == "--display" && c.p.API >= 26:
		number(r.required())
	default:
		return false
	}
	return true
}

func number(v string) int {
	n, err := strconv.Atoi(v)
	if err != nil {
		notNumber(v)
	}
	return n
}

// userArg is UserHandle.parseUserArg.
func userArg(v string) int {
	switch v {
	case "all":
		return phone.UserAll
	case "current", "cur":
		return phone.UserCurrent
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		illegal("Bad user number: %s", v)
	}
	return n
}

// caller is the calling package that am passes: null up to API 29, then always
// com.android.shell.
func (c *call) caller() string {
	if c.p.API >= 30 {
		return "com.android.shell"
	}
	return ""
}

// collected is the extended flag that am's intent carries from 36 on, because
// am collects the keys of nested intents (EXTENDED_FLAG…, printed as xflg).
const collected = 0x4

func (c *call) amStart(r *argReader) int {
	o := startOptions{user: phone.UserCurrent}
	in := intentArgs(r, func(opt string) bool { return c.startOption(r, &o, opt) })
	if o.user == phone.UserAll {
		c.errorf("Error: Can't start service with user 'all'\n")
		return 1
	}
	for {
		if o.stop {
			if code := c.stopFirst(in, o.user); code != 0 {
				return code
			}
		}
		c.printf("Starting: %s\n", phone.IntentText(c.p.API, in))
		began := c.p.Now()
		q := phone.StartRequest{UID: c.cred.UID, PID: c.pid, Package: c.caller(), Intent: in, User: o.user}
		q.Intent.Flags |= phone.FlagNewTask
		if c.p.API >= 36 {
			q.ExtendedFlags = collected
		}
		res, err := c.session.am.StartActivityAndWait(c.ctx, q)
		if err != nil {
			panic(exceptionOf(err))
		}
		took := c.p.Now().Sub(began).Milliseconds()
		if o.wait && res.TotalTime > took {
			took = res.TotalTime
		}
		if code := c.started(q, res, o.wait, took); code != 0 {
			return code
		}
		if o.repeat--; o.repeat <= 0 || c.ctx.Err() != nil {
			return 0
		}
		in.Flags |= phone.FlagNewTask
		c.p.Back()
	}
}

func (c *call) stopFirst(in phone.Intent, user int) int {
	pkg, _, ok := strings.Cut(in.Component, "/")
	if !ok {
		to := c.p.Resolve(in, max(user, 0))
		switch len(to) {
		case 0:
			c.errorf("Error: Intent does not match any activities: %s\n", phone.IntentText(c.p.API, in))
			return 1
		case 1:
			pkg, _, _ = strings.Cut(to[0], "/")
		default:
			c.errorf("Error: Intent matches multiple activities; can't stop: %s\n", phone.IntentText(c.p.API, in))
			return 1
		}
	}
	c.printf("Stopping: %s\n", pkg)
	if user < 0 {
		user = c.p.CurrentUser()
	}
	c.p.ForceStop(pkg, user)
	return 0
}

// startTexts are what am prints for result codes other than plain success
// (runStartActivity); INTENT and COMPONENT are placeholders.
var startTexts = map[int]string{
	phone.StartSwitchesCanceled:       "Warning: Activity not started because the  current activity is being kept for the user.",
	phone.StartDeliveredToTop:         "Warning: Activity not started, intent has been delivered to currently running top-most instance.",
	phone.StartReturnIntentToCaller:   "Warning: Activity not started because intent should be handled by the caller",
	phone.StartTaskToFront:            "Warning: Activity not started, its current task has been brought to the front",
	phone.StartIntentNotResolved:      "Error: Activity not started, unable to resolve INTENT",
	phone.StartClassNotFound:          "Error type 3\nError: Activity class {COMPONENT} does not exist.",
	phone.StartForwardConflict:        "Error: Activity not started, you requested to both forward and receive its result",
	phone.StartPermissionDenied:       "Error: Activity not started, you do not have permission to access it.",
	phone.StartNotVoiceCompatible:     "Error: Activity not started, voice control not allowed for: INTENT",
	phone.StartNotCurrentUserActivity: "Error: Not allowed to start background user activity that shouldn't be displayed for all users.",
}

// started prints the result of a start, and returns the exit code: up to API 34
// an activity that did not start is not a failure.
func (c *call) started(q phone.StartRequest, res phone.WaitResult, wait bool, took int64) int {
	out := c.err
	if wait {
		out = c.out
	}
	text, known := startTexts[res.Code]
	if !known && res.Code != phone.StartSuccess {
		text = fmt.Sprintf("Error: Activity not started, unknown error code %d", res.Code)
	}
	if text != "" {
		pkg, class, _ := phone.SplitComponent(q.Intent.Component)
		text = strings.ReplaceAll(text, "INTENT", phone.ExtendedIntentText(c.p.API, q.Intent, q.ExtendedFlags))
		fmt.Fprintln(out, strings.ReplaceAll(text, "COMPONENT", pkg+"/"+class))
	}
	failed := strings.HasPrefix(text, "Error")
	if !failed && wait {
		c.waited(c.out, res, took)
	}
	return b2i(failed && c.p.API >= 35)
}

func (c *call) waited(out io.Writer, res phone.WaitResult, took int64) {
	status := "ok"
	if res.Timeout {
		status = "timeout"
	}
	fmt.Fprintf(out, "Status: %s\n", status)
	if c.p.API >= 29 {
		fmt.Fprintf(out, "LaunchState: %s\n", launchState(c.p.API, res.State))
	}
	if res.Who != "" {
		fmt.Fprintf(out, "Activity: %s\n", phone.ShortComponent(res.Who))
	}
	if c.p.API <= 28 && res.ThisTime >= 0 {
		fmt.Fprintf(out, "ThisTime: %d\n", res.ThisTime)
	}
	if res.TotalTime >= 0 {
		fmt.Fprintf(out, "TotalTime: %d\n", res.TotalTime)
	}
	fmt.Fprintf(out, "WaitTime: %d\nComplete\n", took)
}

func launchState(api, state int) string {
	switch {
	case state >= phone.LaunchCold && state <= phone.LaunchHot:
		return []string{"COLD", "WARM", "HOT"}[state-1]
	case state == 4 && api >= 31:
		return "RELAUNCH"
	}
	return fmt.Sprintf("UNKNOWN (%d)", state)
}

func (c *call) amForceStop(r *argReader) int {
	user, ok := c.userOption(r, phone.UserAll)
	if !ok {
		return 0
	}
	pkg := r.required()
	if user == phone.UserCurrent {
		user = c.p.CurrentUser()
	}
	c.p.ForceStop(pkg, user)
	return 0
}

// userOption reads --user USER_ID, if it is given; other options are refused.
func (c *call) userOption(r *argReader, user int) (id int, ok bool) {
	opt, there := r.option()
	switch {
	case !there:
		return user, true
	case opt != "--user":
		c.errorf("Error: Unknown option: %s\n", opt)
		return 0, false
	}
	return userArg(r.required()), true
}

// exceptionOf is an error as an exception.
func exceptionOf(err error) *phone.Exception {
	var e *phone.Exception
	if errors.As(err, &e) {
		return e
	}
	return &phone.Exception{Class: "java.lang.RuntimeException", Message: err.Error()}
}
