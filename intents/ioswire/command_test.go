package ioswire_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/wxctl/wxctl/cmd"
	"github.com/wxctl/wxctl/fixtures/program"
	"github.com/wxctl/wxctl/fixtures/tier"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/ioswire"
)

func TestMain(m *testing.M) { program.Main(m, cmd.Main) }

// TestCommandLine runs the program itself: what it prints with --dry-run
// --json is what Tencent's SDK did, as recorded, and it exits with 14 for what
// that refused.
func TestCommandLine(t *testing.T) {
	for _, sdk := range ioswire.Versions() {
		t.Run(string(sdk), func(t *testing.T) {
			recorded := readGolden[outcome](t, golden(sdk, "requests"))
			var commands []*command
			kinds, sent := map[string]int{}, 0
			for i, c := range requestCases(sdk) {
				if line := commandLine(c); line != nil {
					line.want = recorded[i]
					commands = append(commands, line)
					kinds[line.args[0]+" "+line.args[1]]++
					if line.want.Sent {
						sent++
					}
				}
			}
			// share: text image music video webpage miniprogram file emoji; launch; subscribe; auth
			if len(kinds) < 11 || len(commands) < 300 || sent < len(commands)/4 || sent > len(commands)*9/10 {
				t.Errorf("%d cases, %d of them sent, don't try everything: %v", len(commands), sent, kinds)
			}

			step := 10 // each is a process, so only the tier runs all
			if tier.Required(tierName) {
				step = 1
			}
			limit := make(chan struct{}, runtime.NumCPU())
			var wg sync.WaitGroup
			for i := 0; i < len(commands); i += step {
				limit <- struct{}{}
				wg.Go(func() {
					defer func() { <-limit }()
					commands[i].check(t)
				})
			}
			wg.Wait()
		})
	}
}

// A command is a case expressed in flags.
type command struct {
	id    string
	args  []string
	files map[string][]byte
	want  outcome
}

func (c *command) check(t *testing.T) {
	dir := t.TempDir()
	args := append([]string{}, c.args...)
	for flag, data := range c.files {
		name, base, _ := strings.Cut(flag, "=")
		if base == "" {
			base = name
		}
		file := filepath.Join(dir, base)
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Error(err)
			return
		}
		args = append(args, "--"+name+"="+file)
	}
	process := program.Command(t, dir, append(args, "--dry-run", "--json")...)
	var stderr bytes.Buffer
	process.Stderr = &stderr
	out, err := process.Output()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Error(err)
		return
	}
	var answer struct {
		Wire     []wireEntry
		Problems []intents.Problem
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Errorf("%s: %v: %.200s", c.id, err, out)
		return
	}
	code := map[bool]int{true: 0, false: 14}[c.want.Sent]
	if got := process.ProcessState.ExitCode(); got != code || len(intents.Refused(answer.Problems)) > 0 == c.want.Sent {
		t.Errorf("%s: exit %d, want %d; problems %v: %.300s", c.id, got, code, answer.Problems, stderr.Bytes())
		return
	}
	if !reflect.DeepEqual(asRecorded(answer.Wire), c.expected()) {
		t.Errorf("%s: %q", c.id, c.args)
		var a, b any = asRecorded(answer.Wire), c.expected()
		difference(t, c.id, a, b)
	}
}

// wireEntry is what --dry-run prints for a phone that runs iOS.
type wireEntry struct {
	Form, URL, Type string
	BizData, Plist  any
}

// asRecorded converts what the program printed to the form of the record.
func asRecorded(wire []wireEntry) any {
	out := []any{}
	for _, w := range wire {
		switch w.Form {
		case "url":
			out = append(out, object{"url": shortened(bare(w.URL)), "bizData": shortenedAll(w.BizData)})
		default:
			out = append(out, object{"form": w.Form, "type": w.Type, "plist": shortenedAll(w.Plist)})
		}
	}
	return out
}

func (c *command) expected() any {
	out := []any{}
	if p := c.want.Pasteboard; p != nil {
		out = append(out, object{"form": "pasteboard", "type": ioswire.PasteboardType, "plist": p.Plist})
	}
	for _, o := range c.want.Opened {
		var data any
		if o.BizData != nil {
			data = o.BizData.Plist
		}
		out = append(out, object{"url": o.URL, "bizData": data})
	}
	return out
}

func shortenedAll(v any) any {
	switch v := v.(type) {
	case string:
		return shortened(v)
	case object:
		for key, value := range v {
			v[key] = shortenedAll(value)
		}
	}
	return v
}

