package shell

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wxctl/wxctl/device/virtual/android/phone"
)

// find gives the program of a name in /system/bin, or nil.
func find(name string) func(*call) int {
	switch name {
	case "am":
		return am
	case "app_process", "app_process32", "app_process64":
		return appProcess
	case "base64":
		return base64Command
	case "basename":
		return basename
	case "cat":
		return cat
	case "chmod":
		return chmod
	case "chown":
		return chown
	case "cmd":
		return cmd
	case "content":
		return content
	case "cp":
		return cp
	case "cut":
		return cut
	case "date":
		return date
	case "df":
		return df
	case "dirname":
		return dirname
	case "dumpsys":
		return dumpsys
	case "echo", "print":
		return echo
	case "env", "printenv":
		return env
	case "false":
		return func(*call) int { return 1 }
	case "find":
		return findFiles
	case "getprop":
		return getprop
	case "grep", "egrep", "fgrep":
		return grepAs
	case "head":
		return head
	case "id":
		return id
	case "input":
		return inputCommand
	case "kill":
		return kill
	case "ln":
		return ln
	case "logcat":
		return logcat
	case "ls":
		return ls
	case "md5sum":
		return md5sum
	case "mkdir":
		return mkdir
	case "monkey":
		return monkey
	case "mv":
		return mv
	}
	return findMore(name)
}

func findMore(name string) func(*call) int {
	switch name {
	case "pidof":
		return pidof
	case "pm":
		return pm
	case "printf":
		return printf
	case "ps":
		return ps
	case "pwd":
		return func(c *call) int { fmt.Fprintln(c.out, c.dir); return 0 }
	case "test", "[":
		return func(c *call) int { return c.test(c.args) }
	case "readlink", "realpath":
		return readlink
	case "rm":
		return rm
	case "rmdir":
		return rmdir
	case "run-as":
		return runAs
	case "screencap":
		return screencap
	case "seq":
		return seq
	case "service":
		return service
	case "setprop":
		return setprop
	case "settings":
		return settings
	case "sha1sum":
		return sha1sum
	case "sha256sum":
		return sha256sum
	case "sleep":
		return sleep
	case "sort":
		return sortCommand
	case "stat":
		return stat
	case "tail":
		return tail
	case "tee":
		return tee
	case "touch":
		return touch
	case "tr":
		return tr
	case "true":
		return func(*call) int { return 0 }
	case "uname":
		return uname
	case "uniq":
		return uniq
	case "uptime":
		return uptime
	case "wc":
		return wc
	case "which":
		return which
	case "whoami":
		return whoami
	case "wm":
		return wm
	case "xargs":
		return xargs
	}
	return nil
}

func grepAs(c *call) int {
	switch c.args[0] {
	case "egrep":
		c.args = append([]string{"grep", "-E"}, c.args[1:]...)
	case "fgrep":
		c.args = append([]string{"grep", "-F"}, c.args[1:]...)
	}
	return grep(c)
}

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
	if args[0] == "-T" || args[0] == "-Z" {
		return 0
	}
	v := c.p.Property(args[0])
	if v == "" && len(args) > 1 {
		v = args[1]
	}
	fmt.Fprintln(c.out, v)
	return 0
}

func setprop(c *call) int {
	if len(c.args) != 3 {
		if c.p.API >= 26 {
			c.errorf("usage: setprop NAME VALUE\n\nSets an Android system property.\n\nsetprop: need 2 arguments\n")
		} else {
			c.errorf("usage: setprop <key> <value>\n")
		}
		return 1
	}
	name, value := c.args[1], c.args[2]
	denied := c.cred.UID != phone.RootUID && c.cred.UID != phone.SystemUID && !slices.ContainsFunc([]string{"debug.", "log.", "persist.log.", "persist.sys.", "sys.", "service.", "ctl.", "dev.", "net."},
		func(p string) bool { return strings.HasPrefix(name, p) })
	if denied || c.p.SetProperty(name, value) != nil {
		if c.p.API >= 26 {
			c.errorf("Failed to set property '%s' to '%s'.\nSee dmesg for error reason.\n", name, value)
			return 1
		}
		c.errorf("could not set property\n")
		return 1
	}
	return 0
}

// contexts are the SELinux contexts that id prints.
func (c *call) context() string {
	switch {
	case c.cred.UID == phone.RootUID:
		return "u:r:su:s0"
	case c.cred.UID == phone.ShellUID:
		return "u:r:shell:s0"
	}
	return fmt.Sprintf("u:r:runas_app:s0:c%d,c%d,c512,c768", c.cred.UID%256, 256+c.cred.UID/256%256)
}

