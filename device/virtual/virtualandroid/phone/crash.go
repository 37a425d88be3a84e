package phone

import "fmt"

// Abort ends an app's process with a signal, as a mistake in native code does.
func (p *Phone) Abort(pid, signal int, why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pr := p.procs[pid]
	if pr == nil || p.packages[pr.Package] == nil {
		return
	}
	name, text := "SIGSEGV", "Segmentation fault" // Os.strsignal
	if signal == 6 {
		name, text = "SIGABRT", "Aborted"
	}
	p.crash(pr, crash{"Native crash", text, "unknown", "DEBUG", Fatal,
		fmt.Sprintf("pid: %d, tid: %d, name: main  >>> %s <<<\nsignal %d (%s)\nAbort message: '%s'", pid, pid, pr.Name, signal, name, why)})
}

// crash is the reason why a process dies, and how it is logged.
type crash struct {
	exception, message, file string // for am_crash
	tag                      string // of the crash buffer's entry
	priority                 int
	text                     string
}

// crash ends a process. Called with the lock held.
func (p *Phone) crash(pr *Process, c crash) {
	p.Log.Write(LogEntry{Time: p.now(), PID: pr.PID, TID: pr.PID, UID: pr.UID, Buffer: LogCrash,
		Priority: c.priority, Tag: c.tag, Text: c.text})
	p.event(evCrash, pr.User(), pr.PID, pr.Name, p.packages[pr.Package].crashFlags(), c.exception, c.message, c.file, 0, 0)
	if t, r := p.top(); r != nil && r.pid == pr.PID {
		p.text(LogSystem, Warn, p.taskTag(), fmt.Sprintf("  Force finishing activity %s", r.comp()))
		p.remove(t, r, "force-crash")
	}
	p.die(pr, "")
}

// crashFlags are the ApplicationInfo.flags in am_crash: HAS_CODE, ALLOW_BACKUP,
// DEBUGGABLE.
func (it *installed) crashFlags() int {
	flags := 0x4 | 0x8000
	if it.Debuggable {
		flags |= 0x2
	}
	return flags
}
