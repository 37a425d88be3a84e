package androidwire

import (
	"testing"

	"github.com/wxctl/wxctl/intents"
)

// webpageShare is a share as apps send it: everything set, a thumb of 32 KiB.
func webpageShare() intents.Share {
	return intents.Share{
		Common: intents.Common{Transaction: new("webpage1700000000000")},
		Scene:  intents.SceneTimeline,
		Message: intents.Message{
			Title: new("Title"), Description: new("Description"), Thumb: make([]byte, 32<<10),
			Object: intents.Webpage{URL: new("https://example.com/page?from=app")},
		},
	}
}

func BenchmarkEncodeWebpage(b *testing.B) {
	var req intents.Request = webpageShare() // boxing it is the caller's cost
	sender := demo
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Encode(req, sender); err != nil {
			b.Fatal(err)
		}
	}
}

// The limit is five more than the payload's own allocations.
func TestEncodeAllocations(t *testing.T) {
	var req intents.Request = webpageShare() // boxing it is the caller's cost
	sender := demo
	allocs := testing.AllocsPerRun(200, func() {
		if _, err := Encode(req, sender); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 5 {
		t.Errorf("encoding a webpage share takes %v allocations, want at most 5", allocs)
	}
}
