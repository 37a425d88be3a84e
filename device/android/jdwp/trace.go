package jdwp

import "fmt"

// Trace receives what passes on a connection: the names and sizes of commands,
// replies and events, and the classes that are searched for. The values in them
// belong to the app, and are left out.
type Trace func(sent bool, what string)

// sent traces a command.
func (t Trace) sent(id uint32, c command, data []byte) {
	if t == nil {
		return
	}
	what := fmt.Sprintf("%s #%d, %d bytes", c.name, id, len(data))
	if c == cmdClassesBySignature {
		d := decoder{b: data}
		what += fmt.Sprintf(": %.200q", d.string())
	}
	t(true, what)
}

// got traces a packet of the VM.
func (t Trace) got(p packet) {
	if t == nil {
		return
	}
	switch {
	case p.reply && p.err != 0:
		t(false, fmt.Sprintf("#%d %s", p.id, p.err))
	case p.reply:
		t(false, fmt.Sprintf("#%d ok, %d bytes", p.id, len(p.data)))
	case p.set == setEvent && p.cmd == cmdComposite:
		d := decoder{b: p.data}
		d.byte() // what is suspended
		t(false, fmt.Sprintf("Event.Composite #%d, %d events, %d bytes", p.id, d.count32(), len(p.data)))
	default:
		t(false, fmt.Sprintf("command %d.%d #%d, %d bytes", p.set, p.cmd, p.id, len(p.data)))
	}
}
