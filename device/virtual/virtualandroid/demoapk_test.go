package virtualandroid

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"github.com/wxctl/wxctl/device/android/apk"
	"github.com/wxctl/wxctl/fixtures/doctor"
)

var updateAPKs = flag.Bool("update-apks", false, "make the demo app's APKs anew")

// TestDemoAPKs: the APKs on virtual phones agree with what the phones report.
func TestDemoAPKs(t *testing.T) {
	const opensdk = "com.tencent.mm.opensdk.constants.Build"
	for _, tt := range []struct {
		name, class, sdk string
		data             []byte
	}{
		{"demo", DemoEntry, "6.8.34", demoAPK}, {"renamed", "a.a", "6.8.34", renamedAPK}, {"old", DemoEntry, "5.5.3", oldAPK},
	} {
		if *updateAPKs {
			tt.data = doctor.APK{
				Manifest: doctor.DemoManifest, V2: [][]byte{demoCertificate},
				Classes: []string{tt.class, opensdk, DemoPackage + ".MainActivity"}, Strings: []string{"android " + tt.sdk},
			}.Make(t)
			if err := os.WriteFile("apks/"+tt.name+".apk", tt.data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		f, err := apk.Open(bytes.NewReader(tt.data), int64(len(tt.data)))
		if err != nil {
			t.Fatal(tt.name, err)
		}
		if f.Classes.Entry != (tt.class == DemoEntry) || f.Classes.SDK != tt.sdk || f.Manifest.Package != DemoPackage || f.Manifest.Entry() == nil || len(f.Signers) != 1 {
			t.Errorf("%s: %+v", tt.name, f)
		}
	}
}
