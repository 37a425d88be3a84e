package ioswire_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/ioswire"
)

// A conformanceCase is one request of one sender, made from a fixed seed so
// that the SDK's recorded answers stay valid.
type conformanceCase struct {
	id     string
	req    intents.Request
	sender ioswire.Sender
}

const (
	caseAppID  = "wx0123456789abcdef"
	caseBundle = "com.example.app"
	caseLink   = "https://app.example.com/link/"
)

// generator makes values at the limits that the SDK checks.
type generator struct{ *rand.Rand }

var texts = []string{
	"", " ", "a", "Hello, world", "你好，世界", "😀", "a😀b中", "é", "e\u0301", "\u0000", "a\u0000b", "\n\t\r", "\u0001\u007f", "\u2028",
	"a&b=c#d?e", "100%", "%41%zz", "%E4%BD%A0", "+ +", `"'<>\^` + "`{|}~", "[x](y)", "!*'();:@&=+$,/?%#[]", "(null)", "null",
	" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~",
	"https://example.com/a?b=c&d=e f#g", "http://例え.jp/ü", "javascript:1", "gh_0123456789ab", "pages/index/index?x=1&y=2",
	"\uffff", "\U0010ffff", "ＡＢＣ", "مرحبا", "👨‍👩‍👧‍👦", "\ufeffbom", "-._~",
}

// text is sometimes nil, mostly one of the texts, sometimes a mix.
func (g generator) text() *string {
	switch n := g.IntN(10); {
	case n == 0:
		return nil
	case n < 8:
		return new(texts[g.IntN(len(texts))])
	}
	var b strings.Builder
	for range 1 + g.IntN(40) {
		b.WriteString(texts[g.IntN(len(texts))])
	}
	return new(b.String())
}

// some is a text that is never nil or empty.
func (g generator) some() *string {
	for {
		if s := g.text(); s != nil && *s != "" {
			return s
		}
	}
}

// fills are characters of 1, 1 and 2 UTF-16 units, and 1, 3 and 4 bytes.
var fills = []string{"x", "中", "😀"}

// long is a text of about that many UTF-16 units: at most one more or less.
func (g generator) long(limit int) *string {
	n := limit - 1 + g.IntN(3)
	fill := fills[g.IntN(len(fills))]
	if fill == "😀" {
		return new(strings.Repeat(fill, n/2) + strings.Repeat("a", n%2))
	}
	return new(strings.Repeat(fill, n))
}

// upTo is any text, sometimes one about as long as the limit allows.
func (g generator) upTo(limit int) *string {
	if g.IntN(8) == 0 {
		return g.long(limit)
	}
	return g.text()
}

var pictures = []string{"\xff\xd8\xff\xe0", "\x89PNG\r\n\x1a\n", "GIF89a", "GIF87a", "BM", "II*\x00", "MM\x00*", "RIFF\x10\x00\x00\x00WEBPVP8 ", "\x00\x00\x00\x18ftypheic"}

func (g generator) picture(length int) []byte {
	b := make([]byte, max(length, 16))
	for i := range b {
		b[i] = byte(i * i >> 3)
	}
	copy(b, pictures[g.IntN(len(pictures))])
	return b
}

// thumb is nil, a picture, something else or too long.
func (g generator) thumb() []byte {
	switch g.IntN(12) {
	case 0, 1, 2:
		return nil
	case 3:
		return []byte{}
	case 4:
		return []byte("no picture")
	case 5:
		return g.picture(65535 + g.IntN(3))
	}
	return g.picture(16 + g.IntN(300))
}

func (g generator) data() []byte {
	switch g.IntN(10) {
	case 0:
		return nil
	case 1:
		return []byte{}
	}
	b := make([]byte, 1+g.IntN(300))
	for i := range b {
		b[i] = byte(g.Uint32())
	}
	return b
}

func (g generator) chance(n int) bool { return g.IntN(n) == 0 }

// rare is mostly nil.
func (g generator) rare(s *string) *string {
	if g.chance(3) {
		return s
	}
	return nil
}

