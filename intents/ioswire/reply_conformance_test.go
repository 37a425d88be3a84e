package ioswire_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/fixtures/tier"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/ioswire"
)

// A replyCase is a URL that an app is handed, with what is on the pasteboard.
type replyCase struct {
	id         string
	url        string
	pasteboard []byte
	app        ioswire.Receiver
	given      intents.Reply // what it was made of, nil if it was written by hand
	lost       []string      // what EncodeReply said about it
}

func (g generator) result() intents.Result {
	return intents.Result{ErrCode: intents.ErrCode([]int32{0, 0, 0, -1, -2, -3, -4, -5, -6, 7, 1<<31 - 1, -1 << 31}[g.IntN(12)]),
		ErrStr: g.rare(g.text()), OpenID: g.rare(g.text())}
}

func (g generator) reply(kind int) intents.Reply {
	switch kind {
	case 0:
		return intents.ShareReply{Result: g.result()}
	case 1:
		return intents.AuthReply{Result: g.result(), Code: g.text(), State: g.text(), Lang: g.rare(g.text()), Country: g.rare(g.text())}
	case 2:
		return intents.LaunchReply{Result: g.result(), ExtMsg: g.text()}
	case 3:
		return intents.SubscribeReply{Result: g.result(), TemplateID: g.text(), Scene: int32(g.Uint32()), Action: g.text(), Reserved: g.text()}
	case 4:
		return intents.SubscribeMiniProgramReply{Result: g.result(), UnionID: g.text(), Nickname: g.text()}
	}
	return intents.OpenWebviewReply{Result: g.result(), PageResult: g.rare(g.text())}
}

func replyCases(t testing.TB, sdk ioswire.Version) []replyCase {
	t.Helper()
	var cases []replyCase
	for kind := range 6 {
		g := generator{rand.New(rand.NewPCG(uint64(kind), 77))}
		for i := range 150 {
			app := ioswire.Receiver{AppID: caseAppID, UniversalLink: caseLink, ByLink: g.chance(3), SDK: sdk}
			if g.chance(5) {
				app.IOS = []int{12, 14, 15, 17}[g.IntN(4)]
			}
			reply := g.reply(kind)
			wires, lost, err := ioswire.EncodeReply(reply, app)
			if err != nil {
				t.Fatalf("%+v: %v", reply, err)
			}
			c := replyCase{id: fmt.Sprintf("reply-%d-%d", kind, i), app: app, given: reply, lost: lost}
			for _, w := range wires {
				if w.URL != nil {
					c.url = w.URL.Text
				} else {
					c.pasteboard = w.Pasteboard.Bytes()
				}
			}
			cases = append(cases, c)
		}
	}
	return append(cases, writtenCases(t, sdk)...)
}

