package cmd

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"hash/crc32"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/androidwire"
	"github.com/wxctl/wxctl/intents/ioswire"
)

// dryRun is what a command with --dry-run --json says.
type dryRun struct {
	code    int
	Request json.RawMessage
	// Wire is kept as text: it is compared.
	Wire        []json.RawMessage
	Problems    []intents.Problem
	Differences []string
	Error       struct{ Message, Hint string }
	stderr      string
}

func runDry(t *testing.T, args ...string) dryRun {
	t.Helper()
	f, out, errOut := testFactory(t, "", nil)
	code := Run(t.Context(), f, append(args, "--dry-run", "--json"))
	r := dryRun{code: code, stderr: errOut()}
	if err := json.Unmarshal([]byte(out()), &r); err != nil {
		t.Fatalf("%q: %v: %.200s", args, err, out())
	}
	return r
}

func (r *dryRun) wire() string {
	var all strings.Builder
	for _, w := range r.Wire {
		all.Write(w)
	}
	return all.String()
}

// bombPNG claims to have many pixels.
func bombPNG(size int, width, height uint32) []byte {
	chunk := func(kind string, data []byte) []byte {
		b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
		b = append(append(b, kind...), data...)
		return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
	}
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)
	b := append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", append(header, 8, 0, 0, 0, 0))...)
	return append(b, chunk("teSt", make([]byte, size-len(b)-24))...)[: size-12 : size-12]
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// noise is a JPEG that compresses badly.
func noise(t *testing.T, side int) []byte {
	picture := image.NewRGBA(image.Rect(0, 0, side, side))
	random := rand.New(rand.NewPCG(1, 2))
	for i := range picture.Pix {
		picture.Pix[i] = byte(random.Uint32())
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestDryRunThumbs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	full := func(limit int) []byte { // a JPEG of exactly limit bytes
		b := noise(t, 100)
		return append(b, make([]byte, limit-len(b))...)
	}
	card := []string{"share", "miniprogram", "--user-name", "gh_1", "--webpage-url", "u"}
	page := []string{"share", "webpage", "--url", "u"}
	heic := append([]byte("\x00\x00\x00\x18ftypheic"), make([]byte, 70000)...)
	for _, c := range []struct {
		name, platform string
		args           []string
		thumb          []byte
		as             string // "" for scaled, "same", or part of the error
	}{
		{"page at the limit", "android", page, full(65536), "same"},
		{"page above it", "android", page, full(65537), ""},
		{"page on iOS", "ios", page, full(65536), "same"},
		{"page on iOS above it", "ios", page, full(65537), ""},
		{"card at its limit", "android", card, full(131072), "same"},
		{"card above it", "android", card, full(131073), ""},
		{"card on iOS", "ios", card, full(65536), "same"},
		{"card on iOS above it", "ios", card, full(65537), ""},
		{"no picture", "android", page, make([]byte, 70000), "not a picture"},
		{"HEIC", "ios", page, heic, "HEIC"},
		{"bomb", "android", page, bombPNG(70000, 60000, 60000), "megapixels"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := runDry(t, append(c.args, "--platform", c.platform, "--thumb", file("t.jpg", c.thumb))...)
			if c.as != "" && c.as != "same" {
				if r.code != 14 || len(intents.Refused(r.Problems)) == 0 || len(r.Wire) != 0 || !strings.Contains(r.Error.Message, c.as) || r.Error.Hint == "" || r.Request == nil {
					t.Errorf("exit %d, problems %v, error %v", r.code, r.Problems, r.Error)
				}
				return
			}
			same := strings.Contains(r.wire(), digestOf(c.thumb))
			if r.code != 0 || same != (c.as == "same") || strings.Contains(r.stderr, "scaled") == same {
				t.Errorf("exit %d, same %v: %s", r.code, same, r.stderr)
			}
			if refused := runDry(t, append(c.args, "--platform", c.platform, "--thumb", file("t.jpg", c.thumb), "--no-fit")...); (refused.code == 0) != same {
				t.Errorf("--no-fit: exit %d", refused.code)
			}
		})
	}
	t.Run("hd image", func(t *testing.T) {
		hd, thumb := full(131072), file("t.jpg", full(30000))
		args := append(card, "--thumb", thumb, "--hd-image", file("hd.jpg", hd))
		if r := runDry(t, args...); r.code != 0 || strings.Contains(r.wire(), digestOf(hd)) || !strings.Contains(r.stderr, "--hd-image works on iOS only") {
			t.Errorf("Android: exit %d: %s", r.code, r.stderr)
		}
		if r := runDry(t, append(args, "--platform", "ios")...); r.code != 0 || !strings.Contains(r.wire(), digestOf(hd)) {
			t.Errorf("iOS: exit %d: %s", r.code, r.stderr)
		}
	})
}

