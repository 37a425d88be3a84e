package ioswire_test

import (
	"encoding/json"
	"runtime"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/ioswire"
)

// bounded fails if a decoder allocates more than 4 times its input, plus a
// small constant.
func bounded(t *testing.T, length int, decode func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	decode()
	runtime.ReadMemStats(&after)
	if made := after.TotalAlloc - before.TotalAlloc; made > uint64(4*length+64<<10) {
		t.Errorf("%d bytes became %d", made, length)
	}
}

// TestDecodeManyItems reads URLs whose query is made of nothing but short items.
func TestDecodeManyItems(t *testing.T) {
	items := strings.Repeat("a=1&", 1<<18)
	bounded(t, len(items), func() {
		if _, _, err := ioswire.Decode("weixin://app/wx1/auth/?"+items+"scope=s", nil); err != nil {
			t.Error(err)
		}
	})
	bounded(t, len(items), func() {
		if _, err := ioswire.DecodeReply("wx1://oauth?"+items+"code=c", nil, ioswire.Receiver{AppID: "wx1"}); err != nil {
			t.Error(err)
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, sdk := range ioswire.Versions() {
		for i, c := range requestCases(sdk) {
			if i%40 != 0 {
				continue
			}
			if wires, _, err := ioswire.Encode(c.req, c.sender); err == nil {
				url, pasteboard := split(wires)
				if len(url)+len(pasteboard) < 1<<16 {
					f.Add(url, pasteboard)
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, url string, pasteboard []byte) {
		var req intents.Request
		var env ioswire.Envelope
		var err error
		bounded(t, len(url)+len(pasteboard), func() { req, env, err = ioswire.Decode(url, pasteboard) })
		if err != nil {
			return
		}
		if req == nil {
			t.Fatal("neither a request nor an error")
		}
		sender := ioswire.Sender{AppID: env.AppID, BundleID: env.BundleID, ContextID: env.ContextID, Token: env.Token}
		if _, _, err := ioswire.Encode(req, sender); err != nil {
			t.Errorf("%+v was read, but can't be written: %v", req, err)
		}
		if _, err := json.Marshal(req); err != nil {
			t.Errorf("%+v: %v", req, err)
		}
		intents.Refused(ioswire.Validate(req, ""))
	})
}

func FuzzDecodeReply(f *testing.F) {
	for _, sdk := range ioswire.Versions() {
		for i, c := range replyCases(f, sdk) {
			if i%10 == 0 {
				f.Add(c.url, c.pasteboard)
			}
		}
	}
	f.Fuzz(func(t *testing.T, url string, pasteboard []byte) {
		for _, sdk := range ioswire.Versions() {
			app := ioswire.Receiver{AppID: caseAppID, UniversalLink: caseLink, SDK: sdk}
			var reply intents.Reply
			var err error
			bounded(t, len(url)+len(pasteboard), func() { reply, err = ioswire.DecodeReply(url, pasteboard, app) })
			if (reply == nil) == (err == nil) {
				t.Fatalf("%v, %v", reply, err)
			}
			if err != nil {
				continue
			}
			if _, ok := reply.(intents.OtherReply); ok {
				continue
			}
			wires, _, err := ioswire.EncodeReply(reply, app)
			if err != nil {
				t.Fatalf("%+v was read, but can't be written: %v", reply, err)
			}
			again, pasteboard := split(wires)
			if _, err := ioswire.DecodeReply(again, pasteboard, app); err != nil {
				t.Errorf("%+v became %q, which can't be read: %v", reply, again, err)
			}
		}
	})
}

func FuzzWireJSON(f *testing.F) {
	for _, c := range requestCases(ioswire.SDK200)[:40] {
		wires, _, err := ioswire.Encode(c.req, c.sender)
		if err != nil {
			continue
		}
		text, err := json.Marshal(wires)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var wires []ioswire.Wire
		if json.Unmarshal(text, &wires) != nil {
			return
		}
		once, err := json.Marshal(wires)
		if err != nil {
			return // a real number that JSON can't express
		}
		var again []ioswire.Wire
		if err := json.Unmarshal(once, &again); err != nil {
			t.Fatalf("%s: %v", once, err)
		}
		if twice, err := json.Marshal(again); err != nil || string(twice) != string(once) {
			t.Errorf("%s became %s (%v)", once, twice, err)
		}
	})
}
