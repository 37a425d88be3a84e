package streams

import (
	"bytes"
	"strings"
	"testing"
)

func TestSetColor(t *testing.T) {
	tests := []struct {
		name    string
		mode    ColorMode
		env     map[string]string
		tty     bool
		want    bool
		wantErr bool
	}{
		{name: "terminal", mode: ColorAuto, tty: true, want: true},
		{name: "pipe", mode: ColorAuto},
		{name: "dumb terminal", mode: ColorAuto, tty: true, env: map[string]string{"TERM": "dumb"}},
		{name: "NO_COLOR beats a terminal", mode: ColorAuto, tty: true, env: map[string]string{"NO_COLOR": "1"}},
		{name: "CLICOLOR_FORCE beats a pipe", mode: ColorAuto, env: map[string]string{"CLICOLOR_FORCE": "1"}, want: true},
		{name: "CLICOLOR_FORCE=0 is off", mode: ColorAuto, env: map[string]string{"CLICOLOR_FORCE": "0"}},
		{name: "NO_COLOR beats CLICOLOR_FORCE", mode: ColorAuto, env: map[string]string{"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}},
		{name: "flag beats NO_COLOR", mode: ColorAlways, env: map[string]string{"NO_COLOR": "1"}, want: true},
		{name: "flag beats a terminal", mode: ColorNever, tty: true},
		{name: "unknown", mode: "blue", wantErr: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, _, _ := buffers("")
			s.OutTTY, s.ErrTTY = tt.tty, tt.tty
			err := s.SetColor(tt.mode, func(k string) string { return tt.env[k] })
			if (err != nil) != tt.wantErr {
				t.Fatalf("error %v, want one: %v", err, tt.wantErr)
			}
			if got := strings.Contains(s.PaintOut(Good, "x"), "\x1b["); got != tt.want {
				t.Errorf("stdout coloured: %v, want %v", got, tt.want)
			}
			if got := strings.Contains(s.PaintErr(Bad, "x"), "\x1b["); got != tt.want {
				t.Errorf("stderr coloured: %v, want %v", got, tt.want)
			}
		})
	}
}

func TestErrorNoteWarn(t *testing.T) {
	s, out, errOut := buffers("")
	s.Quiet = true
	s.Note("not seen")
	s.Warn("thumb is %d bytes", 40000)
	s.Error("no phone is connected", "wxctl devices")
	if out.Len() != 0 {
		t.Errorf("stdout has %q", out)
	}
	want := "warning: thumb is 40000 bytes\nwxctl: no phone is connected\nhint: wxctl devices\n"
	if errOut.String() != want {
		t.Errorf("stderr is %q, want %q", errOut, want)
	}
}

// buffers are streams on buffers, without terminals.
func buffers(stdin string) (s *Streams, out, errOut *bytes.Buffer) {
	out, errOut = &bytes.Buffer{}, &bytes.Buffer{}
	return &Streams{In: strings.NewReader(stdin), Out: out, Err: errOut}, out, errOut
}
