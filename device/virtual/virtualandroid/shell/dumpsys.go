package shell

import (
	"cmp"
	_ "embed"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// dumpsysText is what the services print, in sections. A line that begins with
// @ and API levels is printed at these; so is a text in braces that begins with
// levels.
// It is not for text/template, whose reflection keeps every exported method in the
// program: five megabytes.
//
//go:embed dumpsys.txt
var dumpsysText string

// values are the values of the names in a section.
type values map[string]any

// show prints a section of dumpsysText.
func (c *call) show(section string, v values) { io.WriteString(c.out, c.section(section, v)) }

func (c *call) section(name string, v values) string {
	_, text, _ := strings.Cut(dumpsysText, "== "+name+"\n")
	text, _, _ = strings.Cut(text, "== ")
	var b strings.Builder
	for line := range strings.SplitAfterSeq(text, "\n") {
		levels, rest := "", line
		if marked, ok := strings.CutPrefix(line, "@"); ok {
			if levels, rest, ok = strings.Cut(marked, " "); !ok {
				levels, rest = strings.TrimSuffix(marked, "\n"), "\n"
			}
		}
		if !c.at(levels) {
			continue
		}
		b.WriteString(os.Expand(rest, func(name string) string {
			levels, text, ok := strings.Cut(name, " ")
			switch {
			case !ok:
				return fmt.Sprint(v[name])
			case c.at(levels):
				return " " + text
			}
			return ""
		}))
	}
	return b.String()
}

// at reports whether the phone is of one of the API levels, such as 29 or
// 24-28; "" is all.
func (c *call) at(levels string) bool {
	first, last, several := strings.Cut(levels, "-")
	from, _ := strconv.Atoi(first)
	to, _ := strconv.Atoi(last)
	return levels == "" || c.p.API == from || several && from <= c.p.API && c.p.API <= to
}

// hashOf is a stable stand-in for an object's identity.
func hashOf(of ...any) string {
	h := fnv.New32a()
	fmt.Fprint(h, of...)
	return fmt.Sprintf("%x", h.Sum32()&0xfffffff)
}

// dumpsys prints the state of a service. The parts that wxctl and people read
// are printed as by AOSP of that API level; the rest is omitted.
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
		asleep := c.p.Asleep()
		c.show("power", values{"awake": !asleep, "wakefulness": either(asleep, "Asleep", "Awake"), "display": either(asleep, "OFF", "ON")})
	case "window":
		c.dumpWindow()
	default:
		c.errorf("Can't find service: %s\n", args[0])
	}
	return 0
}

