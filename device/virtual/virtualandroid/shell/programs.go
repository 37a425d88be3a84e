package shell

// find gives the program of a name in /system/bin, or nil.
func find(name string) func(*call) int {
	switch name {
	case "am":
		return am
	case "app_process", "app_process32", "app_process64":
		return appProcess
	case "cat":
		return cat
	case "cmd":
		return cmd
	case "dd":
		return dd
	case "dumpsys":
		return dumpsys
	case "getprop":
		return getprop
	case "id":
		return id
	case "input":
		return inputCommand
	case "kill":
		return kill
	case "log":
		return logCommand
	case "logcat":
		return logcat
	case "ls":
		return ls
	case "md5sum":
		return md5sum
	case "monkey":
		return monkey
	case "mv":
		return mv
	case "pidof":
		return pidof
	case "pm":
		return pm
	case "ps":
		return ps
	case "pwd":
		return pwd
	case "rm":
		return rm
	case "screencap":
		return screencap
	case "screenrecord":
		return screenrecord
	case "settings":
		return settings
	case "sh":
		return sh
	case "sha256sum":
		return sha256sum
	case "sleep":
		return sleep
	case "stat":
		return stat
	case "type", "which":
		return which
	case "wm":
		return wm
	}
	return nil
}
