package ioswire_test

import (
	"encoding/json"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/wxctl/wxctl/fixtures/program"
	"github.com/wxctl/wxctl/fixtures/tier"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/ioswire"
)

// TestReplyCommandLine runs the program itself: the URL that it would forge, as
// printed with --dry-run --json, is the one that Tencent's SDK was given, and
// from which the SDK gave the app the values of the flags, as recorded.
func TestReplyCommandLine(t *testing.T) {
	step := 12 // each is a process, so only the tier runs all
	if tier.Required(tierName) {
		step = 1
	}
	for _, sdk := range ioswire.Versions() {
		t.Run(string(sdk), func(t *testing.T) {
			recorded := readGolden[delivery](t, golden(sdk, "replies"))
			limit := make(chan struct{}, runtime.NumCPU())
			var wg sync.WaitGroup
			said := map[intents.Kind]int{}
			for i, c := range replyCases(t, sdk) {
				args, ok := replyLine(c)
				if !ok {
					continue
				}
				if said[c.given.Kind()]++; said[c.given.Kind()]%step != 1%step {
					continue
				}
				limit <- struct{}{}
				wg.Go(func() {
					defer func() { <-limit }()
					checkReplyLine(t, args, c, recorded[i])
				})
			}
			wg.Wait()
			for _, kind := range []intents.Kind{intents.KindShare, intents.KindAuth, intents.KindLaunchMiniProgram, intents.KindSubscribeMessage} {
				if said[kind] < 30 {
					t.Errorf("%d cases of kind %s say too little", said[kind], kind)
				}
			}
		})
	}
}

func checkReplyLine(t *testing.T, args []string, c replyCase, want delivery) {
	out, err := program.Command(t, t.TempDir(), args...).Output()
	var printed struct{ Wire []wireEntry }
	if err == nil {
		err = json.Unmarshal(out, &printed)
	}
	if err != nil {
		t.Errorf("%s %q: %v\n%s", c.id, args, err, out)
		return
	}
	forged := c
	forged.url = ""
	for _, w := range printed.Wire {
		if w.Form == "url" {
			forged.url = w.URL
		}
	}
	if forged.url != c.url || (len(printed.Wire) == 2) != (c.pasteboard != nil) {
		t.Errorf("%s %q: forges %q and %d things, the SDK was handed %q", c.id, args, forged.url, len(printed.Wire), c.url)
		return
	}
	compareReply(t, forged, want)
}

// replyLine expresses a case in flags; not ok if no flags can.
func replyLine(c replyCase) (args []string, ok bool) {
	if c.given == nil || c.app.ByLink || c.app.IOS != 0 {
		return nil, false
	}
	ok = true
	flag := func(name string, value *string) {
		if value != nil {
			ok = ok && !strings.Contains(*value, "\x00") // no argument can contain one
			args = append(args, "--"+name+"="+*value)
		}
	}
	switch r := c.given.(type) {
	case intents.ShareReply:
		args = []string{"reply", "share"}
	case intents.AuthReply:
		args = []string{"reply", "auth"}
		flag("code", r.Code)
		flag("state", r.State)
		flag("lang", r.Lang)
		flag("country", r.Country)
	case intents.LaunchReply:
		args = []string{"reply", "miniprogram"}
		flag("ext-msg", r.ExtMsg)
	case intents.SubscribeReply:
		args = []string{"reply", "subscribe", "--scene=" + strconv.Itoa(int(r.Scene))}
		flag("template-id", r.TemplateID)
		flag("action", r.Action)
		flag("reserved", r.Reserved)
	default:
		return nil, false // a reply without a command
	}
	result := c.given.Answer()
	args = append(args, "--err-code="+strconv.Itoa(int(result.ErrCode)))
	flag("err-str", result.ErrStr)
	flag("openid", result.OpenID)
	return append(args, "--platform=ios", "--app-id="+c.app.AppID, "--universal-link="+c.app.UniversalLink,
		"--sdk-version="+string(c.app.SDK), "--dry-run", "--json"), ok
}