// writtenCases are URLs that a WeChat, or someone else, might hand to an app.
func writtenCases(t testing.TB, sdk ioswire.Version) []replyCase {
	t.Helper()
	file, err := os.Open(filepath.FromSlash("testdata/reply-urls.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	app := ioswire.Receiver{AppID: caseAppID, UniversalLink: caseLink, SDK: sdk}
	var cases []replyCase
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		if url := lines.Text(); url != "" && !strings.HasPrefix(url, "//") {
			cases = append(cases, replyCase{id: fmt.Sprintf("line-%d", n), url: url, app: app})
		}
	}
	text := ioswire.String
	for _, command := range []string{"0", "1010", "1020", "1070", "2000", "2010", "2020", "2030", "2040", "2050", "2060", "2070", "2080", "2090",
		"2100", "2110", "2120", "2130", "2140", "2150", "9999", "", " 2020", "2020x", "02020", "-1"} {
		for _, kind := range []string{"", "1", "2", "3", "4", "5", "6", "7", "8", "14", "36", "38", "39", "45", "46", "49", "70", "76", "89"} {
			if kind != "" && command != "1010" {
				continue
			}
			fields := ioswire.Dict{{Key: "command", Value: text(command)}, {Key: "fileData", Value: ioswire.Data([]byte("1|2"))},
				{Key: "messageExt", Value: text("EXT")}, {Key: "objectType", Value: text(kind)}, {Key: "openID", Value: text("oMe")},
				{Key: "result", Value: text("-2")}, {Key: "state", Value: text("a b&c")}, {Key: "title", Value: text("T")}}
			cases = append(cases, payloadCase("payload-"+command+"-"+kind, fields, app)...)
		}
	}
	for i, result := range []ioswire.Value{text("-2x"), text(" +5"), text(""), text("99999999999"), ioswire.Int(-2), ioswire.Bool(true)} {
		fields := ioswire.Dict{{Key: "command", Value: text("2020")}, {Key: "result", Value: result}}
		cases = append(cases, payloadCase(fmt.Sprint("result-", i), fields, app)...)
	}
	for i, command := range []ioswire.Value{ioswire.Int(2020), ioswire.Bool(true), ioswire.Data([]byte("2020"))} {
		if i == 2 {
			continue // the real class throws
		}
		cases = append(cases, payloadCase(fmt.Sprint("command-", i), ioswire.Dict{{Key: "command", Value: command}}, app)...)
	}
	return cases
}

// payloadCase is a payload in the URL, and the same on the pasteboard.
func payloadCase(id string, fields ioswire.Dict, app ioswire.Receiver) []replyCase {
	text := base64.StdEncoding.EncodeToString(ioswire.EncodePlist(fields))
	escaped := strings.NewReplacer("+", "%2B", "/", "%2F", "=", "%3D").Replace(text)
	whole := ioswire.EncodePlist(ioswire.Dict{{Key: app.AppID, Value: ioswire.Dictionary(fields)}})
	return []replyCase{
		{id: id + "-url", url: fmt.Sprintf("%s://?_wechat_sdk_biz_data_len=%d&_wechat_sdk_biz_data=%s", app.AppID, len(text), escaped), app: app},
		{id: id + "-pasteboard", url: app.AppID + "://", pasteboard: whole, app: app},
		{id: id + "-wrong-length", url: fmt.Sprintf("%s://?_wechat_sdk_biz_data_len=%d&_wechat_sdk_biz_data=%s", app.AppID, len(text)+1, escaped), pasteboard: whole, app: app},
	}
}

// A delivery is what the app's delegate gets.
type delivery struct {
	ID    string         `json:"id"`
	Asked string         `json:"asked"` // digest of the question
	Got   map[string]any `json:"got"`   // the object, null if there was none
}

func sdkDelivery(t *testing.T, raw json.RawMessage) delivery {
	t.Helper()
	var line struct {
		ID     string `json:"id"`
		Error  string `json:"error"`
		Answer struct {
			Delegate []map[string]map[string]any `json:"delegate"`
		} `json:"answer"`
	}
	if err := json.Unmarshal(raw, &line); err != nil {
		t.Fatal(err)
	}
	if line.Error != "" {
		t.Fatalf("%s: the emulated SDK has no answer: %s", line.ID, line.Error)
	}
	d := delivery{ID: line.ID}
	for _, call := range line.Answer.Delegate {
		for _, name := range []string{"onReq", "onResp"} {
			if got, ok := call[name]; ok {
				delete(got, "message") // the content of a message shown to the app is not compared
				d.Got = got
			}
		}
	}
	return d
}

func replyQuestions(cases []replyCase) []object {
	questions := make([]object, len(cases))
	for i, c := range cases {
		settings := object{}
		if c.pasteboard != nil {
			settings["pasteboard"] = object{ioswire.PasteboardType: object{"base64": base64.StdEncoding.EncodeToString(c.pasteboard)}}
		}
		if c.app.IOS != 0 {
			settings["iosVersion"] = fmt.Sprintf("%d.0", c.app.IOS)
		}
		questions[i] = object{"id": c.id, "op": "handle", "url": c.url, "settings": settings}
		if c.app.ByLink {
			questions[i]["as"] = "universalLink"
		}
	}
	return questions
}

// asDelivered is a reply as the library's object of its properties.
func asDelivered(reply intents.Reply) map[string]any {
	result := reply.Answer()
	out := object{"errCode": float64(result.ErrCode), "errStr": orNil(result.ErrStr), "type": float64(0)}
	switch r := reply.(type) {
	case intents.ShareReply:
		out["$"] = "SendMessageToWXResp"
	case intents.AuthReply:
		out["$"], out["code"], out["state"] = "SendAuthResp", orNil(r.Code), orNil(r.State)
		out["lang"], out["country"] = orNil(r.Lang), orNil(r.Country)
	case intents.LaunchReply:
		out["$"], out["extMsg"] = "WXLaunchMiniProgramResp", orNil(r.ExtMsg)
	case intents.SubscribeReply:
		out["$"], out["templateId"], out["scene"] = "WXSubscribeMsgResp", orNil(r.TemplateID), float64(uint32(r.Scene))
		out["action"], out["reserved"], out["openId"] = orNil(r.Action), orNil(r.Reserved), orNil(r.OpenID)
	case intents.SubscribeMiniProgramReply:
		out["$"], out["openId"] = "WXSubscribeMiniProgramMsgResp", orNil(r.OpenID)
		out["unionId"], out["nickName"] = orNil(r.UnionID), orNil(r.Nickname)
	case intents.OpenWebviewReply:
		out["$"] = "OpenWebviewResp"
	}
	return out
}

func orNil(s *string) any {
	if s == nil {
		return nil
	}
	return *s
}

func compareReply(t *testing.T, c replyCase, want delivery) {
	t.Helper()
	if want.ID != c.id {
		t.Fatalf("the answer is to %s, not to %s: run with -update", want.ID, c.id)
	}
	got, err := ioswire.DecodeReply(c.url, c.pasteboard, c.app)
	if (err == nil) != (want.Got != nil) {
		t.Errorf("%s %.300q: read as %+v (%v), but the SDK hands over %v", c.id, c.url, got, err, want.Got)
		return
	}
	if err != nil {
		return
	}
	if other, ok := got.(intents.OtherReply); ok {
		if code, ok := want.Got["errCode"]; ok && code != float64(other.ErrCode) {
			t.Errorf("%s: errCode %d, but in the SDK %v", c.id, other.ErrCode, code)
		}
		if id, ok := want.Got["openID"]; ok && !reflect.DeepEqual(id, orNil(other.OpenID)) {
			t.Errorf("%s: openID %v, but in the SDK %v", c.id, orNil(other.OpenID), id)
		}
		return
	}
	read := asDelivered(got)
	for key, value := range read {
		if !reflect.DeepEqual(want.Got[key], value) {
			t.Errorf("%s %.300q: %s is %#v, but in the SDK %#v", c.id, c.url, key, value, want.Got[key])
		}
	}
	if c.given == nil {
		return
	}
	names := map[string]string{"openID": "openId", "nickName": "nickname"}
	for key, value := range asDelivered(c.given) {
		if other, ok := names[key]; ok {
			key = other
		}
		told := slices.ContainsFunc(c.lost, func(s string) bool { return strings.HasPrefix(s, key+":") })
		if same := reflect.DeepEqual(read[key], value) || key == "nickname" && reflect.DeepEqual(read["nickName"], value); same == told && key != "openId" {
			t.Errorf("%s: %s given as %#v arrives as %#v, but the differences are %q", c.id, key, value, read[key], c.lost)
		}
	}
}

// TestRepliesConform compares what is read from every URL with what Tencent's
// SDK handed to the app, as recorded.
func TestRepliesConform(t *testing.T) {
	for _, sdk := range ioswire.Versions() {
		t.Run(string(sdk), func(t *testing.T) {
			cases := replyCases(t, sdk)
			questions := replyQuestions(cases)
			if *update {
				updateGolden(t, sdk, "replies", questions, sdkDelivery)
			}
			recorded := readGolden[delivery](t, golden(sdk, "replies"))
			if len(recorded) != len(cases) {
				t.Fatalf("%d recorded answers to %d cases: run with -update", len(recorded), len(cases))
			}
			for i, c := range cases {
				if recorded[i].Asked != digest(t, questions[i]) {
					t.Fatalf("%s is not what was asked: run with -update", c.id)
				}
				compareReply(t, c, recorded[i])
			}
		})
	}
}

// TestRepliesEmulated asks the SDK again, so that the record can't become outdated.
func TestRepliesEmulated(t *testing.T) {
	tier.Need(t, tierName, "python3", "npm")
	for _, sdk := range ioswire.Versions() {
		t.Run(string(sdk), func(t *testing.T) {
			var cases []replyCase
			for i, c := range replyCases(t, sdk) {
				if i%*every == 0 {
					cases = append(cases, c)
				}
			}
			for i, raw := range ask(t, sdk, replyQuestions(cases)) {
				compareReply(t, cases[i], sdkDelivery(t, raw))
			}
		})
	}
}

// TestCasesEmulated asks the questions that are stored with the emulator, so
// that it remains able to answer them: hand-shakes, self-checks, logins by QR
// code and requests that this package does not have.
func TestCasesEmulated(t *testing.T) {
	tier.Need(t, tierName, "python3", "npm")
	files, err := filepath.Glob(filepath.FromSlash("../../fixtures/conformance/ios/cases/*.jsonl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			if *every > 1 && filepath.Base(name) == "limits.jsonl" {
				t.Logf("%s takes a minute: it is only tested with all", name)
				return
			}
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var cases []object
			for line := range strings.Lines(string(text)) {
				var c object
				if err := json.Unmarshal([]byte(line), &c); err != nil {
					t.Fatalf("%s: %v", line, err)
				}
				cases = append(cases, c)
			}
			for _, raw := range ask(t, ioswire.SDK200, cases) {
				var answer struct{ ID, Error any }
				if err := json.Unmarshal(raw, &answer); err != nil || answer.Error != nil {
					t.Errorf("%v: %v (%v)", answer.ID, answer.Error, err)
				}
			}
		})
	}
}
