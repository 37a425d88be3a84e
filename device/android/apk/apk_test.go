package apk_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/device/android/apk"
	"github.com/wxctl/wxctl/fixtures/doctor"
)

const manifest = `<manifest xmlns:android="http://schemas.android.com/apk/res/android" package="com.example.app" android:versionCode="7" android:versionName="1.2">
<uses-sdk android:minSdkVersion="24" android:targetSdkVersion="34"/>
<queries><package android:name="com.tencent.mm"/><intent><action android:name="android.intent.action.VIEW"/><data android:scheme="weixin"/></intent></queries>
<application android:debuggable="true">
<activity android:name=".Callback" android:launchMode="singleTask"/>
<activity-alias android:name=".wxapi.WXEntryActivity" android:targetActivity=".Callback" android:exported="true">
 <intent-filter><data android:scheme="wx0123456789abcdef"/></intent-filter></activity-alias>
<activity android:name="com.other.wxapi.WXEntryActivity" android:permission="com.x.P"/>
<activity android:name="Main" android:enabled="false"><intent-filter/></activity>
<provider android:name="androidx.core.content.FileProvider" android:authorities="com.example.a;com.example.b" android:grantUriPermissions="true"/>
</application></manifest>`

func open(t testing.TB, data []byte) (*apk.File, error) {
	t.Helper()
	return apk.Open(bytes.NewReader(data), int64(len(data)))
}

func TestManifest(t *testing.T) {
	f, err := open(t, doctor.APK{Manifest: manifest, Classes: []string{"com.example.app.Callback"}}.Make(t))
	if err != nil {
		t.Fatal(err)
	}
	want := &apk.Manifest{
		Package: "com.example.app", VersionName: "1.2", VersionCode: 7, MinSDK: 24, TargetSDK: 34, Debuggable: true,
		Activities: []apk.Activity{
			{Name: "com.example.app.Callback", Enabled: true, LaunchMode: "singleTask"},
			{Name: "com.example.app.wxapi.WXEntryActivity", Exported: true, Enabled: true, LaunchMode: "singleTask", Target: "com.example.app.Callback"},
			{Name: "com.other.wxapi.WXEntryActivity", Enabled: true, LaunchMode: "standard", Permission: "com.x.P"},
			{Name: "com.example.app.Main", LaunchMode: "standard"},
		},
		Providers:  []apk.Provider{{Name: "androidx.core.content.FileProvider", Authorities: []string{"com.example.a", "com.example.b"}, Grants: true, Enabled: true}},
		SeesWeChat: "the scheme weixin in <queries>",
		Schemes:    []string{"wx0123456789abcdef"},
		Queries:    &apk.Queries{Packages: []string{"com.tencent.mm"}, Schemes: []string{"weixin"}, Actions: []string{"android.intent.action.VIEW"}},
	}
	if !reflect.DeepEqual(f.Manifest, want) {
		t.Errorf("got\n%+v\nwant\n%+v", f.Manifest, want)
	}
	if e := f.Manifest.Entry(); e == nil || e.Name != want.Activities[1].Name || len(f.Manifest.Entries()) != 2 || !f.Classes.Entry {
		t.Errorf("%+v, %q, %+v", e, f.Manifest.Entries(), f.Classes)
	}
}

// TestSigners: every scheme's certificates are found, and a rotated key's
// older ones.
func TestSigners(t *testing.T) {
	a, b := []byte("certificate A"), []byte("certificate B")
	for _, tt := range []struct {
		name string
		apk  doctor.APK
		want []apk.Signer
	}{
		{"none", doctor.APK{}, nil},
		{"v2", doctor.APK{V2: [][]byte{a}}, []apk.Signer{{Certificate: a, Scheme: "v2", MinSDK: 24}}},
		{"two signers", doctor.APK{V2: [][]byte{a, b}}, []apk.Signer{{Certificate: a, Scheme: "v2", MinSDK: 24}, {Certificate: b, Scheme: "v2", MinSDK: 24}}},
		{"rotated", doctor.APK{V2: [][]byte{a}, V3: [][]byte{b}, Lineage: [][]byte{a}, Zip64: true}, []apk.Signer{
			{Certificate: b, Scheme: "v3", MinSDK: 28, Lineage: [][]byte{a}}, {Certificate: a, Scheme: "v2", MinSDK: 24}}},
	} {
		tt.apk.Manifest = manifest
		f, err := open(t, tt.apk.Make(t))
		if err != nil {
			t.Fatal(err)
		}
		for i := range f.Signers {
			if f.Signers[i].MaxSDK > 1<<20 {
				t.Errorf("%s: bounded by %d", tt.name, f.Signers[i].MaxSDK)
			}
		}
		if f.SignersErr != nil || !reflect.DeepEqual(f.Signers, tt.want) {
			t.Errorf("%s: %+v, %v", tt.name, f.Signers, f.SignersErr)
		}
	}
}

