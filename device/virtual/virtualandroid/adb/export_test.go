package adb

// DaemonStats are a daemon's counters.
type DaemonStats struct {
	// Connections counts the TCP connections taken, Services the services
	// asked for on them.
	Connections, Services int64
	// Open is how many streams are open now.
	Open int
}

// Stats returns the counters as they are now.
func (d *Daemon) Stats() DaemonStats {
	st := DaemonStats{Connections: d.connections.Load(), Services: d.services.Load()}
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range d.conns {
		c.mu.Lock()
		st.Open += len(c.streams)
		c.mu.Unlock()
	}
	return st
}

// Drop cuts every connection, as pulling the cable does.
func (d *Daemon) Drop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range d.conns {
		c.conn.Close()
	}
}

// Forget takes back every permission that was given.
func (a *Auth) Forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keys = nil
}
