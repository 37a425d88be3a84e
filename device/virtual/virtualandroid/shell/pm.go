package shell

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// pm is /system/bin/pm: up to 27 a Java program of its own that hands lists to
// the package service, from 28 on a script that runs cmd package.
func pm(c *call) int {
	args := c.args[1:]
	if c.p.API >= 28 {
		return c.packageService(args)
	}
	if len(args) == 0 {
		c.errorf("usage: pm path [--user USER_ID] PACKAGE\n       pm dump PACKAGE\n       pm list package [FILTER]\n")
		return 1
	}
	switch args[0] {
	case "list":
		if len(args) > 1 && args[1] == "users" {
			return c.listUsers()
		}
		return c.packageService(args)
	case "path":
		return c.java("path", func() int { return c.pmPath(&argReader{args: args[1:]}) })
	case "enable":
		return c.java("enable", func() int { return c.pmEnable(&argReader{args: args[1:]}) })
	}
	c.errorf("Error: unknown command '%s'\n", args[0])
	return 1
}

// packageService is cmd package.
func (c *call) packageService(args []string) int {
	if len(args) == 0 {
		c.printf("Package manager (package) commands:\n  help\n    Print this help text.\n")
		return 255
	}
	r := &argReader{args: args[1:], last: args[0]}
	return c.java(args[0], func() int {
		switch {
		case args[0] == "list":
			return c.pmList(r)
		case args[0] == "path" && c.p.API >= 28:
			return c.pmPath(r)
		case args[0] == "dump" && c.p.API >= 28, args[0] == "dump-package" && c.p.API >= 35:
			if len(r.args) == 0 {
				c.errorf("Error: no package specified\n")
				return 1
			}
			c.dumpPackage(r.args[0])
			return 0
		case args[0] == "enable":
			return c.pmEnable(r)
		case args[0] == "resolve-activity":
			return c.resolveActivity(r)
		}
		c.printf("Unknown command: %s\n", args[0])
		return 255
	})
}

// mayEnter throws where the shell may not act for a user.
func (c *call) mayEnter(user int) {
	if u, ok := c.p.User(user); ok && u.NoShell {
		panic(&phone.Exception{Class: "java.lang.SecurityException",
			Message: fmt.Sprintf("Shell does not have permission to access user %d", user)})
	}
}

func (c *call) pmList(r *argReader) int {
	kind, ok := r.next()
	if !ok {
		c.printf("Error: didn't specify type of data to list\n")
		return 255
	}
	switch {
	case kind == "package" || kind == "packages":
		return c.listPackages(r)
	case kind == "users" && c.p.API >= 28:
		return c.listUsers()
	}
	c.printf("Error: unknown list type '%s'\n", kind)
	return 255
}

// listing are the options of pm list packages.
type listing struct {
	path, disabled, enabled, system, third, installer, version, uid bool
	user                                                            int
	filter                                                          string
}

func (c *call) listOptions(r *argReader) (l listing, code int) {
	if c.p.API >= 33 {
		l.user = phone.UserAll
	}
	for {
		opt, ok := r.option()
		if !ok {
			break
		}
		switch {
		case opt == "-d":
			l.disabled = true
		case opt == "-e":
			l.enabled = true
		case opt == "-f":
			l.path = true
		case opt == "-i":
			l.installer = true
		case opt == "-s":
			l.system = true
		case opt == "-3":
			l.third = true
		case opt == "-U" && c.p.API >= 26:
			l.uid = true
		case opt == "--show-versioncode" && c.p.API >= 26:
			l.version = true
		case opt == "--user":
			l.user = userArg(r.required())
		default:
			c.printf("Error: Unknown option: %s\n", opt)
			return l, 255
		}
	}
	l.filter, _ = r.next()
	return l, 0
}

func (c *call) listPackages(r *argReader) int {
	l, code := c.listOptions(r)
	if code != 0 {
		return code
	}
	var users []int
	switch {
	case l.user == phone.UserCurrent:
		users = []int{c.p.CurrentUser()}
	case l.user != phone.UserAll:
		users = []int{l.user}
	case c.p.API < 33:
		users = []int{0} // --user all is user 0 there
	default:
		for _, u := range c.p.Users() {
			users = append(users, u.ID)
		}
	}
	for _, id := range users {
		c.mayEnter(id)
	}
	for _, pkg := range c.p.Packages(-1) {
		var uids []string
		for _, id := range users {
			if c.listed(l, pkg, id) {
				uids = append(uids, strconv.Itoa(pkg.UID(id)))
			}
		}
		if len(uids) > 0 {
			fmt.Fprintln(c.out, l.line(pkg, uids))
		}
	}
	return 0
}