func id(c *call) int {
	set, _, err := c.flags("ugGnZ", "")
	if err != nil {
		return c.usage(err)
	}
	uid := c.cred.UID
	name := func(n int) string {
		if _, ok := set['n']; ok {
			return phone.UserName(n)
		}
		return strconv.Itoa(n)
	}
	full := func(n int) string { return fmt.Sprintf("%d(%s)", n, phone.UserName(n)) }
	switch {
	case has(set, 'u'), has(set, 'g'):
		fmt.Fprintln(c.out, name(uid))
	case has(set, 'G'):
		var out []string
		for _, g := range append([]int{uid}, c.cred.Groups...) {
			out = append(out, name(g))
		}
		fmt.Fprintln(c.out, strings.Join(slices.Compact(out), " "))
	case has(set, 'Z'):
		fmt.Fprintln(c.out, c.context())
	default:
		var groups []string
		for _, g := range c.cred.Groups {
			if g != uid || uid != phone.ShellUID {
				groups = append(groups, full(g))
			}
		}
		if len(groups) == 0 {
			groups = []string{full(uid)}
		}
		c.printf("uid=%s gid=%s groups=%s context=%s\n", full(uid), full(uid), strings.Join(groups, ","), c.context())
	}
	return 0
}

func has(set map[byte]string, b byte) bool { _, ok := set[b]; return ok }

func whoami(c *call) int { fmt.Fprintln(c.out, phone.UserName(c.cred.UID)); return 0 }

func uname(c *call) int {
	set, _, err := c.flags("asnrvmpio", "")
	if err != nil {
		return c.usage(err)
	}
	all := has(set, 'a')
	var out []string
	for _, f := range []struct {
		b byte
		v string
	}{{'s', "Linux"}, {'n', "localhost"}, {'r', "5.10.198-android13-4"}, {'v', "#1 SMP PREEMPT"}, {'m', "aarch64"}} {
		if all || has(set, f.b) || len(set) == 0 && f.b == 's' {
			out = append(out, f.v)
		}
	}
	if all && c.p.API >= 30 {
		out = append(out, "Toybox")
	}
	fmt.Fprintln(c.out, strings.Join(out, " "))
	return 0
}

func date(c *call) int {
	set, rest, err := c.flags("u", "drDs")
	if err != nil {
		return c.usage(err)
	}
	now := c.p.Now().UTC()
	if v, ok := set['d']; ok && strings.HasPrefix(v, "@") {
		n, _ := strconv.ParseInt(v[1:], 10, 64)
		now = time.Unix(n, 0).UTC()
	}
	format := "+%a %b %e %H:%M:%S %Z %Y"
	if len(rest) > 0 {
		if !strings.HasPrefix(rest[0], "+") {
			c.errorf("date: cannot set date: %v\n", phone.EPERM)
			return 1
		}
		format = rest[0]
	}
	fmt.Fprintln(c.out, strftime(format[1:], now))
	return 0
}

func strftime(format string, t time.Time) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		if layout, ok := map[byte]string{'Y': "2006", 'm': "01", 'd': "02", 'e': "_2", 'H': "15", 'M': "04", 'S': "05", 'a': "Mon", 'b': "Jan", 'y': "06", 'F': "2006-01-02", 'T': "15:04:05", 'z': "-0700", 'A': "Monday", 'B': "January", 'I': "03", 'p': "PM"}[format[i]]; ok {
			b.WriteString(t.Format(layout))
			continue
		}
		switch format[i] {
		case 's':
			b.WriteString(unixText(t))
		case 'N':
			fmt.Fprintf(&b, "%09d", t.Nanosecond())
		case 'Z':
			b.WriteString("GMT")
		case 'j':
			fmt.Fprintf(&b, "%03d", t.YearDay())
		case 'n':
			b.WriteByte('\n')
		case '%':
			b.WriteByte('%')
		}
	}
	return b.String()
}

func uptime(c *call) int {
	up := c.p.Uptime()
	c.printf(" %s up %d min,  0 users,  load average: 0.00, 0.00, 0.00\n", c.p.Now().UTC().Format("15:04:05"), int(up.Minutes()))
	return 0
}

// sleep takes seconds with a fraction and s, m, h, d.
func sleep(c *call) int {
	if len(c.args) < 2 {
		return c.usage(fmt.Errorf("Needs 1 argument"))
	}
	total := 0.0
	for _, a := range c.args[1:] {
		unit := 1.0
		if n := len(a) - 1; n > 0 {
			if i := strings.IndexByte("smhd", a[n]); i >= 0 {
				unit, a = []float64{1, 60, 3600, 86400}[i], a[:n]
			}
		}
		v, err := strconv.ParseFloat(a, 64)
		if err != nil || v < 0 || math.IsNaN(v) {
			return c.usage(fmt.Errorf("not integer: %s", a))
		}
		total += v * unit
	}
	t := time.NewTimer(time.Duration(min(total, 1e6) * float64(time.Second)))
	defer t.Stop()
	select {
	case <-t.C:
		return 0
	case <-c.ctx.Done():
		return 130
	}
}

func env(c *call) int {
	args := c.args[1:]
	sub := c.machine.fork()
	for len(args) > 0 {
		name, val, ok := strings.Cut(args[0], "=")
		switch {
		case args[0] == "-i":
			for k, v := range sub.vars {
				if v.Exported {
					delete(sub.vars, k)
				}
			}
		case ok && c.args[0] == "env":
			v := text(val)
			v.Exported = true
			sub.vars[name] = v
		default:
			if c.args[0] == "printenv" {
				v := c.vars[args[0]]
				if !v.Exported {
					return 1
				}
				fmt.Fprintln(c.out, v.Str)
				return 0
			}
			sub.in, sub.out, sub.err = c.in, c.out, c.err
			if b := builtin(args[0]); b != nil && args[0] == "sh" {
				return b(sub, args)
			}
			return sub.program(c.ctx, args)
		}
		args = args[1:]
	}
	for _, e := range sub.environ() {
		fmt.Fprintln(c.out, e)
	}
	return 0
}

func which(c *call) int {
	set, names, err := c.flags("a", "")
	_ = set
	if err != nil {
		return c.usage(err)
	}
	code := 0
	for _, n := range names {
		p, err := c.lookPath(n)
		if err != nil {
			code = 1
			continue
		}
		fmt.Fprintln(c.out, p)
	}
	return code
}

func pidof(c *call) int {
	set, names, err := c.flags("s", "o")
	if err != nil {
		return c.usage(err)
	}
	var pids []string
	for _, pr := range slices.Backward(c.p.Processes()) {
		if slices.Contains(names, pr.Name) {
			pids = append(pids, strconv.Itoa(pr.PID))
		}
	}
	if len(pids) == 0 {
		return 1
	}
	if has(set, 's') {
		pids = pids[:1]
	}
	fmt.Fprintln(c.out, strings.Join(pids, " "))
	return 0
}

// ps prints what toybox's ps does on 26 and up (without -A the caller's own),
// and toolbox's, which lists all, below.
func ps(c *call) int {
	all := c.p.API < 26
	var fields []string
	args := c.args[1:]
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "-o" && i+1 < len(args):
			i++
			fields = append(fields, strings.Split(args[i], ",")...)
		case strings.HasPrefix(a, "-o"):
			fields = append(fields, strings.Split(a[2:], ",")...)
		case strings.HasPrefix(a, "-") && strings.ContainsAny(a, "Ae"):
			all = true
		}
	}
	if fields == nil {
		fields = []string{"USER", "PID", "PPID", "VSZ", "RSS", "WCHAN", "ADDR", "S", "NAME"}
	}
	var rows [][]string
	header := make([]string, len(fields))
	for i, f := range fields {
		header[i] = strings.ToUpper(f)
		if header[i] == "VSZ" && c.p.API < 26 {
			header[i] = "VSIZE"
		}
	}
	rows = append(rows, header)
	for _, pr := range c.p.Processes() {
		if !all && pr.UID != c.cred.UID {
			continue
		}
		row := make([]string, len(fields))
		for i, f := range fields {
			row[i] = psField(strings.ToUpper(f), pr)
		}
		rows = append(rows, row)
	}
	width := make([]int, len(fields))
	for _, r := range rows {
		for i, v := range r {
			width[i] = max(width[i], len(v))
		}
	}
	for _, r := range rows {
		var b strings.Builder
		for i, v := range r {
			switch f := strings.ToUpper(fields[i]); {
			case i == len(r)-1 && f != "PID":
				b.WriteString(v)
			case f == "USER" || f == "NAME" || f == "S" || f == "CMD" || f == "ARGS":
				fmt.Fprintf(&b, "%-*s ", width[i], v)
			default:
				fmt.Fprintf(&b, "%*s ", width[i], v)
			}
		}
		fmt.Fprintln(c.out, strings.TrimRight(b.String(), " "))
	}
	return 0
}

