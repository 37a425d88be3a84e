package shell

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// dumpsys prints the state of a service. What wxctl and people read there is
// printed as AOSP of that level does; the rest is omitted.
func dumpsys(c *call) int {
	if len(c.args) > 1 {
		return c.dump(c.args[1:])
	}
	services := []string{"activity", "package", "power", "window"}
	c.printf("Currently running services:\n  %s\n", strings.Join(services, "\n  "))
	for _, service := range services {
		c.printf("%s\nDUMP OF SERVICE %s:\n", strings.Repeat("-", 79), service)
		c.dump([]string{service})
	}
	return 0
}

// dump prints the state of one service, and takes its arguments.
func (c *call) dump(args []string) int {
	switch args[0] {
	case "package":
		if len(args) < 2 {
			for _, p := range c.p.Packages(-1) {
				c.dumpPackage(p.Name)
			}
			return 0
		}
		c.dumpPackage(args[len(args)-1])
	case "activity":
		what := "activities"
		if len(args) > 1 {
			what = args[1]
		}
		c.dumpActivity(what)
	case "power":
		c.dumpPower()
	case "window":
		c.dumpWindow()
	default:
		c.errorf("Can't find service: %s\n", args[0])
	}
	return 0
}

// hashOf is a stable stand-in for an object's identity.
func hashOf(s string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(s))
	return h.Sum32() & 0xfffffff
}

func (c *call) dumpPackage(name string) {
	pkg := c.p.Package(name)
	if pkg == nil {
		c.printf("Unable to find package: %s\n", name)
		return
	}
	api := c.p.API
	c.dumpResolvers(pkg)
	c.printf("Packages:\n  Package [%s] (%x):\n", name, hashOf(name))
	if pkg.SharedUser != "" {
		c.printf("    sharedUser=SharedUserSetting{%x %s/%d}\n", hashOf(pkg.SharedUser), pkg.SharedUser, pkg.AppID)
	}
	word := "userId"
	if api >= 33 {
		word = "appId"
	}
	c.printf("    %s=%d\n", word, pkg.AppID)
	dir := pkg.Path
	if i := strings.LastIndexByte(dir, '/'); i > 0 {
		dir = dir[:i]
	}
	c.printf("    pkg=Package{%x %s}\n    codePath=%s\n    resourcePath=%s\n", hashOf("pkg"+name), name, dir, dir)
	c.printf("    versionCode=%d minSdk=%d targetSdk=%d\n    versionName=%s\n", pkg.VersionCode, pkg.MinSDK, pkg.TargetSDK, pkg.VersionName)
	if len(pkg.Splits) > 0 {
		names := []string{"base"}
		for _, s := range pkg.Splits {
			s = s[strings.LastIndexByte(s, '/')+1:]
			names = append(names, strings.TrimSuffix(strings.TrimPrefix(s, "split_"), ".apk"))
		}
		c.printf("    splits=[%s]\n", strings.Join(names, ", "))
	}
	c.printf("    signatures=PackageSignatures{%x [%s]}\n", hashOf("sig"+name), signatures(pkg))
	c.printf("    %s\n", flagText(pkg))
	c.printf("    dataDir=%s\n    supportsScreens=[small, medium, large, xlarge, resizeable, anyDensity]\n", c.p.DataDir(name, 0))
	installed := pkg.InstallTime
	if installed.IsZero() {
		installed = c.p.Now().Add(-c.p.Uptime())
	}
	stamp := installed.UTC().Format("2006-01-02 15:04:05")
	if api < 33 {
		c.printf("    firstInstallTime=%s\n", stamp)
	}
	c.printf("    lastUpdateTime=%s\n", stamp)
	if pkg.Installer != "" {
		c.printf("    installerPackageName=%s\n", pkg.Installer)
	}
	for _, u := range c.p.Users() {
		s := c.p.PackageState(name, u.ID)
		c.printf("    User %d: %s\n", u.ID, userState(api, s))
		if api >= 33 {
			c.printf("      installReason=0\n      firstInstallTime=%s\n", stamp)
		}
		c.printf("      gids=[3003]\n      runtime permissions:\n")
	}
	c.printf("\n")
	if len(pkg.Queries) > 0 && api >= 30 {
		c.printf("Queries:\n  system apps queryable: false\n  queries via package name:\n    %s:\n", name)
		for _, q := range pkg.Queries {
			c.printf("      %s\n", q)
		}
		c.printf("\n")
	}
}

