package virtualandroid

// Lend replaces the VM of a process by another one, which listens for a
// debugger at host:port: a debugger that opens jdwp:PID gets that.
func (p *Phone) Lend(pid int, address string) {
	p.debuggees.mu.Lock()
	defer p.debuggees.mu.Unlock()
	p.debuggees.lent[pid] = address
}
