package art_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/device/android/jdwp"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/art"
)

// unlike has the lines of testdata/art14.txt that the machine answers
// differently, by their beginning, and why.
var unlike = map[string]string{
	"classpaths":       "paths of the machine that ART ran on",
	"AllClasses":       "which classes are loaded is the program's affair",
	"threads":          "ART's own threads do nothing that a debugger could see",
	"Bytecodes step":   "methods in Go have no instructions",
	"worker frames":    "methods in Go stand at their entry, and sleep calls fewer",
	"popFrames":        "a function in Go can't be left from outside",
	"forceEarlyReturn": "the same",
}

// TestGolden sends the machine the same commands as Android 14's ART, and
// compares the answers line by line.
func TestGolden(t *testing.T) {
	v := newVictim(t, art.Options{API: 34})
	d := newDebugger(t, v.Machine)
	d.askMachine()
	p := d.meet()
	d.askThreads(p)
	d.askStrings()
	d.askAtBreakpoint(p, v.steps)
	d.askObjects(p)
	d.askEvents()

	text, err := os.ReadFile("testdata/art14.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(want) != len(d.lines) {
		t.Errorf("%d lines, want %d", len(d.lines), len(want))
	}
	excused := 0
	for i := range min(len(want), len(d.lines)) {
		listed := false
		for prefix := range unlike {
			listed = listed || strings.HasPrefix(want[i], prefix)
		}
		switch same := want[i] == d.lines[i]; {
		case listed && same:
			t.Errorf("line %d is listed as unlike, but is not: %s", i+1, want[i])
		case listed:
			excused++
		case !same:
			t.Errorf("line %d:\n%s\nART says:\n%s", i+1, d.lines[i], want[i])
		}
	}
	if excused != len(unlike) {
		t.Errorf("%d lines are unlike, %d are listed", excused, len(unlike))
	}
}

func (d *debugger) askMachine() {
	a := d.must(1, 1)
	d.say("version %q %d %d %q %q", a.text(), a.i32(), a.i32(), a.text(), a.text())
	a = d.must(1, 7)
	d.say("idsizes %s", list(5, func() string { return number(a) }))
	bits := func(a *answer, n int) string {
		var s strings.Builder
		for range n {
			s.WriteByte('0' + a.u8())
		}
		return s.String()
	}
	d.say("capabilities %s", bits(d.must(1, 12), 7))
	a = d.must(1, 17)
	all := bits(a, 32)
	d.say("capabilitiesNew %s left %d", all, len(a.b))
	var off, reserved []string
	for i, c := range all {
		if i < len(capabilities) && c == '0' {
			off = append(off, fmt.Sprintf("%q", capabilities[i]))
		}
		if i >= len(capabilities) && c == '1' {
			reserved = append(reserved, fmt.Sprint(i+1))
		}
	}
	d.say("  not set: [%s] reserved set: [%s]", strings.Join(off, ", "), strings.Join(reserved, ", "))
	d.try("classpaths", 1, 13, nil, quoted)
	d.say("Victim %s", d.classes("LVictim;"))
	d.say("Class array [I %s prim %s iface %s", d.classes("[I"), d.classes("I"), d.classes("Ljava/lang/Runnable;"))
	d.say("AllClasses %d", d.must(1, 3).i32())
}

var capabilities = strings.Fields("canWatchFieldModification canWatchFieldAccess canGetBytecodes canGetSyntheticAttribute " +
	"canGetOwnedMonitorInfo canGetCurrentContendedMonitor canGetMonitorInfo canRedefineClasses canAddMethod " +
	"canUnrestrictedlyRedefineClasses canPopFrames canUseInstanceFilters canGetSourceDebugExtension canRequestVMDeathEvent " +
	"canSetDefaultStratum canGetInstanceInfo canRequestMonitorEvents canGetMonitorFrameInfo canUseSourceNameFilters " +
	"canGetConstantPool canForceEarlyReturn")

func (d *debugger) classes(signature string) string {
	a := d.must(1, 2, signature)
	return list(a.i32(), func() string {
		tag, _ := a.u8(), a.u64()
		return fmt.Sprintf("(%d, #, %d)", tag, a.i32())
	})
}

// class is the id of an existing class.
func (d *debugger) class(signature string) uint64 {
	a := d.must(1, 2, signature)
	if a.i32() != 1 {
		d.t.Fatal("no class ", signature)
	}
	a.u8()
	return a.u64()
}

