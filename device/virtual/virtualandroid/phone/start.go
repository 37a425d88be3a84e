package phone

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
)

// Results of starting an activity (android.app.ActivityManager.START_*).
const (
	StartSuccess                = 0
	StartReturnIntentToCaller   = 1
	StartTaskToFront            = 2
	StartDeliveredToTop         = 3
	StartSwitchesCanceled       = 100
	StartLockTaskViolation      = 101
	StartAborted                = 102
	StartIntentNotResolved      = -91
	StartClassNotFound          = -92
	StartForwardConflict        = -93
	StartPermissionDenied       = -94
	StartNotVoiceCompatible     = -97
	StartNotCurrentUserActivity = -98
)

// An Exception is what a system service throws at its caller.
type Exception struct {
	Class   string // java.lang.SecurityException
	Message string
}

// Error prints it as Throwable.toString does.
func (e *Exception) Error() string {
	if e.Message == "" {
		return e.Class
	}
	return e.Class + ": " + e.Message
}

func denied(format string, a ...any) error {
	return &Exception{Class: "java.lang.SecurityException", Message: fmt.Sprintf(format, a...)}
}

// UserCurrent is UserHandle.USER_CURRENT; UserAll is USER_ALL.
const (
	UserAll     = -1
	UserCurrent = -2
)

// A StartRequest is one call of startActivityAsUser.
type StartRequest struct {
	UID     int    // of the caller, as Binder knows it
	PID     int    // of the caller; 0 if it does not matter
	Package string // calling package as the caller names it; empty is null
	// Attached is set if the caller is an app's own process, which the activity
	// manager has started, and not just another process of its uid.
	Attached bool
	Intent   Intent
	// ExtendedFlags are those of Intent.mExtendedFlags, since 36.
	ExtendedFlags int
	User          int // id or UserCurrent
}

// Launch states of a WaitResult (WaitResult.LAUNCH_STATE_*).
const (
	LaunchUnknown = iota
	LaunchCold
	LaunchWarm
	LaunchHot
)

// A WaitResult is what startActivityAndWait returns.
type WaitResult struct {
	Code      int
	Timeout   bool
	Who       string // component that was started, package/class in full
	State     int    // Launch…
	ThisTime  int64  // ms
	TotalTime int64  // ms; negative if none was measured
}

// StartActivity starts an activity as IActivityManager.startActivityAsUser
// does, with its checks, its logs and its result (Start…). The error is an
// *Exception, thrown at the caller.
func (p *Phone) StartActivity(ctx context.Context, q StartRequest) (int, error) {
	r, err := p.StartActivityAndWait(ctx, q)
	return r.Code, err
}

// StartActivityAndWait is StartActivity that waits and reports which activity
// came to the front.
func (p *Phone) StartActivityAndWait(ctx context.Context, q StartRequest) (WaitResult, error) {
	if err := ctx.Err(); err != nil {
		return WaitResult{}, err
	}
	if err := p.checkCaller(&q); err != nil {
		return WaitResult{}, err
	}
	p.mu.Lock()
	s := starter{Phone: p, q: q, in: q.Intent}
	res, err := s.run()
	deliver := s.deliver
	p.mu.Unlock()
	if deliver != nil {
		p.Post(deliver)
	}
	return res, err
}

// checkCaller performs the checks before the starter: the caller's claimed
// package, and the user.
func (p *Phone) checkCaller(q *StartRequest) error {
	if p.API >= 30 && q.UID != RootUID && q.UID != SystemUID && !slices.Contains(p.PackagesOfUID(q.UID), q.Package) {
		return denied("Permission Denial: package=%s does not belong to uid=%d", cmp.Or(q.Package, "null"), q.UID)
	}
	return p.ResolveUser(q.UID, &q.User, "startActivityAsUser")
}

// ResolveUser is UserController.handleIncomingUser: who may act for which user.
// An app may act only for its own, and not even for the current one by that
// name.
func (p *Phone) ResolveUser(uid int, user *int, what string) error {
	if uid%PerUser >= FirstAppUID && *user != uid/PerUser {
		need := "android.permission.INTERACT_ACROSS_USERS_FULL"
		if what != "startActivityAsUser" {
			need += " or android.permission.INTERACT_ACROSS_USERS"
		}
		return denied("Permission Denial: %s asks to run as user %d but is calling from uid %s; this requires %s", what, *user, UIDText(uid),
			need)
	}
	if *user == UserCurrent {
		*user = p.CurrentUser()
	}
	if u, ok := p.User(*user); ok && u.NoShell && uid == ShellUID {
		return denied("Shell does not have permission to access user %d\n com.android.server.am.ActivityManagerService.handleIncomingUser", *user)
	}
	return nil
}

