package cmd

import (
	"strings"
	"testing"

	"github.com/wxctl/wxctl/device/lab/natslab"
)

// TestLabLsInChinese: what a person reads of a phone's state is in the user's
// language; what programs read is in English.
func TestLabLsInChinese(t *testing.T) {
	states := map[labState]string{
		labFree: "空闲", labRunning: "运行中", labState(natslab.Held): "被占用", labState(natslab.Quarantined): "已隔离",
		labState(natslab.Drained): "已排空", "too old": "太旧", "too new": "太新",
	}
	for _, tty := range []bool{true, false} {
		for state, chinese := range states {
			f, out, _ := testFactory(t, "", map[string]string{"LANG": "zh_CN.UTF-8", "NO_COLOR": "1"})
			f.Streams.OutTTY = tty
			Run(t.Context(), f, []string{"lab"}) // chooses the language and the form
			if err := printLab(f, []labPhone{{Phone: "R58N123ABC", Agent: "rack3", State: state}}, []labAgent{{Name: "rack3", Phones: 1}}, nil); err != nil {
				t.Fatal(err)
			}
			want := string(state)
			if tty {
				want = chinese
			}
			if !strings.Contains(out(), want) {
				t.Errorf("a terminal: %v: %q is not in\n%s", tty, want, out())
			}
		}
	}
}
