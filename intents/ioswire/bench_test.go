package ioswire_test

import (
	"testing"

	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/ioswire"
)

// thumbShare is a web page with a thumb of 32 KiB that does not compress, as
// pictures don't.
func thumbShare() (intents.Request, ioswire.Sender) {
	thumb := make([]byte, 32<<10)
	state := uint32(1)
	for i := range thumb {
		state = state*1664525 + 1013904223
		thumb[i] = byte(state >> 24)
	}
	copy(thumb, "\xff\xd8\xff\xe0")
	req := intents.Share{Message: intents.Message{Title: new("Title"), Description: new("Description"), Thumb: thumb,
		Object: intents.Webpage{URL: new("https://example.com/")}}}
	return req, ioswire.Sender{AppID: caseAppID, BundleID: caseBundle, UniversalLink: caseLink, ContextID: ioswire.NewContextID("", "seed")}
}

// TestEncodeAllocations allows 5 allocations beside the URL, which holds the
// payload.
func TestEncodeAllocations(t *testing.T) {
	req, sender := thumbShare()
	allocations := testing.AllocsPerRun(20, func() {
		if _, _, err := ioswire.Encode(req, sender); err != nil {
			t.Fatal(err)
		}
	})
	if allocations > 6 {
		t.Errorf("%v allocations", allocations)
	}
}

func BenchmarkEncodeWebpage32KThumb(b *testing.B) {
	req, sender := thumbShare()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := ioswire.Encode(req, sender); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeWebpage32KThumb(b *testing.B) {
	req, sender := thumbShare()
	wires, _, err := ioswire.Encode(req, sender)
	if err != nil {
		b.Fatal(err)
	}
	url, _ := split(wires)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := ioswire.Decode(url, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkValidateWebpage32KThumb(b *testing.B) {
	req, _ := thumbShare()
	b.ReportAllocs()
	for b.Loop() {
		ioswire.Validate(req, ioswire.SDK200)
	}
}