func (d *debugger) methods(class uint64) (ids map[string]uint64, text string) {
	ids = map[string]uint64{}
	a := d.must(2, 5, class)
	text = list(a.i32(), func() string {
		id, name, signature, flags := a.u64(), a.text(), a.text(), a.i32()
		ids[name], ids[name+signature] = id, id
		return fmt.Sprintf("(%q, %q, \"%#x\")", name, signature, uint32(flags))
	})
	return ids, text
}

// program is the program that is debugged.
type program struct {
	victim, thread uint64
	methods        map[string]uint64
	currentThread  uint64
	main, worker   uint64
	q              uint64 // a string
}

func (d *debugger) meet() *program {
	p := &program{victim: d.class("LVictim;"), thread: d.class("Ljava/lang/Thread;")}
	var text string
	p.methods, text = d.methods(p.victim)
	d.say("methods %s", text)
	ids, _ := d.methods(p.thread)
	p.currentThread = ids["currentThread"]
	a := d.must(1, 4)
	d.say("threads %s", list(a.i32(), func() string {
		id := a.u64()
		name := d.must(11, 1, id).text()
		switch name {
		case "main":
			p.main = id
		case "worker":
			p.worker = id
		}
		return fmt.Sprintf("%q", name)
	}))
	return p
}

func (d *debugger) status(thread uint64) string {
	a := d.must(11, 4, thread)
	return fmt.Sprintf("(%d, %d)", a.i32(), a.i32())
}

func (d *debugger) frames(thread uint64) []uint64 {
	a := d.must(11, 6, thread, 0, -1)
	out := make([]uint64, a.i32())
	for i := range out {
		out[i] = a.u64()
		a.take(25)
	}
	return out
}

func (d *debugger) str(s string) uint64 { return d.must(1, 11, s).u64() }

// static are the arguments of an invocation of a static method.
func static(class, thread, method uint64, args ...any) []any {
	return append(append(with(class, thread, method, len(args)/2), args...), 1)
}

func (d *debugger) askThreads(p *program) {
	step := with(p.victim, p.methods["step"])
	native := with(p.thread, p.currentThread)
	d.say("status main %s worker %s", d.status(p.main), d.status(p.worker))
	d.try("frames of a running thread", 11, 6, with(p.main, 0, -1), quoted)
	d.try("frameCount running", 11, 7, with(p.main), number)
	d.try("name of object 12345", 11, 1, with(uint64(12345)), quoted)
	d.try("object type of 99999", 9, 1, with(uint64(99999)), quoted)
	d.try("interrupt", 11, 11, with(p.worker), quoted)
	d.try("ownedMonitors running", 11, 8, with(p.main), quoted)
	variables := func(generic bool) func(a *answer) string {
		return func(a *answer) string {
			words := a.i32()
			return fmt.Sprintf("(%d, %s)", words, list(a.i32(), func() string {
				start, name, signature := a.u64(), a.text(), a.text()
				if generic {
					a.text()
				}
				return fmt.Sprintf("(%d, %q, %q, %d, %d)", start, name, signature, a.i32(), a.i32())
			}))
		}
	}
	d.try("VariableTable step", 6, 2, step, variables(false))
	d.try("VariableTableWithGeneric step", 6, 5, step, variables(true))
	d.try("VariableTable of native Thread.currentThread", 6, 2, native, quoted)
	d.try("LineTable native", 6, 1, native, quoted)
	d.try("Bytecodes step", 6, 3, step, number)
	d.try("LineTable step", 6, 1, step, func(a *answer) string {
		first, last := a.u64(), a.u64()
		return fmt.Sprintf("(%d, %d, %s)", first, last, list(a.i32(), func() string { return fmt.Sprintf("(%d, %d)", a.u64(), a.i32()) }))
	})
	for range 2 {
		d.try("SourceFile", 2, 7, with(p.victim), func(a *answer) string { return fmt.Sprintf("%q", a.text()) })
	}
	d.try("SDE", 2, 12, with(p.victim), quoted)
	d.try("Instances", 2, 16, with(p.victim, 10), number)
	d.try("ClassFileVersion", 2, 17, with(p.victim), func(a *answer) string { return fmt.Sprintf("(%d, %d)", a.i32(), a.i32()) })
	d.try("ConstantPool", 2, 18, with(p.victim), quoted)

	d.must(11, 2, p.worker)
	d.say("worker suspended, status %s count %d", d.status(p.worker), d.must(11, 12, p.worker).i32())
	a := d.must(11, 6, p.worker, 0, -1)
	d.say("worker frames %s", list(a.i32(), func() string {
		id, tag, _ := a.u64(), a.u8(), a.take(16)
		return fmt.Sprintf("(\"%#x\", %d, %d)", id, tag, int64(a.u64()))
	}))
	frames := d.frames(p.worker)
	d.try("GetValues of native frame", 16, 1, with(p.worker, frames[0], 1, 0, 'I'), slotValue)
	d.try("ThisObject of native frame", 16, 3, with(p.worker, frames[0]), value)
	d.try("ThisObject frame 3", 16, 3, with(p.worker, frames[len(frames)-1]), value)
	p.q = d.str("q")
	ask := static(p.victim, p.worker, p.methods["ask"], 'L', p.q, 'I', 5)
	d.try("Invoke on a thread suspended by command", 3, 3, ask, returned)
	d.must(11, 3, p.worker)
	d.try("Invoke on a running thread", 3, 3, ask, returned)
	d.try("resume twice", 11, 3, with(p.worker), quoted)
}

