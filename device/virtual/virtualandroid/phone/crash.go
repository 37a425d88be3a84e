package phone

import "fmt"

// Crash ends an app's main process with an uncaught exception, as a mistake
// in it would: what is logged to the crash and events buffers, and its
// activities are gone. It reports whether the process ran.
func (p *Phone) Crash(pkg string, user int, exception, message string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	it := p.packages[pkg]
	if it == nil {
		return false
	}
	pr := p.process(pkg, it.UID(user))
	if pr == nil {
		return false
	}
	p.Log.Write(LogEntry{Time: p.now(), PID: pr.PID, TID: pr.PID, UID: pr.UID, Buffer: LogCrash, Priority: Error, Tag: "AndroidRuntime",
		Text: fmt.Sprintf("FATAL EXCEPTION: main\nProcess: %s, PID: %d\n%s: %s\n\tat "+
			"android.app.ActivityThread$H.handleMessage(ActivityThread.java)", pkg, pr.PID, exception, message)})
	p.event(evCrash, user, pr.PID, pr.Name, it.crashFlags(), exception, message, "ActivityThread.java", 0, 0)
	if t, r := p.top(); r != nil && r.pid == pr.PID {
		p.text(LogSystem, Warn, p.taskTag(), fmt.Sprintf("  Force finishing activity %s", r.comp()))
		p.remove(t, r, "force-crash")
	}
	p.die(pr, "")
	return true
}

// crashFlags are the ApplicationInfo.flags that am_crash tells: HAS_CODE,
// ALLOW_BACKUP, DEBUGGABLE.
func (it *installed) crashFlags() int {
	flags := 0x4 | 0x8000
	if it.Debuggable {
		flags |= 0x2
	}
	return flags
}