// starter is one run of ActivityStarter. Its phone is locked.
type starter struct {
	*Phone
	q       StartRequest
	in      Intent
	it      *installed
	comp    Component // the activity itself, not the alias
	alias   string
	verdict string // of the background rules
	result  WaitResult
	deliver func(context.Context)
}

func (s *starter) run() (WaitResult, error) {
	s.result = WaitResult{TotalTime: -1}
	code := s.resolve()
	if code != 0 {
		s.began(code)
		s.result.Code = code
		return s.result, nil
	}
	if err := s.permitted(); err != nil {
		return s.result, err
	}
	s.in.Component = s.it.Name + "/" + cmp.Or(s.alias, s.comp.Name)
	s.verdict = s.background()
	if s.API <= 33 {
		s.logStart(0)
	}
	if s.verdict == balBlock {
		s.logBlocked()
		code = StartAborted
		s.began(code)
	} else {
		code = s.place()
	}
	s.result.Code = code
	return s.result, nil
}

// began logs the START line at the place of levels from 34 on: when the result
// of the start is decided, and before anything is started.
func (s *starter) began(code int) {
	if s.API >= 34 {
		s.logStart(code)
	}
}

// resolve finds the activity for the intent.
func (s *starter) resolve() int {
	pkg, class, explicit := SplitComponent(s.in.Component)
	if !explicit {
		found := s.match()
		if len(found) == 0 {
			return StartIntentNotResolved
		}
		pkg, class = found[0].pkg, found[0].comp.Name
		if len(found) > 1 { // the user must choose
			pkg, class = "android", resolverClass
		}
	}
	it := s.packages[pkg]
	if it == nil {
		return StartClassNotFound
	}
	c, ok := it.Find(ActivityKind, class)
	if !ok || c.Disabled || !it.users[s.q.User].Usable() {
		return StartClassNotFound
	}
	if c.Target != "" {
		s.alias = c.Name
		target, ok := it.Find(ActivityKind, c.Target)
		if !ok {
			return StartClassNotFound
		}
		target.Exported, target.Permission = c.Exported, c.Permission
		c = target
	}
	s.it, s.comp = it, c
	switch {
	case it.users[s.q.User].Suspended && s.API >= 28:
		s.instead("android/" + suspendedClass) // ActivityStartInterceptor shows a dialog of the system
	case s.asks != nil && s.asks(s.q, it.Name):
		s.instead(s.chooser)
	}
	return 0
}

// instead starts an activity of the system and not the requested one.
func (s *starter) instead(activity string) {
	pkg, class, _ := SplitComponent(activity)
	s.it, s.alias = s.packages[pkg], ""
	s.comp, _ = s.it.Find(ActivityKind, class)
	s.in = Intent{Component: activity, Flags: s.in.Flags}
}

// permitted is the check of ActivityTaskSupervisor.checkStartAnyActivityPermission.
func (s *starter) permitted() error {
	target := s.it.UID(s.q.User)
	if s.it.Name == "android" {
		return nil
	}
	if s.q.UID == RootUID || s.q.UID == SystemUID || s.q.UID == target {
		return nil
	}
	who := fmt.Sprintf("%s from %s (pid=%d, uid=%d)", ExtendedIntentText(s.API, s.in, s.q.ExtendedFlags), s.callerText(), s.q.PID, s.q.UID)
	if !s.comp.Exported {
		return denied("Permission Denial: starting %s not exported from uid %d", who, target)
	}
	if s.comp.Permission != "" && !s.holds(s.q.UID, s.comp.Permission) {
		return denied("Permission Denial: starting %s requires %s", who, s.comp.Permission)
	}
	return nil
}

func (s *starter) callerText() string {
	if s.q.Attached {
		if pr := s.procs[s.q.PID]; pr != nil {
			return fmt.Sprintf("ProcessRecord{%x %d:%s/%s}", pr.PID*7919, pr.PID, pr.Name, UIDText(pr.UID))
		}
	}
	return "null"
}

func (p *Phone) holds(uid int, permission string) bool {
	for _, it := range p.packages {
		if it.AppID == uid%PerUser && it.Holds(permission) {
			return true
		}
	}
	return false
}

// Verdicts of the background activity start controller, as logs name them.
const (
	balDefault   = "BAL_ALLOW_DEFAULT"
	balUID       = "BAL_ALLOW_ALLOWLISTED_UID"
	balShell     = "BAL_ALLOW_PERMISSION"
	balVisible   = "BAL_ALLOW_VISIBLE_WINDOW"
	balBlock     = "BAL_BLOCK"
	permissionBG = "android.permission.START_ACTIVITIES_FROM_BACKGROUND"
)