func TestClasses(t *testing.T) {
	const entry = "com.example.app.Callback"
	sdk := []string{"com.tencent.mm.opensdk.constants.Build", "com.tencent.mm.opensdk.openapi.IWXAPI"}
	for _, tt := range []struct {
		name             string
		classes, strings []string
		store            bool
		want             apk.Classes
		fails            bool
	}{
		{name: "there", classes: append(sdk, entry), strings: []string{"android 6.8.34", "android x"}, want: apk.Classes{Entry: true, SDK: "6.8.34"}},
		{name: "stored", classes: append(sdk, entry), strings: []string{"android 6.8.34"}, store: true, want: apk.Classes{Entry: true, SDK: "6.8.34"}},
		{name: "renamed", classes: []string{"a.b", "a.c"}, strings: []string{"Lcom/example/app/Callback;", "android 6.8.34"}},
		{name: "no code", fails: true},
	} {
		f, err := open(t, doctor.APK{Manifest: manifest, Classes: tt.classes, Strings: tt.strings, Store: tt.store}.Make(t))
		if err != nil || f.Classes != tt.want || (f.ClassesErr != nil) != tt.fails {
			t.Errorf("%s: %+v, %v, %v", tt.name, f.Classes, f.ClassesErr, err)
		}
	}
	// A dex that d8 made.
	data := doctor.Zip(t, map[string][]byte{"classes.dex": agent.Dex})
	got, err := apk.OpenClasses(bytes.NewReader(data), int64(len(data)), "wxctl.Agent")
	if err != nil || !got.Entry || got.SDK != "" {
		t.Errorf("the agent's: %+v, %v", got, err)
	}
}

// counting counts reads.
type counting struct {
	r            io.ReaderAt
	reads, bytes int
}

func (c *counting) ReadAt(p []byte, at int64) (int, error) {
	c.reads++
	c.bytes += len(p)
	return c.r.ReadAt(p, at)
}

// padded is a file with a hole in its middle, of which only the ends exist.
type padded struct {
	head, tail []byte
	size       int64
}

func (p padded) ReadAt(b []byte, at int64) (int, error) {
	for i := range b {
		switch off := at + int64(i); {
		case off < int64(len(p.head)):
			b[i] = p.head[off]
		case off >= p.size:
			return i, io.EOF
		case off >= p.size-int64(len(p.tail)):
			b[i] = p.tail[off-(p.size-int64(len(p.tail)))]
		default:
			b[i] = 0
		}
	}
	return len(b), nil
}

