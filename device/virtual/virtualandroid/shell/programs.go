package shell

// programs are those in /system/bin. It is a function since some of them run
// others.
func programs() map[string]func(*call) int {
	return map[string]func(*call) int{
		"am":            am,
		"app_process":   appProcess,
		"app_process32": appProcess,
		"app_process64": appProcess,
		"cat":           cat,
		"cmd":           cmd,
		"dd":            dd,
		"dumpsys":       dumpsys,
		"getprop":       getprop,
		"id":            id,
		"input":         inputCommand,
		"kill":          kill,
		"log":           logCommand,
		"logcat":        logcat,
		"ls":            ls,
		"md5sum":        md5sum,
		"monkey":        monkey,
		"mv":            mv,
		"pidof":         pidof,
		"pm":            pm,
		"ps":            ps,
		"pwd":           pwd,
		"rm":            rm,
		"run-as":        runAs,
		"screencap":     screencap,
		"screenrecord":  screenrecord,
		"settings":      settings,
		"sh":            sh,
		"sha256sum":     sha256sum,
		"sleep":         sleep,
		"stat":          stat,
		"type":          which,
		"which":         which,
		"wm":            wm,
	}
}

// find returns the program of a name in /system/bin, or nil.
func find(name string) func(*call) int { return programs()[name] }
