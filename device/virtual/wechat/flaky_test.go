package wechat

import (
	"strings"
	"testing"

	"github.com/wxctl/wxctl/intents/androidwire"
)

// Every third request is lost, whatever it is; unreadable ones don't count.
func TestFlaky(t *testing.T) {
	w := New(Options{Flaky: 3, LoggedOut: true}, nil)
	for i := 1; i <= 9; i++ {
		w.Receive(androidwire.Intent{})
		_, course := w.Query("com.example.app", androidwire.Query{URI: "content://" + "com.tencent.mm.sdk.comm.provider/openTypeWebview", Args: arguments{new("wx0123456789abcdef")}})
		if lost := strings.Contains(course.Note, "flaky"); lost != (i%3 == 0) {
			t.Errorf("request %d: %s", i, course.Note)
		}
	}
}