// TestLarge: of a file of 210 MB with 20000 entries little is read, in few
// reads, with less than 64 MB of memory.
func TestLarge(t *testing.T) {
	small := doctor.APK{Manifest: manifest, Classes: []string{"com.example.app.Callback"}, V2: [][]byte{[]byte("certificate")}, Store: true}.Make(t)
	// The hole is between the files and the signing block.
	const hole = 210 << 20
	end := bytes.LastIndex(small, []byte("PK\x05\x06"))
	start := int(binary.LittleEndian.Uint32(small[end+16:]))
	size := int(binary.LittleEndian.Uint64(small[start-24:])) + 8
	head, tail := small[:start-size], slices.Clone(small[start-size:])
	binary.LittleEndian.PutUint32(tail[end-len(head)+16:], uint32(start+hole))
	r := &counting{r: padded{head, tail, int64(len(small) + hole)}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f, err := apk.Open(r, int64(len(small)+hole))
	runtime.ReadMemStats(&after)
	if err != nil || len(f.Signers) != 1 || !f.Classes.Entry {
		t.Fatalf("%+v, %v", f, err)
	}
	if r.reads > 12 || r.bytes > 400<<10 {
		t.Errorf("%d reads of %d bytes", r.reads, r.bytes)
	}
	if taken := after.TotalAlloc - before.TotalAlloc; taken > 64<<20 {
		t.Errorf("%d bytes of memory", taken)
	}
}

// TestHostile: a file with wrong statements is refused in a sentence, and costs
// little.
func TestHostile(t *testing.T) {
	good := doctor.APK{Manifest: manifest, Classes: []string{"a.b"}, V2: [][]byte{[]byte("certificate")}}.Make(t)
	le := binary.LittleEndian
	end := bytes.LastIndex(good, []byte("PK\x05\x06"))
	directory := int(le.Uint32(good[end+16:]))
	change := func(f func(b []byte)) []byte {
		b := slices.Clone(good)
		f(b)
		return b
	}
	for _, tt := range []struct {
		name, want string
		data       []byte
	}{
		{"empty", "not a ZIP archive", nil},
		{"text", "not a ZIP archive", []byte(strings.Repeat("x", 100))},
		{"cut", "cut off", good[:len(good)/2]},
		{"not an APK", "has no AndroidManifest.xml", doctor.Zip(t, map[string][]byte{"a": nil})},
		{"directory beyond the end", "not a ZIP", change(func(b []byte) { le.PutUint32(b[end+16:], 0xfffffff0) })},
		{"more entries than fit", "not a ZIP", change(func(b []byte) { le.PutUint16(b[end+10:], 60000) })},
		{"entry beyond the end", "lies outside", change(func(b []byte) { le.PutUint32(b[directory+42:], 0x7fffffff) })},
		{"entry longer than the file", "lies outside", change(func(b []byte) { le.PutUint32(b[directory+20:], 0x7fffffff) })},
		{"bomb", "of which 8388608 are read", change(func(b []byte) { le.PutUint32(b[directory+24:], 0x7fffffff) })},
		{"another size", "another size", change(func(b []byte) { le.PutUint32(b[directory+24:], 10) })},
		{"wrong header", "is not where", change(func(b []byte) { b[0] = 'X' })},
		{"manifest of nonsense", "not a compiled manifest", doctor.Zip(t, map[string][]byte{"AndroidManifest.xml": []byte("<manifest/>")})},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := open(t, tt.data)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if taken := after.TotalAlloc - before.TotalAlloc; taken > 64<<20 {
			t.Errorf("%s: %d bytes of memory", tt.name, taken)
		}
	}
	// If signatures and code can't be read, the manifest still can.
	broken := change(func(b []byte) { le.PutUint64(b[directory-24:], 1<<40) })
	f, err := open(t, broken)
	if err != nil || f.SignersErr == nil || f.Manifest == nil {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestSets(t *testing.T) {
	base := doctor.APK{Manifest: manifest}.Make(t)
	other := doctor.APK{Manifest: strings.Replace(manifest, `"com.example.app"`, `"com.example.other"`, 1)}.Make(t)
	for _, tt := range []struct {
		name, want string
		data       []byte
	}{
		{"apks", "", doctor.Zip(t, map[string][]byte{"splits/base-master.apk": base, "splits/base-en.apk": nil, "toc.pb": nil})},
		{"apkm", "", doctor.Zip(t, map[string][]byte{"base.apk": base, "split_config.en.apk": nil})},
		{"xapk", "", doctor.Zip(t, map[string][]byte{"com.example.app.apk": base, "config.arm64_v8a.apk": nil, "manifest.json": nil})},
		{"aab", "bundletool build-apks", doctor.Zip(t, map[string][]byte{"base/manifest/AndroidManifest.xml": nil})},
		{"nothing", "no base APK", doctor.Zip(t, map[string][]byte{"a": nil})},
		{"two of one app", "", doctor.Zip(t, map[string][]byte{"a.apk": base, "b.apk": base})},
		{"two apps", "several apps", doctor.Zip(t, map[string][]byte{"a.apk": base, "b.apk": other})},
	} {
		f, err := apk.OpenSet(bytes.NewReader(tt.data), int64(len(tt.data)))
		if tt.want == "" && (err != nil || f.Manifest.Package != "com.example.app") || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(doctor.APK{Manifest: manifest, Classes: []string{"a.b"}, V2: [][]byte{{1}}, V3: [][]byte{{2}}, Lineage: [][]byte{{1}}, Store: true}.Make(f))
	f.Add(doctor.APK{Manifest: manifest, Classes: []string{"a.b"}, V1: [][]byte{{0x30, 0}}, Zip64: true}.Make(f))
	f.Add(doctor.Zip(f, map[string][]byte{"base.apk": doctor.APK{Manifest: manifest}.Make(f)}))
	f.Fuzz(func(_ *testing.T, data []byte) {
		_, _ = apk.Open(bytes.NewReader(data), int64(len(data)))
		_, _ = apk.OpenSet(bytes.NewReader(data), int64(len(data)))
	})
}

func FuzzManifest(f *testing.F) {
	real, err := os.ReadFile("../agent/testdata/AndroidManifest.bin")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(real)
	f.Add(doctor.Compile(f, manifest))
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := apk.ParseManifest(data); err == nil {
			m.Entries()
		} else if m != nil {
			t.Error(fmt.Errorf("both: %w", errors.Unwrap(err)))
		}
	})
}
