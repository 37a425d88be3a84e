package androidwire

import (
	"slices"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/intents"
)

// The limits are checked against the SDK itself, in
// fixtures/conformance/android. Here: all problems are reported at once, and
// the warnings.
func TestValidate(t *testing.T) {
	long := func(n int) *string { return new(strings.Repeat("x", n)) }
	thumb := func(n int) []byte { return append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, n)...)[:n] }
	share := func(message intents.Message) intents.Share { return intents.Share{Message: message} }
	tests := []struct {
		name string
		req  intents.Request
		sdk  Version
		api  int32
		want []string
	}{
		{"fine", share(intents.Message{Object: intents.Text{Text: new("x")}}), 0, 0, nil},
		{
			"everything wrong at once",
			share(intents.Message{
				Title: long(513), Description: long(1025), MediaTag: long(65), Action: long(2049), Ext: long(2049), Thumb: thumb(65537),
				Object: intents.Music{AlbumURL: long(10241), Lyric: long(32769)},
			}), 0, 0, []string{
				"error message.thumb may have at most 65536 bytes, not 65537",
				"error message.title may have at most 512 characters, not 513",
				"error message.description may have at most 1024 characters, not 1025",
				"error message.mediaTag may have at most 64 characters, not 65",
				"error message.action may have at most 2048 characters, not 2049",
				"error message.ext may have at most 2048 characters, not 2049",
				"error message.object.url or lowBandUrl is required",
				"error message.object.albumUrl may have at most 10240 characters, not 10241",
				"error message.object.lyric may have at most 32768 characters, not 32769",
			},
		},
		{
			"above the older bounds only", share(intents.Message{Thumb: thumb(32769), Object: intents.Image{Data: thumb(10<<20 + 1)}}), 0, 0, []string{
				"warning message.object.data should have at most 10485760 bytes, not 10485761",
				"warning message.thumb should have at most 32768 bytes, not 32769",
			},
		},
		{"at the older bound", share(intents.Message{Thumb: thumb(32768), Object: intents.Image{Data: thumb(10 << 20)}}), 0, 0, nil},
		{
			"what 5.5.3 has no keys for",
			share(intents.Message{Signature: new("s"), ThumbHash: new("h"), Object: intents.Webpage{URL: new("u"), Secret: true, ExtraInfo: map[string]string{}}}), SDK553, 0, []string{
				"warning message.signature is not sent by this SDK",
				"warning message.thumbHash is not sent by this SDK",
				"warning message.object.secret is not sent by this SDK",
				"warning message.object.extraInfo is not sent by this SDK",
			},
		},
		{
			"a card to the favorites",
			intents.Share{Scene: intents.SceneFavorite, Message: intents.Message{Thumb: thumb(131072), Object: intents.MiniProgram{
				WebpageURL: new("u"), UserName: new("gh_1"), HDImage: thumb(1),
			}}}, 0, 0, []string{
				"warning scene is sent as session: this SDK shares mini programs only there",
				"warning message.object.hdImage is not sent by this SDK",
			},
		},
		{
			"a card for an old WeChat", share(intents.Message{Thumb: thumb(8), Object: intents.MiniProgram{WebpageURL: new("u"), UserName: new("gh_1")}}), SDK680, 620756992,
			[]string{"warning message.object is sent as a web page: this WeChat is too old for it"},
		},
		{"several pictures", share(intents.Message{Object: intents.Images{}}), 0, 0, []string{"error message.object can't be shared by the OpenSDK: several images use Android's own share route"}},
		{"no object", share(intents.Message{}), 0, 0, []string{"error message.object is required"}},
		{"status", intents.Share{Scene: 4, Message: intents.Message{Object: intents.Text{Text: new("x")}}}, 0, 0, []string{"error scene needs a scene data object, which wxctl can't make"}},
		{
			"subscribe", intents.SubscribeMessage{Scene: 10001, TemplateID: new("t"), Reserved: new(strings.Repeat("你", 43))}, 0, 0, []string{
				"warning scene should be 0 to 10000, not 10001",
				"warning reserved should have at most 128 bytes, not 129",
				"warning reserved should be made of a-z, A-Z and 0-9",
			},
		},
		{"nothing", nil, 0, 0, []string{"error kind is not a request of this SDK"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sender := demo
			sender.SDK, sender.WeChatSupport = tt.sdk, tt.api
			problems := Validate(tt.req, sender)
			var got []string
			refused := 0
			for _, p := range problems {
				text, source, _ := strings.Cut(p.Error(), " (")
				if source == "" {
					t.Errorf("%s: no source", text)
				}
				got = append(got, string(p.Severity)+" "+text)
				if p.Severity == intents.SeverityError {
					refused++
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
			if n := len(intents.Refused(problems)); n != refused {
				t.Errorf("Refused returns %d problems of %d", n, refused)
			}
		})
	}
}
