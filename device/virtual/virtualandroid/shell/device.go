package shell

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

func getprop(c *call) int {
	args := c.args[1:]
	if len(args) == 0 {
		props := c.p.Properties()
		names := make([]string, 0, len(props))
		for k := range props {
			names = append(names, k)
		}
		slices.Sort(names)
		for _, k := range names {
			c.printf("[%s]: [%s]\n", k, props[k])
		}
		return 0
	}
	v := c.p.Property(args[0])
	if v == "" && len(args) > 1 {
		v = args[1]
	}
	fmt.Fprintln(c.out, v)
	return 0
}

func settings(c *call) int {
	args := c.args[1:]
	for len(args) > 1 && args[0] == "--user" {
		args = args[2:]
	}
	if len(args) < 3 || args[0] != "get" {
		c.errorf("Invalid command: %s\n", strings.Join(args, " "))
		return 255
	}
	space := args[1]
	if space != "global" && space != "secure" && space != "system" {
		c.errorf("Invalid namespace '%s'\n", space)
		return 255
	}
	fmt.Fprintln(c.out, "null") // none is set
	return 0
}

func wm(c *call) int {
	if len(c.args) < 2 {
		c.printf("Window manager (window) commands:\n")
		return 0
	}
	switch c.args[1] {
	case "size":
		c.printf("Physical size: 1080x2400\n")
	case "density":
		c.printf("Physical density: 420\n")
	case "dismiss-keyguard":
		c.p.SetLocked(false)
	default:
		c.printf("Unknown command: %s\n", c.args[1])
		return 255
	}
	return 0
}

func inputCommand(c *call) int {
	args := c.args[1:]
	if len(args) > 0 && slices.Contains([]string{"keyboard", "touchscreen", "dpad", "mouse"}, args[0]) {
		args = args[1:]
	}
	if len(args) == 0 {
		c.errorf("Usage: input [<source>] [-d DISPLAY_ID] <command> [<arg>...]\n")
		return 255
	}
	if c.p.NoInput() && c.cred.UID == phone.ShellUID {
		return c.noInput(args[0])
	}
	switch args[0] {
	case "keyevent":
		if len(args) < 2 {
			if c.p.API < 31 { // a Java program of its own, whose exit code is 0
				c.errorf("Error: Invalid arguments for command: keyevent\n")
				return 0
			}
			return c.java("keyevent", func() int { (&argReader{last: "keyevent"}).required(); return 0 })
		}
		for _, k := range args[1:] {
			c.key(k)
		}
	case "tap", "swipe", "text", "press", "roll", "draganddrop", "motionevent":
	default:
		c.errorf("Error: Unknown command: %s\n", args[0])
		return 255
	}
	return 0
}

// noInput is Android's refusal for a shell that may not press keys.
func (c *call) noInput(what string) int {
	e := &phone.Exception{Class: "java.lang.SecurityException", Message: "Injecting to another application requires INJECT_EVENTS permission"}
	if c.p.API >= 33 {
		e.Message = "Injecting input events requires the caller (or the source of the instrumentation, if any) " +
			"to have the INJECT_EVENTS permission."
	}
	if c.p.API < 31 { // a Java program of its own
		return c.javaProgram(func() int { panic(e) })
	}
	return c.java(what, func() int { panic(e) })
}

// key applies a key to the model.
func (c *call) key(k string) {
	switch strings.TrimPrefix(strings.ToUpper(k), "KEYCODE_") {
	case "HOME", "3":
		c.p.GoHome()
	case "BACK", "4":
		c.p.Back()
	case "POWER", "26":
		off := !c.p.Asleep()
		c.p.SetAsleep(off)
		if off {
			c.p.SetLocked(true)
		}
	case "WAKEUP", "224":
		c.p.SetAsleep(false)
	case "SLEEP", "223":
		c.p.SetAsleep(true)
	case "MENU", "82":
		if !c.p.Asleep() {
			c.p.SetLocked(false)
		}
	}
}

func monkey(c *call) int {
	pkg := ""
	for i, a := range c.args {
		if a == "-p" && i+1 < len(c.args) {
			pkg = c.args[i+1]
		}
	}
	in := phone.Intent{Action: "android.intent.action.MAIN", Package: pkg, Categories: []string{"android.intent.category.LAUNCHER"}}
	to := c.p.Resolve(in, 0)
	if pkg == "" || len(to) == 0 {
		c.printf("** No activities found to run, monkey aborted.\n")
		return 252
	}
	in.Package, in.Component, in.Flags = "", to[0], phone.FlagNewTask
	c.printf("Events injected: 1\n")
	_, _ = c.p.StartActivity(c.ctx, phone.StartRequest{UID: c.cred.UID, PID: c.pid, Package: "com.android.shell", Intent: in})
	return 0
}

// logCommand is toybox's log: it writes a line of the main buffer.
func logCommand(c *call) int {
	tag, priority := "log", phone.Information
	args := c.args[1:]
	// Options come before the first word: what is logged may begin with a dash.
	for ; len(args) > 1 && (args[0] == "-t" || args[0] == "-p"); args = args[2:] {
		if args[0] == "-t" {
			tag = args[1]
			continue
		}
		i := strings.IndexByte("vdiwef", (strings.ToLower(args[1]) + " ")[0])
		if i < 0 {
			c.errorf("log: bad -p '%s'\n", args[1])
			return 1
		}
		priority = phone.Verbose + i
	}
	c.p.Logcat(c.pid, c.cred.UID, priority, tag, strings.Join(args, " "))
	return 0
}
