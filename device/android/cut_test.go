package android

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/device"
)

// A list that adb has truncated is completed, with a note.
func TestCutList(t *testing.T) {
	line := func(i int, long bool) string {
		s := fmt.Sprintf("SERIAL%04d             offline", i)
		if long {
			s += " usb:1-1 product:sdk_phone model:Virtual_Phone device:wxctl transport_id:" + fmt.Sprint(i+1)
		}
		return s + "\n"
	}
	for _, tt := range []struct {
		phones int
		listed int
		notes  int
	}{{500, 500, 0}, {1000, 1000, 1}, {3000, 2114, 1}} {
		answer := func(long bool) string {
			var b strings.Builder
			for i := range tt.phones {
				b.WriteString(line(i, long))
			}
			s := b.String()
			return s[:min(len(s), longestAnswer)]
		}
		server := lists(t, map[string]string{"host:devices-l": answer(true), "host:devices": answer(false)})
		var notes []device.Note
		infos, err := (&Backend{Server: server, Note: func(n device.Note) { notes = append(notes, n) }}).List(t.Context(), "")
		if err != nil || len(infos) != tt.listed || len(notes) != tt.notes {
			t.Errorf("%d phones: %d listed, notes %q, %v", tt.phones, len(infos), notes, err)
		}
	}
}

// lists is an adb server that only answers questions.
func lists(t *testing.T, answers map[string]string) Server {
	return script(t, func(c net.Conn) {
		var n int
		if _, err := fmt.Fscanf(io.LimitReader(c, 4), "%04x", &n); err != nil {
			return
		}
		question := make([]byte, n)
		if _, err := io.ReadFull(c, question); err != nil {
			return
		}
		answer := answers[string(question)]
		fmt.Fprintf(c, "OKAY%04x%s", len(answer), answer)
	})
}
