package ioswire_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/wxctl/wxctl/fixtures/tier"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/ioswire"
)

var (
	update = flag.Bool("update", false, "ask the emulated SDK and record its answers")
	every  = flag.Int("every", 8, "of how many recorded cases one is asked again in the tier conformance-ios; 1: all")
)

const tierName = "conformance-ios"

// An outcome is what the SDK does with a request, without the context id and
// with the payload decoded.
type outcome struct {
	ID         string   `json:"id"`
	Asked      string   `json:"asked"` // digest of the question
	Sent       bool     `json:"sent"`
	Opened     []opened `json:"opened,omitempty"`
	Pasteboard *pasted  `json:"pasteboard,omitempty"`
}

type opened struct {
	URL     any      `json:"url"` // context id and payload cut out
	Options any      `json:"options,omitempty"`
	BizData *carried `json:"bizData,omitempty"`
}

type carried struct {
	Plist  any `json:"plist"`
	Length int `json:"length"`
}

type pasted struct {
	Plist any `json:"plist"`
	// Length is the binary property list's.
	Length int `json:"length"`
}

// sdkOutcome reads an answer of the emulator.
func sdkOutcome(t *testing.T, raw json.RawMessage) outcome {
	t.Helper()
	var line struct {
		ID     string          `json:"id"`
		Error  string          `json:"error"`
		Answer json.RawMessage `json:"answer"`
	}
	if err := json.Unmarshal(raw, &line); err != nil {
		t.Fatal(err)
	}
	if line.Error != "" {
		t.Fatalf("%s: the emulated SDK has no answer: %s", line.ID, line.Error)
	}
	type step struct {
		Sent   *bool `json:"sent"`
		Opened []struct {
			Bare    any      `json:"bare"`
			BizData *carried `json:"bizData"`
		} `json:"opened"`
		Pasteboard map[string]json.RawMessage `json:"pasteboard"`
	}
	var steps []step
	if err := json.Unmarshal(line.Answer, &steps); err != nil {
		t.Fatalf("%s: %v", line.ID, err)
	}
	first, answer := steps[0], steps[len(steps)-1]
	out := outcome{ID: line.ID, Sent: first.Sent != nil && *first.Sent}
	if !out.Sent {
		return out // what it wrote before it refused does not matter
	}
	for _, o := range answer.Opened {
		out.Opened = append(out.Opened, opened{URL: o.Bare, BizData: o.BizData})
	}
	if content, ok := answer.Pasteboard[ioswire.PasteboardType]; ok {
		out.Pasteboard = &pasted{}
		if err := json.Unmarshal(content, out.Pasteboard); err != nil {
			t.Fatalf("%s: %v", line.ID, err)
		}
	}
	return out
}

// bare is a URL without the values of its context id and payload.
func bare(url string) string {
	for _, name := range []string{"wechat_auth_context_id=", "_wechat_sdk_biz_data="} {
		if before, after, ok := strings.Cut(url, name); ok {
			_, rest, more := strings.Cut(after, "&")
			url = before + name + "…"
			if more {
				url += "&" + rest
			}
		}
	}
	return url
}

// ownOutcome is what this package does, in the same form.
func ownOutcome(t *testing.T, c conformanceCase) outcome {
	t.Helper()
	out := outcome{ID: c.id}
	if problems := intents.Refused(ioswire.Validate(c.req, c.sender.SDK)); len(problems) > 0 {
		return out
	}
	out.Sent = true
	first := c.sender
	first.Degraded = false
	senders := []ioswire.Sender{first}
	byLink := first.UniversalLink != "" && !first.Phone.NoUniversalLinks && (first.Phone.IOS == 0 || first.Phone.IOS >= 12)
	if c.sender.Degraded && byLink {
		senders = append(senders, c.sender)
	}
	for _, sender := range senders {
		wires, differences, err := ioswire.Encode(c.req, sender)
		if err != nil && sender.Phone.IOS != 0 && sender.Phone.IOS < 17 {
			return outcome{ID: c.id} // the SDK got no URL
		}
		if err != nil {
			t.Fatalf("%s: %v", c.id, err)
		}
		if (len(differences) > 0) != (sender.UniversalLink == "") && !sender.Scheme {
			t.Errorf("%s: differences %q", c.id, differences)
		}
		for i, w := range wires {
			switch {
			case w.URL != nil:
				o := opened{URL: shortened(bare(w.URL.Text))}
				if w.URL.BizData != nil {
					o.BizData = &carried{plainDict(w.URL.BizData), len(ioswire.EncodePlist(w.URL.BizData))}
				}
				out.Opened = append(out.Opened, o)
			case w.Pasteboard != nil:
				if i != 0 {
					t.Errorf("%s: the pasteboard is written after the URL was opened", c.id)
				}
				out.Pasteboard = &pasted{plainDict(w.Pasteboard.Plist), len(w.Pasteboard.Bytes())}
			}
		}
	}
	return out
}