func (d *debugger) askStrings() {
	for _, s := range []struct{ name, text string }{{"ascii", "abc"}, {"utf8 4 bytes", "\U0001F600"}, {"surrogates, 6 bytes", "\xed\xa0\xbd\xed\xb8\x80"},
		{"NUL raw", "a\x00b"}, {"NUL C0 80", "a\xc0\x80b"}, {"invalid FF", "a\xffb"}, {"lone high", "\xed\xa0\xbd"}, {"e4b8ad", "\xe4\xb8\xad"},
		{"truncated", "\xe4\xb8"}} {
		d.try(fmt.Sprintf("string %s % x", s.name, s.text), 10, 1, with(d.str(s.text)), func(a *answer) string { return fmt.Sprintf("% x", a.text()) })
	}
}

func (d *debugger) askAtBreakpoint(p *program, steps chan<- struct{}) {
	at := func(class, method uint64, index uint64, policy byte) []any {
		return with(byte(jdwp.Breakpoint), policy, 1, byte(7), byte(1), class, method, index)
	}
	d.try("breakpoint at bad index", 15, 1, at(p.victim, p.methods["step"], 9999, 1), anID)
	d.try("breakpoint native", 15, 1, at(p.thread, p.currentThread, 0, 1), anID)
	d.must(15, 1, at(p.victim, p.methods["step"], 0, 1)...)
	d.try("same breakpoint again", 15, 1, at(p.victim, p.methods["step"], 0, 0), anID)
	steps <- struct{}{}
	event, err := d.packet()
	if err != nil {
		d.t.Fatal(err)
	}
	a := &answer{event[7:]}
	d.say("event: policy %d count %d cmd %q", a.u8(), a.i32(), event[5:7])
	last := 1 << 31
	for len(a.b) > 0 {
		kind, request, thread := a.u8(), a.i32(), a.u64()
		tag, _, index := a.u8(), a.take(16), a.u64()
		d.say("   kind %d req # thread is main %s loc %d %d", kind, map[bool]string{true: "True", false: "False"}[thread == p.main], tag, index)
		if request > last {
			d.t.Errorf("the event of request %d comes before that of %d, which is older", last, request)
		}
		last = request
	}
	d.say("suspended: main %s worker %s", d.status(p.main), d.status(p.worker))
	frame := d.frames(p.main)[0]
	slot := func(what string, thread, frame uint64, index int, tag rune) {
		d.try(what, 16, 1, with(thread, frame, 1, index, tag), slotValue)
	}
	for _, s := range strings.Fields("0I 1I 2I 3I 4I 5I 6I 0L 1L 2L 3L 4L 5L 1s 4s 3J 3B 3Z 3F 99I") {
		var index int
		var tag rune
		if _, err := fmt.Sscanf(s, "%d%c", &index, &tag); err != nil {
			d.t.Fatal(err)
		}
		slot(fmt.Sprintf("GetValues slot %d as %c", index, tag), p.main, frame, index, tag)
	}
	d.try("ThisObject static", 16, 3, with(p.main, frame), value)
	slot("GetValues bad frame", p.main, 0xdead, 0, 'I')
	slot("frame of another thread", p.worker, frame, 0, 'I')
	ask, five := p.methods["ask"], with('I', 5)
	invoke := func(what string, thread, method uint64, args ...any) *answer {
		return d.try(what, 3, 3, static(p.victim, thread, method, args...), returned)
	}
	whole := append(with('L', p.q), five...)
	invoke("invoke static", p.main, ask, whole...)
	slot("invoke, frame afterwards", p.main, d.frames(p.main)[0], 3, 'I')
	slot("old frame id afterwards", p.main, frame, 3, 'I')
	invoke("invoke that throws", p.main, p.methods["boom"], five...)
	invoke("invoke too few args", p.main, ask, 'L', p.q)
	invoke("invoke on worker (suspended by the event)", p.worker, ask, whole...)
	invoke("invoke null string", p.main, ask, append(with('L', uint64(0)), five...)...)
	a = d.must(3, 3, static(p.victim, p.main, ask, whole...)...)
	a.u8()
	d.say("result text %q", d.must(10, 1, a.u64()).text())
	class := d.class("Ljava/lang/Class;")
	ids, _ := d.methods(class)
	for _, n := range []struct{ what, name string }{{"Class.forName", "java.util.BitSet"}, {"Class.forName missing", "no.such.X"}} {
		d.try(n.what, 3, 3, static(class, p.main, ids["forName("+sigString+")Ljava/lang/Class;"], 's', d.str(n.name)), returned)
	}
}

