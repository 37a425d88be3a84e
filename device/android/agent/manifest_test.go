package agent_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/device/android/apk"
)

// testdata/AndroidManifest.bin is AndroidManifest.xml, compiled by Debian's
// aapt 29.0.3:
//
//	aapt package -M AndroidManifest.xml -I android.jar -F x.apk
var wantQueries = &apk.Queries{
	Packages:    []string{"com.example.微信", "com.tencent.mm"},
	Authorities: []string{"com.example.one", "com.example.two"},
	Schemes:     []string{"weixin"},
	Actions:     []string{"android.intent.action.VIEW"},
}

// decodeApp reads an App that the agent sends with this manifest.
func decodeApp(t testing.TB, manifest []byte) agent.App {
	t.Helper()
	line := `{"name":"com.example.app","versionCode":7,"manifest":"` + base64.StdEncoding.EncodeToString(manifest) + `"}`
	var app agent.App
	if err := json.Unmarshal([]byte(line), &app); err != nil {
		t.Fatal(err)
	}
	if app.Package != "com.example.app" || app.VersionCode != 7 {
		t.Errorf("got %+v", app)
	}
	return app
}

func TestAppReadsManifest(t *testing.T) {
	manifest, err := os.ReadFile("testdata/AndroidManifest.bin")
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"UTF-16": manifest, "UTF-8": withUTF8Pool(t, manifest)} {
		t.Run(name, func(t *testing.T) {
			app := decodeApp(t, data)
			if app.Declared == nil || !reflect.DeepEqual(app.Declared.Queries, wantQueries) || len(app.Notes) != 0 {
				t.Errorf("got %+v, notes %q; want %+v", app.Declared, app.Notes, wantQueries)
			}
		})
	}
}

func TestAppNotesBrokenManifest(t *testing.T) {
	manifest, err := os.ReadFile("testdata/AndroidManifest.bin")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string][]byte{
		"empty":   {},
		"text":    []byte("<manifest/>"),
		"no data": manifest[:8+28],
		"cut":     manifest[:len(manifest)-20],
	}
	for name, data := range tests {
		t.Run(name, func(t *testing.T) {
			app := decodeApp(t, data)
			if app.Declared != nil || len(app.Notes) != 1 || !strings.HasPrefix(app.Notes[0], "manifest: ") {
				t.Errorf("got %+v, notes %q; want one note", app.Declared, app.Notes)
			}
		})
	}
}

// A virtual phone sends the queries themselves, and they survive.
func TestAppKeepsQueries(t *testing.T) {
	sent, err := json.Marshal(agent.App{Package: "com.example.app", Declared: &agent.Declared{Queries: wantQueries}})
	if err != nil {
		t.Fatal(err)
	}
	var got agent.App
	if err := json.Unmarshal(sent, &got); err != nil || !reflect.DeepEqual(got.Declared.Queries, wantQueries) {
		t.Errorf("got %+v, %v", got.Declared, err)
	}
}

func FuzzManifest(f *testing.F) {
	manifest, err := os.ReadFile("testdata/AndroidManifest.bin")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(manifest)
	f.Add(withUTF8Pool(f, manifest))
	f.Fuzz(func(t *testing.T, manifest []byte) {
		decodeApp(t, manifest)
	})
}

// withUTF8Pool rewrites the string pool, which is the first chunk, in UTF-8.
func withUTF8Pool(t testing.TB, manifest []byte) []byte {
	t.Helper()
	le := binary.LittleEndian
	pool := manifest[8:]
	if le.Uint16(pool) != 1 {
		t.Fatal("the first chunk is not a string pool")
	}
	size, count, data := le.Uint32(pool[4:]), int(le.Uint32(pool[8:])), le.Uint32(pool[20:])
	var offsets, texts []byte
	for i := range count {
		at := data + le.Uint32(pool[28+4*i:])
		units := make([]uint16, le.Uint16(pool[at:]))
		for j := range units {
			units[j] = le.Uint16(pool[int(at)+2+2*j:])
		}
		text := string(utf16.Decode(units))
		if len(text) > 0x7f {
			t.Fatalf("%q needs a longer length", text)
		}
		offsets = le.AppendUint32(offsets, uint32(len(texts)))
		texts = append(texts, byte(len(units)), byte(len(text)))
		texts = append(append(texts, text...), 0)
	}
	for len(texts)%4 != 0 {
		texts = append(texts, 0)
	}
	head := append([]byte(nil), pool[:28]...)
	le.PutUint32(head[4:], uint32(28+len(offsets)+len(texts)))
	le.PutUint32(head[16:], 0x100)
	le.PutUint32(head[20:], uint32(28+len(offsets)))
	out := append([]byte(nil), manifest[:8]...)
	out = append(append(append(out, head...), offsets...), texts...)
	out = append(out, pool[size:]...)
	le.PutUint32(out[4:], uint32(len(out)))
	return out
}
