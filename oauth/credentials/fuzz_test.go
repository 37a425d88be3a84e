package credentials

import (
	"slices"
	"strings"
	"testing"
)

// Whatever is in the file: it is read or refused, without repeating it.
func FuzzDocument(f *testing.F) {
	f.Add([]byte(`{"version":1,"entries":[{"profile":"default","appId":"wx0123456789abcdef","value":"SENTINEL"}]}`))
	f.Add([]byte(`{"version":1,"entries":[{"profile":"default","appId":"wx0123456789abcdef","openId":"oUser","value":"{\"accessToken\":\"SENTINEL"}]}`))
	f.Add([]byte(`{"version":1,"entries":[{"value":{"SENTINEL":1}}]}`))
	f.Add([]byte(`SENTINEL`))
	f.Fuzz(func(t *testing.T, content []byte) {
		doc, err := parseDocument(content)
		if err != nil {
			if strings.Contains(err.Error(), "SENTINEL") {
				t.Errorf("%q", err)
			}
			return
		}
		for _, e := range slices.Clone(doc.Entries) {
			k := key{e.Kind, e.Profile, e.AppID, e.OpenID}
			if i := indexOf(doc.Entries, k); i < 0 {
				t.Errorf("an entry is not found under its own key %q", k)
			}
			doc.drop(k)
		}
	})
}
