package ios

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"howett.net/plist"
)

// TestFieldApps: an installed app with one odd value, as users reported them,
// is read as far as possible, is reported, and does not hide others.
func TestFieldApps(t *testing.T) {
	dir := filepath.Join("..", "..", "fixtures", "field", "ios")
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 8 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(file.Name(), func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(dir, file.Name()))
			if err != nil {
				t.Fatal(err)
			}
			var answer proxyAnswer
			if err := plist.NewDecoder(bytes.NewReader(text)).Decode(&answer); err != nil {
				t.Fatal(err)
			}
			found := answer.apps()
			odd, ok := found["com.other.app"]
			if !ok || odd.ID != "com.other.app" || len(odd.odd) == 0 && file.Name() != "lookup-displayname-integer.plist" {
				t.Errorf("%+v", odd)
			}
			if bytes.Contains(text, []byte("com.good.app")) {
				good := found["com.good.app"]
				if len(good.odd) > 0 || good.ID != "com.good.app" || len(found) != 2 {
					t.Errorf("%+v", found)
				}
			}
			switch strings.TrimSuffix(file.Name(), ".plist") {
			case "lookup-urltypes-mixed":
				if !slices.Equal(odd.appIDs(), []string{"wx0123456789abcdef"}) {
					t.Errorf("AppIDs %q", odd.appIDs())
				}
			case "lookup-debuggable-string":
				if odd.debuggable() || odd.universalLink() != "https://example.com/" {
					t.Errorf("%+v", odd)
				}
			}
		})
	}
}
