package shell

import (
	"fmt"
	"strings"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

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
	if len(args) > 0 { // the directory, which is not used
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

func (c *call) aborted() int {
	c.errorf("Aborted \n")
	return 134
}

// runAs refuses in the words of run-as (system/core/run-as/run-as.cpp), a
// debuggable app too: the phone has no data of apps.
func runAs(c *call) int {
	if len(c.args) < 2 {
		c.errorf("run-as: usage: run-as <package-name> [--user <uid>] <command> [<args>]\n")
		return 1
	}
	switch name := c.args[1]; {
	case c.p.Package(name) == nil:
		c.errorf("run-as: unknown package: %s\n", name)
	case !c.p.Package(name).Debuggable:
		c.errorf("run-as: package not debuggable: %s\n", name)
	default:
		c.errorf("run-as: couldn't stat /data/user/0/%s: No such file or directory\n", name)
	}
	return 1
}