// commandLine expresses a case in flags; nil if no flags can.
func commandLine(c conformanceCase) *command {
	s := c.sender
	if s.Phone != (ioswire.Phone{}) || s.Token != "" || s.Degraded || s.Resent {
		return nil
	}
	l := &line{command: command{id: c.id, files: map[string][]byte{}}}
	switch r := c.req.(type) {
	case intents.Auth:
		l.words("auth", "login")
		l.need("scope", r.Scope)
		l.need("state", r.State)
		l.unsaid(r.ExtData != nil || r.IsOption1 || r.NonAutomatic)
	case intents.LaunchMiniProgram:
		l.words("launch", "miniprogram")
		l.need("user-name", r.UserName)
		l.flag("path", r.Path)
		l.flag("ext-msg", r.ExtMsg)
		l.kind(r.Type)
	case intents.SubscribeMessage:
		l.words("subscribe", "--scene="+strconv.Itoa(int(r.Scene)))
		l.need("template-id", r.TemplateID)
		l.flag("reserved", r.Reserved)
	case intents.Share:
		l.share(&r)
	default:
		return nil
	}
	l.flag("openid", c.req.Base().OpenID)
	l.flag("transaction", c.req.Base().Transaction)
	l.flag("app-id", &s.AppID)
	l.flag("bundle-id", &s.BundleID)
	if s.UniversalLink != "" {
		l.flag("universal-link", &s.UniversalLink)
	}
	l.words("--platform=ios", "--sdk-version="+string(s.SDK))
	length := 0
	for _, a := range l.args {
		length += len(a)
	}
	l.unsaid(runtime.GOOS == "windows" && length > 30000) // of 32767
	if l.not {
		return nil
	}
	return &l.command
}

// line is a command line that is being built.
type line struct {
	command
	not bool // flags can't express this
}

func (l *line) words(words ...string) { l.args = append(l.args, words...) }

func (l *line) unsaid(set bool) { l.not = l.not || set }

func (l *line) flag(name string, value *string) {
	if value == nil {
		return
	}
	const longest = 100000 // Linux has no argument above 128 KiB
	l.unsaid(!utf8.ValidString(*value) || strings.ContainsRune(*value, 0) || len(*value) > longest)
	l.words("--" + name + "=" + *value)
}

func (l *line) need(name string, value *string) {
	l.unsaid(value == nil)
	l.flag(name, value)
}

func (l *line) boolean(name string, on bool) {
	if on {
		l.words("--" + name)
	}
}

func (l *line) kind(kind intents.MiniProgramType) {
	l.unsaid(kind < 0 || kind > 2)
	l.words("--type=" + kind.String())
}

func (l *line) data(flag string, data []byte) {
	l.unsaid(data == nil)
	l.files[flag] = data
}

func (l *line) share(s *intents.Share) {
	l.words("share", string(s.Message.Object.ObjectKind()))
	l.unsaid(s.Scene < 0 || s.Scene > 3)
	l.words("--scene=" + strconv.Itoa(int(s.Scene)))
	l.flag("to", s.To)
	m := s.Message
	l.flag("title", m.Title)
	l.flag("description", m.Description)
	l.flag("media-tag", m.MediaTag)
	l.flag("message-action", m.Action)
	l.flag("message-ext", m.Ext)
	if text, ok := m.Object.(intents.Text); ok { // which is all that the SDK sends
		l.need("text", text.Text)
		return
	}
	l.words("--no-fit")
	l.unsaid(m.Signature != nil || m.ThumbHash != nil)
	if m.Thumb != nil {
		l.data("thumb", m.Thumb)
	}
	switch o := m.Object.(type) {
	case intents.Image:
		l.data("file", o.Data)
		l.unsaid(o.DataHash != nil)
	case intents.Emoji:
		l.data("file", o.Data)
	case intents.File:
		l.unsaid(o.Ext == nil || *o.Ext == "" || len(*o.Ext) > 200 || strings.ContainsAny(*o.Ext, "\x00\n\r\t\x01\x7f/\\:*?\"<>|. "))
		if !l.not {
			l.data("file=x."+*o.Ext, o.Data)
		}
	case intents.Music:
		l.unsaid(o.URL == nil && o.LowBandURL == nil)
		l.flag("url", o.URL)
		l.flag("low-band-url", o.LowBandURL)
		l.flag("data-url", o.DataURL)
		l.flag("low-band-data-url", o.LowBandDataURL)
		l.flag("album-url", o.AlbumURL)
		l.flag("lyric", o.Lyric)
	case intents.Video:
		l.unsaid(o.URL == nil && o.LowBandURL == nil)
		l.flag("url", o.URL)
		l.flag("low-band-url", o.LowBandURL)
	case intents.Webpage:
		l.need("url", o.URL)
		l.unsaid(o.Secret || o.ExtraInfo != nil)
	case intents.MiniProgram:
		l.need("webpage-url", o.WebpageURL)
		l.need("user-name", o.UserName)
		l.flag("path", o.Path)
		l.kind(o.Type)
		l.boolean("with-share-ticket", o.WithShareTicket)
		l.boolean("disable-forward", o.DisableForward != 0)
		if o.HDImage != nil {
			l.data("hd-image", o.HDImage)
		}
		l.unsaid(o.Updatable || o.Secret || o.ExtraInfo != nil)
	default:
		l.not = true // a type without a command
	}
}