// dumpResolvers prints the filters of a package's activities, which come before
// the packages.
func (c *call) dumpResolvers(pkg *phone.Package) {
	tables := map[string][]string{}
	for _, comp := range pkg.Components {
		for _, f := range comp.Filters {
			if comp.Kind != phone.ActivityKind {
				continue
			}
			title, keys := "Schemes", f.Schemes
			if len(keys) == 0 {
				title, keys = "Non-Data Actions", f.Actions
			}
			for _, key := range keys {
				tables[title] = append(tables[title], fmt.Sprintf("      %s:\n        %x %s filter %x\n", key, hashOf(comp.Name),
					phone.ShortComponent(pkg.Name+"/"+comp.Name), hashOf(comp.Name+fmt.Sprint(f))))
			}
		}
	}
	if len(tables) > 0 {
		c.printf("Activity Resolver Table:\n")
	}
	for _, title := range []string{"Schemes", "Non-Data Actions"} {
		if len(tables[title]) > 0 {
			c.printf("  %s:\n%s\n", title, strings.Join(tables[title], ""))
		}
	}
}

func signatures(pkg *phone.Package) string {
	var out []string
	for _, cert := range pkg.Certs {
		out = append(out, fmt.Sprintf("%x", hashOf(string(cert))))
	}
	return strings.Join(out, ", ")
}

func flagText(pkg *phone.Package) string {
	flags := []string{"HAS_CODE", "ALLOW_CLEAR_USER_DATA", "ALLOW_BACKUP"}
	if pkg.Debuggable {
		flags = append([]string{"DEBUGGABLE"}, flags...)
	}
	if pkg.System {
		flags = append([]string{"SYSTEM"}, flags...)
	}
	return "flags=[ " + strings.Join(flags, " ") + " ]\n    pkgFlags=[ " + strings.Join(flags, " ") + " ]"
}

func userState(api int, s phone.PackageState) string {
	f := []string{"ceDataInode=131113"}
	if api >= 36 {
		f = append(f, "deDataInode=131114")
	}
	f = append(f, "installed="+fmt.Sprint(s.Installed), "hidden="+fmt.Sprint(s.Hidden), "suspended="+fmt.Sprint(s.Suspended))
	if api >= 30 {
		f = append(f, "distractionFlags=0")
	}
	f = append(f, "stopped="+fmt.Sprint(s.Stopped), "notLaunched="+fmt.Sprint(!s.Launched), fmt.Sprintf("enabled=%d", s.Enabled))
	if api >= 26 {
		f = append(f, "instant=false")
	}
	if api >= 28 {
		f = append(f, "virtual=false")
	}
	if api >= 36 {
		f = append(f, "quarantined=false")
	}
	return strings.Join(f, " ")
}

func (c *call) dumpActivity(what string) {
	switch what {
	case "a", "activities":
		c.dumpActivities()
	case "top":
		if a, ok := c.p.Top(); ok {
			c.p.Describe(c.ctx, a)
			c.printf("TASK %s id=%d userId=%d\n  ACTIVITY %s %x pid=%d\n    Local Activity %x State:\n      mResumed=%v mStopped=false "+
				"mFinished=false\n", a.Pkg, a.Task, a.User, a.Short(), a.Token, a.PID, hashOf(a.Class), a.Resumed)
		}
	default:
		c.printf("Bad activity command, or no activities match: %s\nUse -h for help.\n", what)
	}
}

// formatUID prints a uid as UserHandle.formatUid does: u0a160, u10s1000, and
// those of the owner's system as numbers.
func formatUID(uid int) string {
	if uid < phone.FirstAppUID {
		return strconv.Itoa(uid)
	}
	user, app := uid/phone.PerUser, uid%phone.PerUser
	if app < phone.FirstAppUID {
		return fmt.Sprintf("u%ds%d", user, app)
	}
	return fmt.Sprintf("u%da%d", user, app-phone.FirstAppUID)
}

func (c *call) taskText(t phone.Task) string {
	h := hashOf(fmt.Sprint("task", t.ID))
	if c.p.API < 30 {
		return fmt.Sprintf("TaskRecord{%x #%d A=%s U=%d StackId=%d sz=%d}", h, t.ID, t.Affinity, t.User, t.ID, len(t.Activities))
	}
	affinity := t.Affinity
	if c.p.API >= 31 {
		affinity = fmt.Sprintf("%d:%s", t.Activities[0].UID, t.Affinity)
	}
	visible := t.Activities[len(t.Activities)-1].Resumed
	return fmt.Sprintf("Task{%x #%d type=standard A=%s U=%d visible=%v mode=fullscreen translucent=%v sz=%d}", h, t.ID, affinity, t.User,
		visible, !visible, len(t.Activities))
}

