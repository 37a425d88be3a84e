package virtualandroid

// Lend has another VM, which listens for a debugger at host:port, stand in for
// the one of a process: a debugger that asks for jdwp:PID gets that.
func (p *Phone) Lend(pid int, address string) {
	p.debuggees.mu.Lock()
	defer p.debuggees.mu.Unlock()
	p.debuggees.lent[pid] = address
}