func (d *debugger) askObjects(p *program) {
	a := d.must(2, 4, d.class("Ljava/lang/Object;"))
	d.say("fields of Object %s", list(a.i32(), func() string {
		a.u64()
		return fmt.Sprintf("(0, %q, %q, \"%#x\")", a.text(), a.text(), uint32(a.i32()))
	}))
	a = d.must(4, 1, d.class("[B"), 8)
	d.say("new byte[8] %s", (&answer{bytes.Clone(a.b)}).value())
	a.u8()
	array := a.u64()
	d.try("set", 13, 3, with(array, 0, 3, []byte("abc")), quoted)
	d.try("get", 13, 2, with(array, 0, 4), quoted)
	d.try("get -1", 13, 2, with(array, 0, -1), quoted)
	d.try("get too long", 13, 2, with(array, 0, 9), quoted)
	d.try("len of a non array", 13, 1, with(p.main), number)
	d.try("new array of Victim", 4, 1, with(p.victim, 1), value)
	d.try("disableCollection", 9, 7, with(array), quoted)
	d.try("isCollected", 9, 9, with(array), truth)
	d.try("isCollected of unknown", 9, 9, with(uint64(424242)), truth)
	d.try("referringObjects", 9, 10, with(array, 5), number)
	d.try("monitorInfo", 9, 5, with(array), func(a *answer) string { return hex.EncodeToString(a.b) })
	d.try("set slot", 16, 2, with(p.main, d.frames(p.main)[0], 1, 3, 'I', 1), quoted)
	d.try("popFrames", 16, 4, with(p.main, d.frames(p.main)[0]), quoted)
	d.try("owned monitors", 11, 8, with(p.main), number)
	d.try("forceEarlyReturn", 11, 14, with(p.main, 'I', 7), quoted)

	for _, e := range []struct {
		name string
		kind byte
	}{{"step", 1}, {"exception", 4}, {"threadStart", 6}, {"classPrepare", 8}, {"unload", 9}, {"methodEntry", 40}, {"methodExit", 41},
		{"methodExitRet", 42}, {"monContended", 43}, {"vmStart", 90}, {"vmDeath", 99}, {"vmDisc", 100}, {"unknown", 77}} {
		args := with(e.kind, byte(0), 0)
		switch e.name {
		case "step":
			args = with(e.kind, byte(0), 1, byte(10), p.main, 1, 1)
		case "exception":
			args = with(e.kind, byte(0), 1, byte(8), uint64(0), byte(0), byte(0))
		}
		if a := d.try("event "+e.name, 15, 1, args, func(*answer) string { return "ok" }); a != nil {
			d.must(15, 2, e.kind, a.i32())
		}
	}
}

func (d *debugger) askEvents() {
	d.try("clear unknown", 15, 2, with(byte(2), 5555), quoted)
	d.try("classPrepare, match", 15, 1, with(byte(8), byte(0), 1, byte(5), "Victim*"), anID)
	d.try("sourceName match", 15, 1, with(byte(8), byte(0), 1, byte(12), "Victim*"), anID)
	d.try("unknown command 1,99", 1, 99, nil, quoted)
	d.try("unknown set 77", 77, 1, nil, quoted)
	d.try("DDM HELO", 199, 1, with([]byte("HELO"), 4, 1), quoted)
	d.try("DDM unknown", 199, 1, with([]byte("XXXX"), 0), quoted)
	d.try("redefine", 1, 18, with(0), quoted)
	d.try("holdEvents", 1, 15, nil, quoted)
	d.try("releaseEvents", 1, 16, nil, quoted)
	d.try("dispose", 1, 6, nil, quoted)
}
