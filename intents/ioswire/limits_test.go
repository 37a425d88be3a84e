package ioswire_test

import (
	"fmt"
	"strings"

	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/ioswire"
)

// limitCases have one field at its limit or just beyond, in an otherwise valid
// request, so that the answer shows the field's limit.
func limitCases(sdk ioswire.Version) []conformanceCase {
	sender := ioswire.Sender{AppID: caseAppID, BundleID: caseBundle, UniversalLink: caseLink, SDK: sdk}
	var cases []conformanceCase
	add := func(name string, limit int, make func(s *string) intents.Request) {
		for _, fill := range fills {
			units := 1
			if fill == "😀" {
				units = 2
			}
			for over := range 2 {
				text := strings.Repeat(fill, limit/units) + strings.Repeat("a", over)
				cases = append(cases, conformanceCase{fmt.Sprintf("limit-%s-%s-%d", name, fill, limit+over), make(&text), sender})
			}
		}
	}
	share := func(m intents.Message) intents.Request { return intents.Share{Message: m} }
	image := intents.Image{Data: []byte("x")}
	add("text", 10240, func(s *string) intents.Request { return share(intents.Message{Object: intents.Text{Text: s}}) })
	add("title", 512, func(s *string) intents.Request { return share(intents.Message{Title: s, Object: image}) })
	add("description", 1024, func(s *string) intents.Request { return share(intents.Message{Description: s, Object: image}) })
	add("mediaTag", 64, func(s *string) intents.Request { return share(intents.Message{MediaTag: s, Object: image}) })
	add("action", 2048, func(s *string) intents.Request { return share(intents.Message{Action: s, Object: image}) })
	add("ext", 2048, func(s *string) intents.Request { return share(intents.Message{Ext: s, Object: image}) })
	add("signature", 10240, func(s *string) intents.Request { return share(intents.Message{Signature: s, Object: image}) })
	add("thumbHash", 1024, func(s *string) intents.Request { return share(intents.Message{ThumbHash: s, Object: image}) })
	object := func(name string, limit int, make func(s *string) intents.Object) {
		add(name, limit, func(s *string) intents.Request { return share(intents.Message{Title: new("T"), Object: make(s)}) })
	}
	u := new("u")
	object("image-hash", 1024, func(s *string) intents.Object { return intents.Image{Data: []byte("x"), DataHash: s} })
	object("music-url", 10240, func(s *string) intents.Object { return intents.Music{URL: s} })
	object("music-low", 10240, func(s *string) intents.Object { return intents.Music{URL: u, LowBandURL: s} })
	object("music-data", 10240, func(s *string) intents.Object { return intents.Music{URL: u, DataURL: s} })
	object("music-low-data", 10240, func(s *string) intents.Object { return intents.Music{URL: u, LowBandDataURL: s} })
	object("music-album", 10240, func(s *string) intents.Object { return intents.Music{URL: u, AlbumURL: s} })
	object("music-lyric", 32768, func(s *string) intents.Object { return intents.Music{URL: u, Lyric: s} })
	object("video-url", 10240, func(s *string) intents.Object { return intents.Video{URL: s} })
	object("video-low", 10240, func(s *string) intents.Object { return intents.Video{URL: u, LowBandURL: s} })
	object("webpage-url", 10240, func(s *string) intents.Object { return intents.Webpage{URL: s} })
	object("card-webpage", 10240, func(s *string) intents.Object { return intents.MiniProgram{WebpageURL: s, UserName: u, Path: u} })
	object("card-user", 10240, func(s *string) intents.Object { return intents.MiniProgram{WebpageURL: u, UserName: s, Path: u} })
	object("card-path", 10240, func(s *string) intents.Object { return intents.MiniProgram{WebpageURL: u, UserName: u, Path: s} })
	object("file-ext", 64, func(s *string) intents.Object { return intents.File{Data: []byte("x"), Ext: s} })
	if sdk == ioswire.SDK200 {
		musicVideo := func(name string, limit int, set func(o *intents.MusicVideo, s *string)) {
			object("mv-"+name, limit, func(s *string) intents.Object {
				o := intents.MusicVideo{URL: u, DataURL: u, Singer: u}
				set(&o, s)
				return o
			})
		}
		musicVideo("url", 10240, func(o *intents.MusicVideo, s *string) { o.URL = s })
		musicVideo("data", 10240, func(o *intents.MusicVideo, s *string) { o.DataURL = s })
		musicVideo("singer", 10240, func(o *intents.MusicVideo, s *string) { o.Singer = s })
		musicVideo("lyric", 32768, func(o *intents.MusicVideo, s *string) { o.Lyric = s })
		musicVideo("hash", 1024, func(o *intents.MusicVideo, s *string) { o.HDThumbHash = s })
		musicVideo("album", 1024, func(o *intents.MusicVideo, s *string) { o.Album = s })
		musicVideo("genre", 1024, func(o *intents.MusicVideo, s *string) { o.Genre = s })
		musicVideo("identification", 1024, func(o *intents.MusicVideo, s *string) { o.Identification = s })
		musicVideo("operation", 10240, func(o *intents.MusicVideo, s *string) { o.OperationURL = s })
		musicVideo("vip", 10240, func(o *intents.MusicVideo, s *string) { o.VIP = &intents.MusicVIP{MusicID: s} })
	}
	add("template", 10240, func(s *string) intents.Request { return intents.SubscribeMessage{TemplateID: s, Reserved: u} })
	add("reserved", 10240, func(s *string) intents.Request { return intents.SubscribeMessage{TemplateID: u, Reserved: s} })
	add("card-app", 10240, func(s *string) intents.Request { return intents.SubscribeMiniProgramMessage{MiniProgramAppID: s} })
	add("webview", 10240, func(s *string) intents.Request { return intents.OpenWebview{URL: s} })
	add("scope", 1024, func(s *string) intents.Request { return intents.Auth{Scope: s} })
	add("launch-path", 10240, func(s *string) intents.Request { return intents.LaunchMiniProgram{UserName: u, Path: s} })
	add("to", 10240, func(s *string) intents.Request {
		return intents.Share{Common: intents.Common{OpenID: s}, To: s, Scene: intents.SceneContact, Message: intents.Message{Object: image}}
	})
	return append(cases, dataLimitCases(sender)...)
}

func dataLimitCases(sender ioswire.Sender) []conformanceCase {
	var cases []conformanceCase
	for _, picture := range pictures { // each accepted format of a thumb, and only its beginning
		for _, data := range []string{picture + strings.Repeat("\x01", 40), picture, picture[:len(picture)-1]} {
			m := intents.Message{Thumb: []byte(data), Object: intents.Image{Data: []byte("x")}}
			cases = append(cases, conformanceCase{fmt.Sprintf("limit-thumb-%q", data), intents.Share{Message: m}, sender})
		}
	}
	for over := range 2 {
		thumb := append([]byte(pictures[0]), make([]byte, 65536+over-len(pictures[0]))...)
		hd := make([]byte, 131072+over)
		cases = append(cases,
			conformanceCase{fmt.Sprint("limit-thumb-", over), intents.Share{Message: intents.Message{Thumb: thumb, Object: intents.Image{Data: []byte("x")}}}, sender},
			conformanceCase{fmt.Sprint("limit-hd-", over), intents.Share{Message: intents.Message{
				Object: intents.MiniProgram{WebpageURL: new("w"), HDImage: hd}}}, sender})
	}
	return cases
}