func (g generator) table() map[string]string {
	if !g.chance(4) {
		return nil
	}
	m := map[string]string{}
	for range g.IntN(4) {
		m[*g.some()] = *g.some()
	}
	return m
}

func (g generator) common() intents.Common {
	return intents.Common{Transaction: g.rare(g.text()), OpenID: g.rare(g.text())}
}

func (g generator) message(object intents.Object) intents.Request {
	r := intents.Share{
		Common: g.common(),
		Scene:  intents.Scene([]int32{0, 0, 0, 1, 1, 2, 2, 3, 3, 3, 4, 5, -1}[g.IntN(13)]),
		To:     g.rare(g.text()),
		Message: intents.Message{
			Title: g.upTo(512), Description: g.upTo(1024), Thumb: g.thumb(), MediaTag: g.rare(g.upTo(64)), Action: g.rare(g.upTo(2048)),
			Ext: g.rare(g.upTo(2048)), Signature: g.rare(g.upTo(10240)), ThumbHash: g.rare(g.upTo(1024)), Object: object,
		},
	}
	if r.Scene == intents.SceneContact && !g.chance(3) {
		r.OpenID, r.To = g.some(), g.some()
	}
	return r
}

// makers make a request of each type.
var makers = map[string]func(generator) intents.Request{
	"text": func(g generator) intents.Request { return g.message(intents.Text{Text: g.upTo(10240)}) },
	"image": func(g generator) intents.Request {
		return g.message(intents.Image{Data: g.data(), DataHash: g.rare(g.upTo(1024))})
	},
	"music": func(g generator) intents.Request {
		return g.message(intents.Music{URL: g.upTo(10240), LowBandURL: g.rare(g.upTo(10240)), DataURL: g.rare(g.upTo(10240)),
			LowBandDataURL: g.rare(g.upTo(10240)), AlbumURL: g.rare(g.upTo(10240)), Lyric: g.rare(g.upTo(32768))})
	},
	"video": func(g generator) intents.Request {
		return g.message(intents.Video{URL: g.upTo(10240), LowBandURL: g.rare(g.upTo(10240))})
	},
	"webpage": func(g generator) intents.Request {
		return g.message(intents.Webpage{URL: g.upTo(10240), Secret: g.chance(4), ExtraInfo: g.table()})
	},
	"miniprogram": func(g generator) intents.Request {
		o := intents.MiniProgram{WebpageURL: g.upTo(10240), UserName: g.text(), Path: g.text(), Type: intents.MiniProgramType(g.IntN(5) - 1),
			WithShareTicket: g.chance(2), DisableForward: int32(g.IntN(2)), Updatable: g.chance(3), Secret: g.chance(3), ExtraInfo: g.table()}
		switch g.IntN(6) {
		case 0:
			o.HDImage = g.picture(131071 + g.IntN(3))
		case 1:
			o.HDImage = g.data()
		}
		return g.message(o)
	},
	"file": func(g generator) intents.Request {
		return g.message(intents.File{Data: g.data(), Ext: g.upTo(64)})
	},
	"emoji": func(g generator) intents.Request { return g.message(intents.Emoji{Data: g.data()}) },
	"videofile": func(g generator) intents.Request {
		return g.message(intents.VideoFile{Data: g.data()})
	},
	"musicvideo": func(g generator) intents.Request {
		o := intents.MusicVideo{URL: g.upTo(10240), DataURL: g.upTo(10240), Singer: g.text(), Lyric: g.rare(g.upTo(32768)),
			HDThumb: g.data(), HDThumbHash: g.rare(g.upTo(1024)), Album: g.rare(g.upTo(1024)), Genre: g.rare(g.upTo(1024)),
			Identification: g.rare(g.upTo(1024)), IssueDate: g.Int64N(1 << 40), Duration: int32(g.Uint32()), OperationURL: g.rare(g.upTo(10240))}
		if g.chance(4) {
			o.VIP = &intents.MusicVIP{MusicID: g.text()}
		}
		return g.message(o)
	},
	"auth": func(g generator) intents.Request {
		return intents.Auth{Common: g.common(), Scope: g.text(), State: g.text(), ExtData: g.rare(g.text()), IsOption1: g.chance(3), NonAutomatic: g.chance(3)}
	},
	"launch": func(g generator) intents.Request {
		return intents.LaunchMiniProgram{Common: g.common(), UserName: g.name(), Path: g.text(), Type: intents.MiniProgramType(g.IntN(5) - 1), ExtMsg: g.text()}
	},
	"subscribe": func(g generator) intents.Request {
		return intents.SubscribeMessage{Common: g.common(), Scene: []int32{0, 1, 1000, 10000, -1, 1<<31 - 1, -1 << 31}[g.IntN(7)], TemplateID: g.upTo(10240), Reserved: g.text()}
	},
	"subscribe-miniprogram": func(g generator) intents.Request {
		return intents.SubscribeMiniProgramMessage{Common: g.common(), MiniProgramAppID: g.text()}
	},
	"open-webview": func(g generator) intents.Request {
		return intents.OpenWebview{Common: g.common(), URL: g.upTo(10240)}
	},
}