// dumpActivities prints the activity stack, top first.
func (c *call) dumpActivities() {
	api := c.p.API
	c.printf("ACTIVITY MANAGER ACTIVITIES (dumpsys activity activities)\nDisplay #0 (activities from top to bottom):\n")
	tasks := c.p.Tasks()
	slices.Reverse(tasks)
	for _, t := range tasks {
		if len(t.Activities) == 0 {
			continue
		}
		top := t.Activities[len(t.Activities)-1]
		switch {
		case api <= 30:
			c.printf("\n  Stack #%d:\n  mFullscreen=true\n    Task id #%d\n    * %s\n      userId=%d effectiveUid=%d\n      affinity=%s\n", t.ID,
				t.ID, c.taskText(t), t.User, top.UID, t.Affinity)
		default:
			c.printf("  * %s\n    mBounds=Rect(0, 0 - 0, 0)\n", c.taskText(t))
			if api >= 32 && top.Resumed {
				c.printf("    topResumedActivity=%s\n", c.p.Text(top))
			}
		}
		for i, a := range slices.Backward(t.Activities) {
			state := map[bool]string{true: "RESUMED", false: "STOPPED"}[a.Resumed]
			c.printf("      * Hist #%d: %s\n          packageName=%s processName=%s\n          launchedFromUid=%d launchedFromPackage=%s "+
				"userId=%d\n          app=ProcessRecord{%x %d:%s/%s}\n          %s\n          frontOfTask=%v task=%s\n          state=%s\n", i,
				c.p.Text(a), a.Pkg, a.Pkg, a.CallerUID, cmp.Or(a.Caller, "null"), a.User,
				hashOf(fmt.Sprint(a.PID)), a.PID, a.Pkg, formatUID(a.UID), phone.IntentText(api, a.Intent), a.Root, c.taskText(t), state)
		}
		if api <= 31 && top.Resumed {
			c.printf("\n    mResumedActivity: %s\n", c.p.Text(top))
		}
	}
	if top, ok := c.p.Top(); ok {
		c.printf("\n")
		switch {
		case api <= 25:
			c.printf("  mFocusedActivity: %s\n", c.p.Text(top))
		case api == 29:
			c.printf(" ResumedActivity:%s\n  ResumedActivity: %s\n", c.p.Text(top), c.p.Text(top))
		case api >= 30 && top.Resumed:
			c.printf("  ResumedActivity: %s\n", c.p.Text(top))
		}
	}
	if api >= 29 {
		c.printf("\n  KeyguardController:\n    mKeyguardShowing=%v\n    mAodShowing=false\n    mKeyguardGoingAway=false\n", c.p.Locked())
	}
}

func (c *call) dumpPower() {
	wake, state := "Awake", "ON"
	if c.p.Asleep() {
		wake, state = "Asleep", "OFF"
	}
	c.printf("POWER MANAGER (dumpsys power)\n\nPower Manager State:\n  mDirty=0x0\n  mWakefulness=%s\n  mWakefulnessChanging=false\n  "+
		"mIsPowered=true\n  mPlugType=2\n  mBatteryLevel=100\n  mStayOn=false\n  mHoldingDisplaySuspendBlocker=%v\n", wake, !c.p.Asleep())
	c.printf("\nDisplay Power: state=%s\n", state)
}

func (c *call) dumpWindow() {
	locked, asleep := c.p.Locked(), c.p.Asleep()
	top, ok := c.p.Top()
	c.printf("WINDOW MANAGER POLICY STATE (dumpsys window policy)\n")
	c.printf("    mSafeMode=false mSystemReady=true mSystemBooted=true\n    mAwake=%v mScreenOnEarly=%v mScreenOnFully=%v\n", !asleep,
		!asleep, !asleep)
	if c.p.API <= 28 {
		c.printf("    mShowingLockscreen=%v mShowingDream=false mDreamingLockscreen=%v mDreamingSleepToken=null\n    isStatusBarKeyguard=%v\n",
			locked, locked, locked)
	} else {
		c.printf("    mDreamingLockscreen=%v\n    isKeyguardShowing=%v\n    KeyguardServiceDelegate\n      showing=%v\n      "+
			"showingAndNotOccluded=%v\n      inputRestricted=%v\n", locked, locked, locked, locked, locked)
	}
	c.printf("\nWINDOW MANAGER WINDOWS (dumpsys window windows)\n")
	focus := "null"
	switch {
	case asleep && locked, locked:
		name := "StatusBar"
		if c.p.API >= 30 {
			name = "NotificationShade"
		}
		focus = fmt.Sprintf("Window{%x u0 %s}", hashOf(name), name)
	case ok:
		focus = fmt.Sprintf("Window{%x u%d %s}", hashOf(fmt.Sprint(top.Token)), top.User, top.Component())
	}
	c.printf("  mCurrentFocus=%s\n", focus)
	if ok {
		app := c.p.Text(top)
		if c.p.API < 30 {
			app = fmt.Sprintf("AppWindowToken{%x token=Token{%x %s}}", hashOf("app"+focus), hashOf("tok"+focus), app)
		}
		c.printf("  mFocusedApp=%s\n", app)
	}
}