func either(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

func (c *call) dumpPackage(name string) {
	pkg := c.p.Package(name)
	if pkg == nil {
		c.printf("Unable to find package: %s\n", name)
		return
	}
	c.dumpResolvers(pkg)
	at := pkg.InstallTime
	if at.IsZero() {
		at = c.p.Now().Add(-c.p.Uptime())
	}
	installed := at.UTC().Format("2006-01-02 15:04:05")
	var certs []string
	for _, cert := range pkg.Certs {
		certs = append(certs, hashOf(string(cert)))
	}
	c.show("package", values{
		"name": name, "hash": hashOf(name), "pkghash": hashOf("pkg" + name), "sighash": hashOf("sig" + name), "certs": strings.Join(certs, ", "),
		"appid": pkg.AppID, "dir": path.Dir(pkg.Path), "code": pkg.VersionCode, "version": pkg.VersionName, "min": pkg.MinSDK,
		"target": pkg.TargetSDK, "data": c.p.DataDir(name, 0), "installed": installed,
		"flags": either(pkg.System, "SYSTEM ", "") + either(pkg.Debuggable, "DEBUGGABLE ", "") + "HAS_CODE ALLOW_CLEAR_USER_DATA ALLOW_BACKUP",
	})
	if pkg.Installer != "" {
		c.show("installer", values{"installer": pkg.Installer})
	}
	for _, u := range c.p.Users() {
		s := c.p.PackageState(name, u.ID)
		c.show("user", values{"id": u.ID, "there": s.Installed, "hidden": s.Hidden, "suspended": s.Suspended, "stopped": s.Stopped,
			"fresh": !s.Launched, "enabled": s.Enabled, "installed": installed})
	}
	c.printf("\n")
	if len(pkg.Queries) > 0 {
		c.show("queries", values{"name": name, "queries": strings.Join(pkg.Queries, "\n      ")})
	}
}

// dumpResolvers prints the tables of intent filters.
func (c *call) dumpResolvers(pkg *phone.Package) {
	var schemes, actions string
	for _, comp := range pkg.Components {
		for _, f := range comp.Filters {
			table, keys := &schemes, f.Schemes
			if len(keys) == 0 {
				table, keys = &actions, f.Actions
			}
			for _, key := range keys {
				*table += c.section("filter", values{"key": key, "hash": hashOf(comp.Name),
					"component": phone.ShortComponent(pkg.Name + "/" + comp.Name), "filter": hashOf(key, comp.Name)})
			}
		}
	}
	if schemes+actions != "" {
		c.printf("Activity Resolver Table:\n")
	}
	if schemes != "" {
		c.printf("  Schemes:\n%s\n", schemes)
	}
	if actions != "" {
		c.printf("  Non-Data Actions:\n%s\n", actions)
	}
}

func (c *call) dumpActivity(what string) {
	switch what {
	case "a", "activities":
		c.dumpActivities()
	case "top":
		if a, ok := c.p.Top(); ok {
			c.p.Describe(c.ctx, a)
			c.show("top", values{"pkg": a.Pkg, "task": a.Task, "user": a.User, "short": a.Short(), "token": fmt.Sprintf("%x", a.Token), "pid": a.PID,
				"hash": hashOf(a.Class), "resumed": a.Resumed})
		}
	default:
		c.printf("Bad activity command, or no activities match: %s\nUse -h for help.\n", what)
	}
}

func (c *call) taskText(t phone.Task) string {
	h := hashOf("task", t.ID)
	if c.p.API < 30 {
		return fmt.Sprintf("TaskRecord{%s #%d A=%s U=%d StackId=%d sz=%d}", h, t.ID, t.Affinity, t.User, t.ID, len(t.Activities))
	}
	affinity := t.Affinity
	if c.p.API >= 31 {
		affinity = fmt.Sprintf("%d:%s", t.Activities[0].UID, t.Affinity)
	}
	visible := t.Activities[len(t.Activities)-1].Resumed
	return fmt.Sprintf("Task{%s #%d type=standard A=%s U=%d visible=%v mode=fullscreen translucent=%v sz=%d}", h, t.ID, affinity, t.User,
		visible, !visible, len(t.Activities))
}

// dumpActivities prints the activity stack, top first.
func (c *call) dumpActivities() {
	c.show("activities", nil)
	for _, t := range slices.Backward(c.p.Tasks()) {
		if len(t.Activities) == 0 {
			continue
		}
		top, text := t.Activities[len(t.Activities)-1], c.taskText(t)
		c.show("task", values{"id": t.ID, "task": text, "user": t.User, "uid": top.UID, "affinity": t.Affinity})
		resumed := values{"activity": c.p.Text(top)}
		if top.Resumed {
			c.show("resumed in task", resumed)
		}
		for i, a := range slices.Backward(t.Activities) {
			c.show("activity", values{"number": i, "activity": c.p.Text(a), "pkg": a.Pkg, "callerUid": a.CallerUID,
				"caller": cmp.Or(a.Caller, "null"), "user": a.User, "pid": a.PID, "pidhash": hashOf(a.PID), "uid": phone.UIDText(a.UID),
				"intent": phone.IntentText(c.p.API, a.Intent), "root": a.Root, "task": text, "state": either(a.Resumed, "RESUMED", "STOPPED")})
		}
		if top.Resumed {
			c.show("resumed below task", resumed)
		}
	}
	if top, ok := c.p.Top(); ok {
		c.printf("\n")
		c.show("focused", values{"activity": c.p.Text(top)})
		if top.Resumed {
			c.show("resumed", values{"activity": c.p.Text(top)})
		}
	}
	c.show("keyguard", values{"locked": c.p.Locked()})
}

func (c *call) dumpWindow() {
	top, ok := c.p.Top()
	focus := "null"
	if c.p.Locked() {
		name := either(c.p.API >= 30, "NotificationShade", "StatusBar")
		focus = fmt.Sprintf("Window{%s u0 %s}", hashOf(name), name)
	} else if ok {
		focus = fmt.Sprintf("Window{%s u%d %s}", hashOf(top.Token), top.User, top.Component())
	}
	c.show("window", values{"locked": c.p.Locked(), "awake": !c.p.Asleep(), "focus": focus})
	if ok {
		c.show("focused app", values{"activity": c.p.Text(top), "apphash": hashOf("app" + focus), "tokenhash": hashOf("tok" + focus)})
	}
}
