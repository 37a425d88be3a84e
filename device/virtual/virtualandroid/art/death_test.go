package art_test

import (
	"io"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device/android/jdwp"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/art"
	"github.com/wxctl/wxctl/fixtures/wait"
)

// What crashes an app on ART crashes it here: there is no answer then, and the
// owner of the process is notified. Other mistakes don't.
func TestDeath(t *testing.T) {
	for _, tt := range []struct {
		name   string
		signal art.Signal // 0: it survives
		old    string     // what ART's own JDWP answers, as AOSP's sources have it; unproven
		do     func(d *debugger, p *program) []any
	}{
		{"badmethod", art.SIGSEGV, "CLOSED", func(_ *debugger, p *program) []any { return with(byte(6), byte(2), p.victim, uint64(77)) }},
		{"badfield", art.SIGSEGV, "CLOSED", func(_ *debugger, p *program) []any { return with(byte(2), byte(6), p.victim, 1, uint64(77)) }},
		{"badclass", 0, "ERR INVALID_OBJECT", func(*debugger, *program) []any { return with(byte(2), byte(1), uint64(424242)) }},
		{"negarray", art.SIGABRT, "ERR OUT_OF_MEMORY", func(d *debugger, _ *program) []any { return with(byte(4), byte(1), d.class("[B"), -1) }},
		{"hugearray", 0, "ERR OUT_OF_MEMORY", func(d *debugger, _ *program) []any { return with(byte(4), byte(1), d.class("[B"), 0x7fffffff) }},
		{"wrongarg", art.SIGABRT, "ERR ILLEGAL_ARGUMENT", func(_ *debugger, p *program) []any {
			return append(with(byte(3), byte(3)), static(p.victim, p.main, p.methods["ask"], 'L', p.main, 'I', 5)...)
		}},
		{"wrongtag", art.SIGABRT, "ERR ILLEGAL_ARGUMENT", func(_ *debugger, p *program) []any {
			return append(with(byte(3), byte(3)), static(p.victim, p.main, p.methods["ask"], 'I', 1, 'I', 5)...)
		}},
		{"notstatic", art.SIGABRT, "ERR ILLEGAL_ARGUMENT", func(_ *debugger, p *program) []any {
			return append(with(byte(3), byte(3)), static(p.victim, p.main, p.methods["<init>"])...)
		}},
		{"nullinto", 0, "#", func(_ *debugger, p *program) []any {
			return append(with(byte(3), byte(3)), static(p.victim, p.main, p.methods["ask"], 'L', uint64(0), 'I', 5)...)
		}},
	} {
		for _, api := range []int{27, 28, 37} {
			died := make(chan art.Signal, 1)
			v := newVictim(t, art.Options{API: api, Died: func(s art.Signal, _ string) { died <- s }})
			d := newDebugger(t, v.Machine)
			p := d.meet()
			d.must(15, 1, byte(jdwp.Breakpoint), byte(1), 1, byte(7), byte(1), p.victim, p.methods["step"], uint64(0))
			v.steps <- struct{}{}
			if _, err := d.packet(); err != nil {
				t.Fatal(err)
			}
			c := tt.do(d, p)
			d.lines = nil
			d.try(tt.name, c[0].(byte), c[1].(byte), c[2:], anID)
			dies := tt.signal != 0 && api >= 28 || api < 28 && tt.old == "CLOSED"
			if api < 28 && d.lines[0] != tt.name+" => "+tt.old || dies && d.lines[0] != tt.name+" => CLOSED" {
				t.Errorf("API %d: %s", api, d.lines[0])
			}
			if _, err := d.ask(1, 1); (err != nil) != dies {
				t.Errorf("API %d, %s: afterwards %v", api, tt.name, err)
			}
			if dies { // it is reported after the connection ended
				select {
				case s := <-died:
					if s != tt.signal {
						t.Errorf("API %d, %s: signal %d, want %d", api, tt.name, s, tt.signal)
					}
				case <-time.After(wait.Plenty):
					t.Errorf("API %d, %s: nobody was told", api, tt.name)
				}
			} else if len(died) > 0 {
				t.Errorf("API %d, %s: signal %d of a process that lives", api, tt.name, <-died)
			}
		}
	}
}

// A second debugger waits, silent, until the first leaves. Up to API 27 it is
// dropped.
func TestSecondDebugger(t *testing.T) {
	for _, api := range []int{27, 34} {
		v := newVictim(t, art.Options{API: api})
		first := newDebugger(t, v.Machine)
		conn := serve(t, v.Machine)
		got := make(chan error, 1)
		go func() {
			_, _ = io.WriteString(conn, "JDWP-Handshake") // which must not be read
			_, err := io.ReadFull(conn, make([]byte, 14))
			got <- err
		}()
		if api < 28 {
			if err := <-got; err == nil {
				t.Error("a second debugger is let in")
			}
			continue
		}
		first.must(1, 1)
		select {
		case err := <-got:
			t.Errorf("a second debugger is answered: %v", err)
		default:
		}
		first.must(1, 6)
		if err := <-got; err != nil {
			t.Errorf("the first left: %v", err)
		}
	}
}

// A class that is loaded but was not used yet is found by its signature, and a
// breakpoint in it stops its first use. ART's own JDWP calls it initialized.
func TestEarlyClass(t *testing.T) {
	for api, early := range map[int]int32{27: 7, 28: 3, 37: 3} {
		testEarlyClass(t, api, early)
	}
}

func testEarlyClass(t *testing.T, api int, loaded int32) {
	m, _, vm := debugged(t, api)
	ctx := bounded(t)
	early := m.Define(nil, &art.Class{Name: "com.example.Early", App: true, Methods: []*art.Method{{Name: "run", Signature: "()V"}}})
	status := func(want int32) jdwp.ClassID {
		t.Helper()
		found, err := vm.ClassesBySignature(ctx, "Lcom/example/Early;")
		if err != nil || len(found) != 1 || found[0].Status != want {
			t.Fatalf("%+v, %v, want one of status %d", found, err, want)
		}
		return found[0].ID
	}
	class, run, err := vm.FindMethod(ctx, status(loaded), "run", "()V")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := vm.BreakAt(ctx, class, run.ID); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := m.Main().Call(m.NewObject(early), "run", "()V")
		done <- err
	}()
	set, err := vm.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	status(7)
	if err := vm.Release(ctx, set); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