// background decides whether the caller may start an activity now. Before 29
// everybody may.
func (s *starter) background() string {
	switch uid := s.q.UID; {
	case s.API < 29:
		return balDefault
	case uid == RootUID || uid == SystemUID || uid%PerUser == s.packages[HomePackage].AppID:
		return balUID
	case uid == ShellUID || s.holds(uid, permissionBG):
		return balShell
	case s.visible(uid):
		return balVisible
	}
	return balBlock
}

var launchNames = [...]string{"LAUNCH_MULTIPLE", "LAUNCH_SINGLE_TOP", "LAUNCH_SINGLE_TASK"}

// logStart writes the START line of ActivityStarter: up to 33 before the
// start is tried, and only when the intent resolved; from 34 on after it.
func (s *starter) logStart(code int) {
	if s.API <= 33 && code < 0 {
		return
	}
	var b strings.Builder
	if s.API >= 34 && s.it == nil {
		fmt.Fprintf(&b, " result code=%d", code)
		s.text(LogSystem, Information, s.taskTag(), b.String())
		return
	}
	fmt.Fprintf(&b, "START u%d {%s}", s.q.User, describe(s.in, s.API, s.q.ExtendedFlags, false, true))
	if s.API >= 34 {
		fmt.Fprintf(&b, " with %s", launchNames[s.comp.LaunchMode])
	}
	fmt.Fprintf(&b, " from uid %d", s.q.UID)
	switch {
	case s.API <= 25:
		b.WriteString(" on display 0")
	case s.API >= 35 || s.API == 34 && s.verdict != balDefault:
		fmt.Fprintf(&b, " (%s)", s.verdict)
	}
	if s.API >= 34 {
		fmt.Fprintf(&b, " result code=%d", code)
	}
	s.text(LogSystem, Information, s.taskTag(), b.String())
}

// logBlocked logs what the controller of background starts logs when it
// refuses, in the words of the API level.
func (s *starter) logBlocked() {
	uid := s.q.UID
	state := "NONEXISTENT"
	for _, pr := range s.procs {
		if pr.UID == uid && pr.Package != "" {
			state = "CACHED_ACTIVITY"
		}
	}
	intent, caller := ExtendedIntentText(s.API, s.in, s.q.ExtendedFlags), s.callerText()
	if s.API >= 35 {
		target := 0
		if it := s.packages[s.q.Package]; it != nil {
			target = it.TargetSDK
		}
		s.text(LogSystem, Warn, s.taskTag(), fmt.Sprintf("Background activity launch blocked! goo.gle/android-bal [callingPackage: %s; "+
			"callingPackageTargetSdk: %d; callingUid: %d; callingPid: %d; appSwitchState: 2; callingUidHasAnyVisibleWindow: false; "+
			"callingUidProcState: %s; isCallingUidPersistentSystemProcess: false; forcedBalByPiSender: BSP.NONE; intent: %s; callerApp: %s; "+
			"inVisibleTask: false; balAllowedByPiCreator: BSP.ALLOW_BAL; hasRealCaller: true; isPendingIntent: false; autoOptInReason: "+
			"notPendingIntent; realCallingPackage: %s; resultIfPiCreatorAllowsBal: BAL_BLOCK]",
			s.q.Package, target, uid, s.q.PID, state, intent, caller, s.q.Package))
		return
	}
	side := func(name string) string {
		t := fmt.Sprintf("is%sUidForeground: false; ", name)
		if s.API >= 30 {
			t += fmt.Sprintf("%sUidHasAnyVisibleWindow: false; %sUidProcState: %s; ", lowerFirst(name), lowerFirst(name), state)
		}
		return t + fmt.Sprintf("is%sUidPersistentSystemProcess: false; ", name)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Background activity start [callingPackage: %s; callingUid: %d; ", s.q.Package, uid)
	switch {
	case s.API >= 33:
		b.WriteString("appSwitchState: 2; ")
	case s.API >= 31:
		b.WriteString("appSwitchAllowed: true; ")
	}
	fmt.Fprintf(&b, "%srealCallingUid: %d; %soriginatingPendingIntent: null; ", side("Calling"), uid, side("RealCalling"))
	word := "isBgStartWhitelisted"
	if s.API >= 31 {
		word = "allowBackgroundActivityStart"
	}
	fmt.Fprintf(&b, "%s: false; intent: %s; callerApp: %s", word, intent, caller)
	if s.API >= 31 {
		b.WriteString("; inVisibleTask: false")
	}
	s.text(LogSystem, Warn, s.taskTag(), b.String()+"]")
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }
