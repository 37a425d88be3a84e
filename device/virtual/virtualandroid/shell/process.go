package shell

import (
	"fmt"
	"strings"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/errno"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// runAs is run-as: it becomes a debuggable app's uid, in the app's directory.
func runAs(c *call) int {
	args := c.args[1:]
	if len(args) == 0 {
		c.errorf("run-as: usage: run-as <package-name> [--user <uid>] <command> [<args>]\n")
		return 1
	}
	if c.cred.UID != phone.ShellUID && c.cred.UID != phone.RootUID {
		c.errorf("run-as: only 'shell' or 'root' users can run this program\n")
		return 1
	}
	name := args[0]
	args = args[1:]
	user := 0
	if len(args) > 1 && args[0] == "--user" {
		n, err := userArg(args[1])
		if err != nil || n < 0 {
			c.errorf("run-as: bad user id: %s\n", args[1])
			return 1
		}
		user, args = n, args[2:]
	}
	pkg := c.p.Package(name)
	complain := func(old, now string) int {
		if c.p.API <= 25 {
			now = fmt.Sprintf(old, name)
		}
		c.errorf("run-as: %s\n", now)
		return 1
	}
	switch {
	case pkg == nil || !c.p.PackageState(name, user).Installed:
		return complain("Package '%s' is unknown", "unknown package: "+name)
	case pkg.AppID < phone.FirstAppUID:
		return complain("Package '%s' is not an application", "package not an application: "+name)
	case !pkg.Debuggable:
		return complain("Package '%s' is not debuggable", "package not debuggable: "+name)
	case c.p.Property("ro.boot.disable_runas") != "" && c.p.Property("ro.boot.disable_runas") != "0":
		c.errorf("run-as: run-as is disabled from the kernel commandline\n")
		return 1
	}
	home := c.p.DataDir(name, user)
	s := *c.session
	s.cred, s.dir, s.env = phone.AppCred(pkg.UID(user)), home, newEnviron(c.p, phone.AppCred(pkg.UID(user)), home)
	if v, ok := c.env["CLASSPATH"]; ok {
		s.env["CLASSPATH"] = v
	}
	s.in, s.out, s.err, s.jobs = c.in, c.out, c.err, newJobs(nil)
	s.pid = c.p.Spawn(s.cred.UID, "sh")
	defer c.p.Exit(s.pid)
	if len(args) == 0 {
		return s.interactive(c.ctx, nil)
	}
	if find(args[0]) == nil && !strings.Contains(args[0], "/") {
		c.errorf("run-as: exec failed for %s: %v\n", args[0], errno.ENOENT)
		return 1
	}
	under := &call{session: &s, ctx: c.ctx, args: args, dir: home, env: exported(s.env), in: c.in, out: c.out, err: c.err}
	return under.program(args)
}

// appProcess starts a Java class: the one that is registered for its name,
// if the dex files of the class path may be opened.
func appProcess(c *call) int {
	args := c.args[1:]
	path := c.env["CLASSPATH"]
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		if v, ok := strings.CutPrefix(args[0], "-Djava.class.path="); ok {
			path = v
		}
		args = args[1:]
	}
	if len(args) > 0 { // the directory, which nothing uses
		args = args[1:]
	}
	for len(args) > 0 && strings.HasPrefix(args[0], "--") {
		args = args[1:]
	}
	if len(args) == 0 {
		c.errorf("Error: no class name or --zygote supplied.\nUsage: app_process [java-options] cmd-dir start-class-name [options]\n")
		return 10
	}
	class := strings.ReplaceAll(args[0], "/", ".")
	var paths []string
	for p := range strings.SplitSeq(path, ":") {
		if p == "" {
			continue
		}
		full := c.abs(p)
		if why := c.mayLoad(full); why != "" {
			c.p.Logcat(c.pid, c.cred.UID, phone.Error, "AndroidRuntime", why)
			return c.aborted()
		}
		if _, err := c.p.FS.Stat(c.cred, full); err == nil && c.p.FS.Access(c.cred, full, 4) == nil {
			paths = append(paths, full)
		}
	}
	run := c.p.Program(class)
	if run == nil || len(paths) == 0 {
		c.p.Logcat(c.pid, c.cred.UID, phone.Error, "AndroidRuntime", fmt.Sprintf("ERROR: could not find class '%s'", class))
		return c.aborted()
	}
	pid := c.p.Spawn(c.cred.UID, "app_process")
	defer c.p.Exit(pid)
	return run.Run(c.ctx, c.p, phone.ProgramEnv{Class: class, Args: args[1:], ClassPath: paths, UID: c.cred.UID, PID: pid, Env: c.env,
		Stdin: c.in, Stdout: c.out, Stderr: c.err})
}

// mayLoad is ART's check since 34 that a dex is not writable for the one who
// loads it. Root, system and shell are exempt.
func (c *call) mayLoad(path string) string {
	if c.p.API < 34 || c.cred.UID == phone.RootUID || c.cred.UID == phone.SystemUID || c.cred.UID == phone.ShellUID {
		return ""
	}
	if c.p.FS.Access(c.cred, path, 2) != nil {
		return ""
	}
	return fmt.Sprintf("java.lang.SecurityException: Writable dex file '%s' is not allowed.", path)
}

func (c *call) aborted() int {
	c.errorf("Aborted \n")
	return 134
}