func psField(f string, pr phone.Process) string {
	switch f {
	case "USER":
		return phone.UserName(pr.UID)
	case "UID":
		return strconv.Itoa(pr.UID)
	case "PID":
		return strconv.Itoa(pr.PID)
	case "PPID":
		return strconv.Itoa(pr.PPID)
	case "VSZ":
		return strconv.Itoa(10000 + pr.PID*4)
	case "RSS":
		return strconv.Itoa(2000 + pr.PID)
	case "S":
		return "S"
	case "NAME", "CMD", "ARGS", "CMDLINE", "COMM":
		return pr.Name
	}
	return "0"
}

func kill(c *call) int {
	args := c.args[1:]
	sig := "TERM"
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		switch {
		case args[0] == "-l":
			fmt.Fprintln(c.out, "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM")
			return 0
		case args[0] == "-s" && len(args) > 1:
			sig, args = args[1], args[1:]
		default:
			sig = args[0][1:]
		}
		args = args[1:]
	}
	if len(args) == 0 {
		c.errorf("usage:\tkill [-s signame | -signum | -signame] { job | pid | pgrp } ...\n\tkill -l [exit_status ...]\n")
		return 1
	}
	code := 0
	for _, a := range args {
		pid, err := strconv.Atoi(a)
		if err != nil {
			c.errorf("%s: kill: %s: arguments must be jobs or process IDs\n", c.name, a)
			code = 1
			continue
		}
		if sig == "0" {
			err = c.alive(pid)
		} else {
			err = c.p.Kill(c.cred, pid)
		}
		if err != nil {
			c.errorf("%s: kill: %d: %v\n", c.name, pid, err)
			code = 1
		}
	}
	return code
}

func (c *call) alive(pid int) error {
	for _, pr := range c.p.Processes() {
		if pr.PID == pid {
			if c.cred.UID != phone.RootUID && pr.UID != c.cred.UID {
				return phone.EPERM
			}
			return nil
		}
	}
	return fmt.Errorf("No such process")
}

func df(c *call) int {
	c.printf("Filesystem      1K-blocks    Used Available Use%% Mounted on\n")
	c.printf("/dev/block/dm-0   2064208 2064208         0 100%% /\n")
	c.printf("/dev/block/dm-5  52428800 %7d  50331648   4%% /data\n", 2097152)
	return 0
}

func settings(c *call) int {
	args := c.args[1:]
	for len(args) > 1 && args[0] == "--user" {
		args = args[2:]
	}
	need := map[string]int{"get": 3, "put": 4, "delete": 3, "list": 2}
	if len(args) == 0 || need[args[0]] == 0 || len(args) < need[args[0]] {
		c.errorf("Invalid command: %s\n", strings.Join(args, " "))
		return 255
	}
	space := args[1]
	if space != "global" && space != "secure" && space != "system" {
		c.errorf("Invalid namespace '%s'\n", space)
		return 255
	}
	switch args[0] {
	case "get":
		v, ok := c.p.Setting(space, args[2])
		if !ok {
			v = "null"
		}
		fmt.Fprintln(c.out, v)
	case "put":
		c.p.SetSetting(space, args[2], args[3])
	case "delete":
		c.printf("Deleted %d rows\n", b2i(c.p.DeleteSetting(space, args[2])))
	case "list":
		for _, n := range c.p.SettingNames(space) {
			v, _ := c.p.Setting(space, n)
			c.printf("%s=%s\n", n, v)
		}
	}
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
	switch args[0] {
	case "keyevent":
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

// key does what a key does to the model.
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

func service(c *call) int {
	names := []string{"activity", "activity_task", "package", "power", "window", "user", "content", "input"}
	if c.p.API < 29 {
		names = slices.DeleteFunc(names, func(n string) bool { return n == "activity_task" })
	}
	switch {
	case len(c.args) > 2 && c.args[1] == "check":
		state := "not found"
		if slices.Contains(names, c.args[2]) {
			state = "found"
		}
		c.printf("Service %s: %s\n", c.args[2], state)
	case len(c.args) > 1 && c.args[1] == "list":
		c.printf("Found %d services:\n", len(names))
		for i, n := range names {
			c.printf("%d\t%s: []\n", i, n)
		}
	default:
		c.errorf("Usage: service [-h|-?]\n       service list\n       service check SERVICE\n")
		return 10
	}
	return 0
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