// shortened, plainDict and plainValue show values as the emulator shows them.
func shortened(s string) any {
	if n := utf8.RuneCountInString(s); n > 4096 {
		sum := sha256.Sum256([]byte(s))
		return object{"$text": object{"length": float64(n), "sha256": hex.EncodeToString(sum[:]), "start": string([]rune(s)[:64])}}
	}
	return s
}

func plainDict(d ioswire.Dict) any {
	out := object{}
	for _, f := range d {
		out[f.Key] = plainValue(f.Value)
	}
	return out
}

func plainValue(v ioswire.Value) any {
	if s, ok := v.Text(); ok {
		return shortened(s)
	}
	if d, ok := v.Dict(); ok {
		return plainDict(d)
	}
	text, err := json.Marshal(ioswire.Printed{Pasteboard: &ioswire.Pasteboard{Plist: ioswire.Dict{{Key: "v", Value: v}}}})
	if err != nil {
		panic(err)
	}
	var plain struct{ Plist struct{ V any } }
	if err := json.Unmarshal(text, &plain); err != nil {
		panic(err)
	}
	return plain.Plist.V
}

func golden(sdk ioswire.Version, what string) string {
	return filepath.Join("testdata", what+"-"+string(sdk)+".jsonl.gz")
}

// readGolden reads recorded answers, one JSON value a line.
func readGolden[T any](t *testing.T, name string) []T {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(unpacked)
	var all []T
	for {
		var one T
		if err := decoder.Decode(&one); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
}

func writeGolden[T any](t *testing.T, name string, all []T) {
	t.Helper()
	var b bytes.Buffer
	packed, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	encoder := json.NewEncoder(packed)
	encoder.SetEscapeHTML(false)
	for _, one := range all {
		if err := encoder.Encode(one); err != nil {
			t.Fatal(err)
		}
	}
	if err := packed.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// digest identifies a question.
func digest(t *testing.T, question object) string {
	t.Helper()
	text, err := json.Marshal(question)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6])
}

// updateGolden records the answers to questions; those that were asked before
// are not asked again.
func updateGolden[T any](t *testing.T, sdk ioswire.Version, what string, questions []object, read func(*testing.T, json.RawMessage) T) {
	t.Helper()
	known := map[string]T{}
	if _, err := os.Stat(golden(sdk, what)); err == nil {
		for _, raw := range readGolden[json.RawMessage](t, golden(sdk, what)) {
			var asked struct{ Asked string }
			var one T
			if json.Unmarshal(raw, &asked) == nil && json.Unmarshal(raw, &one) == nil {
				known[asked.Asked] = one
			}
		}
	}
	var open []object
	for _, q := range questions {
		if _, ok := known[digest(t, q)]; !ok {
			open = append(open, q)
		}
	}
	t.Logf("asking %d of %d questions", len(open), len(questions))
	if len(open) > 0 {
		for i, raw := range ask(t, sdk, open) {
			known[digest(t, open[i])] = read(t, raw)
		}
	}
	all := make([]map[string]any, len(questions))
	for i, q := range questions {
		text, err := json.Marshal(known[digest(t, q)])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &all[i]); err != nil {
			t.Fatal(err)
		}
		all[i]["asked"] = digest(t, q)
	}
	writeGolden(t, golden(sdk, what), all)
}