// name is a mini program's user name, which the SDK puts into the URL as it
// is; one with a malformed escape makes an unreadable URL.
func (g generator) name() *string {
	for {
		if s := g.text(); s == nil || !strings.Contains(*s, "%") {
			return s
		}
	}
}

// sender is mostly the newest phone, sometimes an older one.
func (g generator) sender(sdk ioswire.Version) ioswire.Sender {
	s := ioswire.Sender{AppID: caseAppID, BundleID: caseBundle, UniversalLink: caseLink, SDK: sdk}
	if g.chance(5) {
		s.Token = *g.some()
	}
	if g.chance(8) {
		s.UniversalLink = "https://other.example.org/a/b" // the SDK adds the slash
	}
	if g.chance(6) {
		s.UniversalLink = ""
		return s
	}
	if g.chance(3) {
		s.Phone.IOS = []int{9, 11, 12, 13, 14, 15, 16, 17, 18, 26}[g.IntN(10)]
		s.Phone.NoUniversalLinks = g.chance(4)
		s.Phone.NoURLParams = g.chance(4)
		s.Phone.PasteboardText = g.rare(g.text())
	}
	s.Degraded = g.chance(6)
	return s
}

const perType = 220

// requestCases are the generated cases of one SDK version, and those that are
// so long that the SDK omits something.
func requestCases(sdk ioswire.Version) []conformanceCase {
	var cases []conformanceCase
	for n, name := range slices.Sorted(maps.Keys(makers)) {
		if name == "musicvideo" && sdk == ioswire.SDK1871 {
			continue // that SDK has no such object
		}
		g := generator{rand.New(rand.NewPCG(uint64(n), 20261124))}
		for i := range perType {
			cases = append(cases, conformanceCase{fmt.Sprintf("%s-%d", name, i), makers[name](g), g.sender(sdk)})
		}
	}
	cases = append(cases, longCases(sdk)...)
	cases = append(cases, resentCases(sdk)...)
	return append(cases, limitCases(sdk)...)
}

// resentCases are requests that the SDK sends once more, in WeChat's hand-shake.
func resentCases(sdk ioswire.Version) []conformanceCase {
	var cases []conformanceCase
	for n, name := range slices.Sorted(maps.Keys(makers)) {
		if name == "musicvideo" && sdk == ioswire.SDK1871 {
			continue
		}
		g := generator{rand.New(rand.NewPCG(uint64(n), 1126))}
		for i := range 8 {
			s := ioswire.Sender{AppID: caseAppID, BundleID: caseBundle, UniversalLink: caseLink, SDK: sdk, Resent: true}
			if s.Scheme = i%2 == 0; !s.Scheme {
				s.Token = "NEWTOKEN"
			}
			s.Phone.IOS = []int{0, 0, 12, 13, 14, 14, 15, 16}[i]
			cases = append(cases, conformanceCase{fmt.Sprintf("resent-%s-%d", name, i), makers[name](g), s})
		}
	}
	return cases
}

