package jdwp

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestTrace: names and sizes are shown, and no values.
func TestTrace(t *testing.T) {
	var lines []string
	trace := Trace(func(sent bool, what string) { lines = append(lines, fmt.Sprint(sent, " ", what)) })
	text := (&encoder{}).string("secret").b
	trace.sent(1, cmdCreateString, text)
	trace.sent(2, cmdClassesBySignature, (&encoder{}).string("Lcom/example/A\x1b;").b)
	trace.sent(3, cmdClassesBySignature, []byte{1})
	trace.got(packet{id: 1, reply: true, data: text})
	trace.got(packet{id: 2, reply: true, err: InvalidObject})
	trace.got(packet{id: 3, set: setEvent, cmd: cmdComposite, data: []byte{1, 0, 0, 0, 2, 's', 'e', 'c', 'r', 'e', 't'}})
	trace.got(packet{id: 4, set: 199, cmd: 1, data: text})
	Trace(nil).sent(1, cmdDispose, nil)
	Trace(nil).got(packet{})
	want := []string{
		"true VirtualMachine.CreateString #1, 10 bytes",
		`true VirtualMachine.ClassesBySignature #2, 20 bytes: "Lcom/example/A\x1b;"`,
		`true VirtualMachine.ClassesBySignature #3, 1 bytes: ""`,
		"false #1 ok, 10 bytes",
		"false #2 " + InvalidObject.Error(),
		"false Event.Composite #3, 2 events, 11 bytes",
		"false command 199.1 #4, 10 bytes",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("got %s\nwant %s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
}