func sdkCases(cases []conformanceCase) []object {
	out := make([]object, len(cases))
	for i, c := range cases {
		out[i] = sdkCase(c)
	}
	return out
}

func sdkCase(c conformanceCase) object {
	send := object{"op": "send", "request": sdkRequest(c.req, c.sender.SDK)}
	out := object{"id": c.id, "settings": sdkSettings(c.sender), "steps": []object{send}}
	if c.sender.Resent {
		url := c.sender.AppID + "://refreshToken?wechat_auth_token=" + c.sender.Token + "&wechat_auth_context_id={contextId}"
		if c.sender.Scheme {
			url = c.sender.AppID + "://resendContextReqByScheme?wechat_auth_context_id={contextId}"
		}
		out["steps"] = []object{send, {"op": "handle", "url": url}}
	}
	return out
}

// TestRequestsConform compares every request with what Tencent's SDK did with
// it, as recorded.
func TestRequestsConform(t *testing.T) {
	for _, sdk := range ioswire.Versions() {
		t.Run(string(sdk), func(t *testing.T) {
			cases := requestCases(sdk)
			if *update {
				updateGolden(t, sdk, "requests", sdkCases(cases), sdkOutcome)
			}
			recorded := readGolden[outcome](t, golden(sdk, "requests"))
			if len(recorded) != len(cases) {
				t.Fatalf("%d recorded answers to %d cases: run with -update", len(recorded), len(cases))
			}
			sent := 0
			for i, c := range cases {
				if i%stride != 0 {
					continue
				}
				if recorded[i].Asked != digest(t, sdkCase(c)) {
					t.Fatalf("%s is not what was asked: run with -update", c.id)
				}
				if recorded[i].Sent {
					sent++
				}
				compare(t, c, recorded[i])
			}
			if all := len(cases) / stride; sent < all/4 || sent > all*9/10 {
				t.Errorf("%d of %d cases are sent: the cases no longer try both sides", sent, all)
			}
		})
	}
}

func compare(t *testing.T, c conformanceCase, want outcome) {
	t.Helper()
	got := ownOutcome(t, c)
	got.Asked, want.Asked = "", ""
	var plain outcome // as JSON has it
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &plain); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(plain, want) {
		t.Errorf("%s: problems %v", c.id, ioswire.Validate(c.req, c.sender.SDK))
		wanted, _ := json.Marshal(want)
		var a, b any
		if json.Unmarshal(text, &a) != nil || json.Unmarshal(wanted, &b) != nil {
			t.Fatal("no JSON")
		}
		difference(t, c.id, a, b)
	}
}

// difference says where two JSON values differ.
func difference(t *testing.T, path string, got, sdk any) {
	t.Helper()
	a, inside := got.(object)
	b, both := sdk.(object)
	if inside && both {
		for key := range a {
			if _, ok := b[key]; !ok {
				t.Errorf("%s.%s: %.200v, which the SDK does not have", path, key, a[key])
			}
		}
		for key := range b {
			difference(t, path+"."+key, a[key], b[key])
		}
		return
	}
	if x, ok := got.([]any); ok {
		if y, ok := sdk.([]any); ok && len(x) == len(y) {
			for i := range x {
				difference(t, fmt.Sprint(path, "[", i, "]"), x[i], y[i])
			}
			return
		}
	}
	if !reflect.DeepEqual(got, sdk) {
		t.Errorf("%s: %.600v, but in the SDK %.600v", path, got, sdk)
	}
}

// TestRequestsEmulated asks the SDK again, so that the record can't become
// outdated.
func TestRequestsEmulated(t *testing.T) {
	tier.Need(t, tierName, "python3", "npm")
	for _, sdk := range ioswire.Versions() {
		t.Run(string(sdk), func(t *testing.T) {
			var cases []conformanceCase
			for i, c := range requestCases(sdk) {
				if i%*every == 0 {
					cases = append(cases, c)
				}
			}
			for i, raw := range ask(t, sdk, sdkCases(cases)) {
				compare(t, cases[i], sdkOutcome(t, raw))
			}
		})
	}
}
