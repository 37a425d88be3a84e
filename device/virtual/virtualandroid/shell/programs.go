package shell

import (
	"fmt"
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
	case "dd":
		return dd
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
	case "log":
		return logCommand
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
	case "sed":
		return sed
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
	case "timeout":
		return timeout
	case "touch":
		return touch
	case "toybox":
		return toybox
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
	case "yes":
		return yesCommand
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
