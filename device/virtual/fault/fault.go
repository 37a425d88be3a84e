// Package fault is where the steps of a virtual phone can fail.
package fault

import "net"

// Hook is called when a step is reached: a request was read, and before its
// answer. The step is the protocol and the request, such as "usbmux Connect",
// "lockdown StartSession", "installation_proxy Browse" or "wda POST /session";
// each package names its own. It returns the connection for the answer, or nil
// if that one must be closed. It is called from many goroutines.
type Hook func(step string, conn net.Conn) net.Conn

// Reach is conn without a hook.
func (h Hook) Reach(step string, conn net.Conn) net.Conn {
	if h == nil {
		return conn
	}
	return h(step, conn)
}