func (c *call) listed(l listing, pkg *phone.Package, user int) bool {
	s := c.p.PackageState(pkg.Name, user)
	off := s.Enabled == phone.Disabled || s.Enabled == phone.DisabledUser || s.Enabled == phone.DisabledUntilUsed
	switch {
	case !s.Installed:
		return false
	case l.filter != "" && !strings.Contains(pkg.Name, l.filter):
		return false
	case l.disabled && !off, l.enabled && off, l.system && !pkg.System, l.third && pkg.System:
		return false
	}
	return true
}

func (l listing) line(pkg *phone.Package, uids []string) string {
	var b strings.Builder
	b.WriteString("package:")
	if l.path {
		b.WriteString(pkg.Path + "=")
	}
	b.WriteString(pkg.Name)
	if l.version {
		fmt.Fprintf(&b, " versionCode:%d", pkg.VersionCode)
	}
	if l.installer {
		b.WriteString("  installer=" + cmp.Or(pkg.Installer, "null"))
	}
	if l.uid {
		b.WriteString(" uid:" + strings.Join(uids, ","))
	}
	return b.String()
}

func (c *call) pmPath(r *argReader) int {
	user, ok := c.userOption(r, 0)
	if !ok {
		return 1
	}
	if len(r.args) == 0 && c.p.API < 28 {
		c.errorf("Error: no package specified\n")
		return 1
	}
	name := r.required()
	if user < 0 {
		user = c.p.CurrentUser()
	}
	c.mayEnter(user)
	pkg := c.p.Package(name)
	if pkg == nil || !c.p.PackageState(name, user).Installed {
		return 1
	}
	for _, p := range append([]string{pkg.Path}, pkg.Splits...) {
		c.printf("package:%s\n", p)
	}
	return 0
}

// listUsers is pm list users.
func (c *call) listUsers() int {
	c.printf("Users:\n")
	for _, u := range c.p.Users() {
		running := " running"
		if u.Stopped {
			running = ""
		}
		c.printf("\tUserInfo{%d:%s:%x}%s\n", u.ID, u.Name, u.Flags, running)
	}
	return 0
}

// resolveActivity is cmd package resolve-activity, which prints the component in
// its short form: --brief.
func (c *call) resolveActivity(r *argReader) int {
	o := startOptions{user: 0}
	in := intentArgs(r, func(opt string) bool { return opt == "--brief" || opt == "--components" || c.startOption(r, &o, opt) })
	if to := c.p.Resolve(in, max(o.user, 0)); len(to) > 0 {
		c.printf("priority=0 preferredOrder=0 match=0x108000 specificIndex=-1 isDefault=true\n%s\n", phone.ShortComponent(to[0]))
	} else {
		c.printf("No activity found\n")
	}
	return 0
}

// cmd is /system/bin/cmd: SERVICE and what the service itself takes.
func cmd(c *call) int {
	args := c.args[1:]
	if len(args) == 0 {
		c.errorf("cmd: No service specified; use -l to list all services\n")
		return 20
	}
	rest := args[1:]
	switch args[0] {
	case "package":
		return c.packageService(rest)
	case "activity":
		if c.p.API >= 26 {
			return c.activityManager(rest)
		}
		if len(rest) > 0 {
			c.printf("Unknown command: %s\n", rest[0])
		}
		return 255
	case "settings":
		sub := *c
		sub.args = args
		return settings(&sub)
	}
	c.errorf("cmd: Can't find service: %s\n", args[0])
	return 20
}

// pmEnable is pm enable [--user USER_ID] PACKAGE (runSetEnabledSetting).
func (c *call) pmEnable(r *argReader) int {
	user, ok := c.userOption(r, 0)
	if !ok {
		return 1
	}
	name, ok := r.next()
	state := c.p.PackageState(name, user)
	if !ok || !state.Installed {
		c.errorf("Error: java.lang.IllegalArgumentException: Unknown package: %s\n", name)
		return 255
	}
	state.Enabled = phone.EnabledTrue
	c.p.SetPackageState(name, user, state)
	c.printf("Package %s new state: enabled\n", name)
	return 0
}