// longCases are around the SDK's limit of 460 800 bytes and at the limits of data.
func longCases(sdk ioswire.Version) []conformanceCase {
	g := generator{rand.New(rand.NewPCG(1, 2))}
	sender := ioswire.Sender{AppID: caseAppID, BundleID: caseBundle, UniversalLink: caseLink, SDK: sdk}
	var cases []conformanceCase
	add := func(id string, object intents.Object, thumb int) {
		m := intents.Message{Title: new("T"), Object: object}
		if thumb > 0 {
			m.Thumb = g.picture(thumb)
		}
		cases = append(cases, conformanceCase{"long-" + id, intents.Share{Message: m}, sender})
	}
	path := func(n int) *string { return new(strings.Repeat("p", n)) }
	for _, n := range []int{440000, 460800, 500000} {
		add(fmt.Sprint("image-", n), intents.Image{Data: g.picture(n)}, 60000)
		add(fmt.Sprint("file-", n), intents.File{Data: g.picture(n), Ext: new("pdf")}, 0)
		add(fmt.Sprint("emoji-", n), intents.Emoji{Data: g.picture(n)}, 60000)
		add(fmt.Sprint("videofile-", n), intents.VideoFile{Data: g.picture(n)}, 60000)
	}
	for n := 460800 - 556; n < 460800-550; n++ { // where the whole payload just fits
		add(fmt.Sprint("edge-", n), intents.Image{Data: g.picture(n)}, 0)
	}
	for _, n := range []int{300000, 330000, 400000, 450000, 470000} {
		card := intents.MiniProgram{WebpageURL: new("https://e.com"), UserName: new("gh_1"), Path: path(n)}
		add(fmt.Sprint("card-", n), card, 60000)
		card.HDImage = g.picture(131072)
		add(fmt.Sprint("card-hd-", n), card, 60000)
		if sdk == ioswire.SDK200 {
			big := map[string]string{"k": strings.Repeat("v", n)}
			add(fmt.Sprint("webpage-", n), intents.Webpage{URL: new("https://e.com"), ExtraInfo: big}, 65000)
			add(fmt.Sprint("webpage-bare-", n), intents.Webpage{URL: new("https://e.com"), ExtraInfo: big}, 0)
			mv := intents.MusicVideo{URL: new("u"), DataURL: new("d"), Singer: path(n), HDThumb: g.picture(200000)}
			add(fmt.Sprint("musicvideo-", n), mv, 60000)
			mv.VIP = &intents.MusicVIP{MusicID: new("m")}
			add(fmt.Sprint("vip-", n), mv, 60000)
		}
	}
	if sdk == ioswire.SDK1871 {
		for _, n := range []int{10485760, 10485761} {
			add(fmt.Sprint("file-", n), intents.File{Data: make([]byte, n)}, 0)
			add(fmt.Sprint("emoji-", n), intents.Emoji{Data: make([]byte, n)}, 0)
		}
	} else {
		for _, n := range []int{10485760, 10485761} {
			add(fmt.Sprint("cover-", n), intents.MusicVideo{URL: new("u"), DataURL: new("d"), Singer: new("s"), HDThumb: make([]byte, n)}, 0)
		}
	}
	for _, n := range []int{26214400, 26214401} {
		add(fmt.Sprint("image-", n), intents.Image{Data: make([]byte, n)}, 0)
	}
	for _, n := range []int{100000, 1000000} { // fields without a limit
		cases = append(cases,
			conformanceCase{fmt.Sprint("long-scope-", n), intents.Auth{Scope: path(n), State: path(n)}, sender},
			conformanceCase{fmt.Sprint("long-launch-", n), intents.LaunchMiniProgram{UserName: new("gh_1"), Path: path(n), ExtMsg: path(n)}, sender},
			conformanceCase{fmt.Sprint("long-subscribe-", n), intents.SubscribeMessage{TemplateID: new("t"), Reserved: path(n)}, sender})
	}
	return cases
}