// TestDryRunFiles names files as a phone would know them, and applies the SDK's
// limits to large ones, not wxctl's.
func TestDryRunFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name string, size int64) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, size); err != nil {
			t.Fatal(err)
		}
		return path
	}
	small, over := file("a.png", 10), file("b.png", 26214401)
	film, note := file("c.txt", 10), file("d.unknown", 262145)
	for _, c := range []struct {
		args []string
		code int
		want string // in the wire form, or in the problem
	}{
		{[]string{"share", "image", small, "--as", "uri"}, 0, `"content://media/external/images/media/0"`},
		{[]string{"share", "file", small, "--as", "uri"}, 0, `"content://media/external/images/media/0"`},
		{[]string{"share", "file", film, "--as", "uri"}, 0, `"content://media/external/file/0"`},
		{[]string{"share", "file", film, "--as", "path"}, 0, `"/storage/emulated/0/Pictures/wxctl/c.txt"`},
		{[]string{"share", "file", film, "--as", "path", "--android-user", "10"}, 0, `"/storage/emulated/10/Pictures/wxctl/c.txt"`},
		{[]string{"share", "file", note}, 0, `"content://media/external/file/0"`},
		{[]string{"share", "file", note, "--platform", "ios"}, 0, `"fileExt":"unknown"`},
		{[]string{"share", "file", over, "--as", "bytes"}, 0, `"length":26214401`},
		{[]string{"share", "image", over, "--as", "bytes"}, 14, "message.object.data"},
		{[]string{"share", "image", over, "--as", "uri"}, 14, "message.object.path"},
		{[]string{"share", "file", over, "--as", "uri", "--scene", "favorite"}, 14, "message.object.path"},
	} {
		if raceDetector() && slices.Contains(c.args, over) && !slices.Contains(c.args, "uri") {
			continue // 25 MiB and more of base64; nothing here runs in parallel
		}
		r := runDry(t, c.args...)
		switch {
		case r.code != c.code:
			t.Errorf("%q: exit %d: %s", c.args, r.code, r.stderr)
		case c.code == 0 && !strings.Contains(r.wire(), c.want):
			t.Errorf("%q: %.2000s", c.args, r.wire())
		case c.code != 0:
			if p := intents.Refused(r.Problems); len(p) != 1 || p[0].Field != c.want || p[0].Limit != 26214400 || p[0].Actual != 26214401 {
				t.Errorf("%q: %v", c.args, r.Problems)
			}
		}
	}
}

// TestDryRunRequest reads the printed request and encodes it again: nothing is
// lost in it.
func TestDryRunRequest(t *testing.T) {
	const app, link = "wx0123456789abcdef", "https://app.example.com/link/"
	for _, words := range []string{
		"share text héllo\u2028😀 --title= --scene contact --openid o --to t", "share image", "share music", "share video --url u --title=", "share webpage --url u --ext-info=",
		"share miniprogram", "share file", "share emoji", "launch miniprogram --user-name gh_1", "subscribe --template-id t --scene 7", "auth login --scope s --state=",
	} {
		args := strings.Split(words, " ")
		a := runDry(t, append(args, "--app-id", app, "--package", "com.example.app")...)
		i := runDry(t, append(args, "--app-id", app, "--bundle-id", "com.example.app", "--universal-link", link, "--platform", "ios")...)
		request, err := intents.UnmarshalRequest(a.Request)
		if err != nil {
			t.Errorf("%s: %v", words, err)
			continue
		}
		wires, err := androidwire.Encode(request, androidwire.Sender{AppID: app, Package: "com.example.app"})
		if err != nil {
			t.Errorf("%s: %v", words, err)
		}
		sameJSON(t, words+" on Android", androidwire.Print(wires), a.Wire)
		if request, err = intents.UnmarshalRequest(i.Request); err != nil {
			t.Errorf("%s: %v", words, err)
			continue
		}
		ios, _, err := ioswire.Encode(request, ioswire.Sender{AppID: app, BundleID: "com.example.app", UniversalLink: link})
		if err != nil {
			t.Errorf("%s: %v", words, err)
		}
		sameJSON(t, words+" on iOS", ioswire.Print(ios), i.Wire)
	}
}

func sameJSON(t *testing.T, what string, values ...any) {
	t.Helper()
	var plain [2]any
	for n, v := range values {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &plain[n]); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(plain[0], plain[1]) {
		t.Errorf("%s:\n%.1500v\n%.1500v", what, plain[0], plain[1])
	}
}
