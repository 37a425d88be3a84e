package wechat

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/intents/androidwire"
)

// sdkWire is one Intent or query that Tencent's SDK issued, as in the goldens
// of fixtures/conformance.
type sdkWire struct {
	Form      string    `json:"form"`
	Component string    `json:"component"`
	URI       string    `json:"uri"`
	Args      []*string `json:"args"`
	Extras    map[string]struct {
		Type   string          `json:"type"`
		Value  json.RawMessage `json:"value"`
		Length int             `json:"length"`
		SHA256 string          `json:"sha256"`
	} `json:"extras"`
}

// intent makes an Intent from it. Byte arrays are only known by length and
// hash; the checksum, which WeChat checks, is made by this package's own code
// and must have the same hash as the SDK's.
func (w *sdkWire) intent(t *testing.T, id string) androidwire.Intent {
	in := androidwire.Intent{Component: w.Component}
	text := func(key string) string {
		var s string
		_ = json.Unmarshal(w.Extras[key].Value, &s) // of another type: ""
		return s
	}
	for key, extra := range w.Extras {
		var value androidwire.Value
		switch extra.Type {
		case "byte[]":
			data := make([]byte, extra.Length)
			if key == "_mmessage_checksum" {
				var sdk int32
				if err := json.Unmarshal(w.Extras["_mmessage_sdkVersion"].Value, &sdk); err != nil {
					t.Fatal(err)
				}
				data = checksum(text("_mmessage_content"), sdk, text("_mmessage_appPackage"))
				if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != extra.SHA256 {
					t.Errorf("%s: the checksum is not the SDK's", id)
				}
			}
			value = androidwire.Bytes(data)
		case "String", "Integer", "Long", "Boolean", "Double":
			line, err := json.Marshal(map[string]any{"type": extra.Type, "value": extra.Value})
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(line, &value); err != nil {
				t.Fatal(err)
			}
		}
		in.Extras.Set(key, value)
	}
	return in
}

// For this WeChat, what Tencent's own SDK sends is never malformed, goes to its
// scene, and is read correctly.
func TestTakesWhatTheSDKSends(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "fixtures", "conformance", "android", "testdata", "send-[56]*.jsonl.gz"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			seen := map[string]int{}
			for _, line := range lines(t, name) {
				var answer struct {
					ID   string    `json:"id"`
					Sent bool      `json:"sent"`
					Wire []sdkWire `json:"wire"`
				}
				if json.Unmarshal(line, &answer) != nil || !answer.Sent {
					continue // the hash in front, and what the SDK refused
				}
				kind, _, _ := strings.Cut(answer.ID, "/")
				for i := range answer.Wire {
					if what := take(t, answer.ID, &answer.Wire[i]); what != "" {
						seen[kind+": "+what]++
					}
				}
			}
			for _, want := range []string{"text: picker", "text: Moments", "text: favorites", "auth: consent", "launch: mini program", "subscribe: page"} {
				if seen[want] == 0 {
					t.Errorf("nothing of %q among %v", want, seen)
				}
			}
		})
	}
}

// take passes one to WeChat and returns the result; "" if it is not a request.
func take(t *testing.T, id string, wire *sdkWire) string {
	if wire.Form == "query" {
		appID := deref(arguments(wire.Args).pointer(0))
		if strings.HasPrefix(wire.URI, "content://"+PluginAuthority) || appID == "" {
			return ""
		}
		w := New(Options{Apps: []Record{{AppID: appID, Package: testPackage, Signature: Signature(certificate)}}}, testHost())
		cursor, course := w.Query(testPackage, androidwire.Query{URI: wire.URI, Args: wire.Args})
		if strings.Contains(wire.URI, "genToken") {
			if cursor == nil || len(cursor.Rows) != 1 {
				t.Errorf("%s: no token", id)
			}
			return ""
		}
		if course == nil || course.Reply == nil {
			t.Errorf("%s: %s has no answer: %+v", id, wire.URI, course)
			return ""
		}
		if strings.Contains(wire.URI, "launch") {
			return "mini program"
		}
		return "page"
	}
	if wire.Component != androidwire.EntryComponent {
		return ""
	}
	in := wire.intent(t, id)
	e, _, fault := openEnvelope(in.Extras)
	if fault != "" {
		t.Errorf("%s: %s", id, fault)
		return ""
	}
	host := testHost()
	host.certs = map[string][][]byte{e.pkg: {certificate}}
	host.files = nil
	course := New(Options{Apps: []Record{{AppID: e.appID, Package: e.pkg, Signature: Signature(certificate)}}}, host).Receive(in)
	got := short(course)
	switch {
	case strings.Contains(got, "SDKOAuthUI"):
		return "consent"
	case strings.Contains(got, "SelectConversationUI"):
		return "picker"
	case strings.Contains(got, "SnsUploadUI"):
		return "Moments"
	case strings.Contains(got, "FavOpenApiEntry"):
		return "favorites"
	case strings.Contains(got, "ChattingUI"):
		return "contact"
	case strings.Contains(got, "-5"):
		return "unsupported"
	case got == "UIEntryStub" && strings.Contains(course.Note, "file"), strings.Contains(course.Note, "can't be read"):
		return "refused"
	}
	t.Errorf("%s: %s (%s)", id, got, course.Note)
	return ""
}

func lines(t *testing.T, name string) [][]byte {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	plain, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]byte
	scanner := bufio.NewScanner(plain)
	scanner.Buffer(nil, 16<<20)
	for scanner.Scan() {
		out = append(out, append([]byte(nil), scanner.Bytes()...))
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
