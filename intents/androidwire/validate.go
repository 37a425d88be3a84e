package androidwire

import (
	"fmt"
	"strings"

	"github.com/wxctl/wxctl/intents"
)

// Bounds that the SDK enforces in checkArgs: lengths of strings in UTF-16
// units, all else in bytes. OpenSDK 5.5.3 to 6.8.34.
const (
	maxThumb            = intents.ThumbLimit
	maxMiniProgramThumb = intents.ThumbLimitLarge
	maxTitle            = 512
	maxDescription      = 1024
	maxMediaTag         = 64
	maxAction           = 2048
	maxExt              = 2048
	maxText             = 10240
	maxURL              = 10240
	maxPath             = 10240
	maxImage            = 26214400
	maxEmoji            = 10485760
	maxFavoriteFile     = 26214400
	maxFile             = 1920991232 // 6.x
	maxFile553          = 10485760
	maxVideoFile        = 1073741824 // 6.x
	maxVideoFile553     = 104857600
	maxLyric            = 32768
	maxName             = 1024 // singer, genre, identification, path of the cover
	maxCover            = 10485760
	maxScope            = 1024
	maxTemplate         = 1024
)

// sceneStatus is the scene of the SDK that wxctl has no request for: it needs
// a scene data object.
const sceneStatus = 4

// Validate returns all that is wrong with a request: as errors what the
// sender's SDK refuses to send, as warnings what it omits or changes and what
// the documents advise against.
func Validate(req intents.Request, sender Sender) []intents.Problem {
	sender.SDK = sender.SDK.orDefault()
	c := &checker{sender: &sender, sdk: sender.SDK}
	c.Severity, c.Source = intents.SeverityError, sender.SDK.source()
	switch r := req.(type) {
	case intents.Share:
		c.share(&r)
	case intents.Auth:
		c.auth(&r)
	case intents.LaunchMiniProgram:
		c.Required("userName", r.UserName)
		c.miniProgramType("type", r.Type)
	case intents.SubscribeMessage:
		c.Required("templateId", r.TemplateID)
		c.CharsAtMost("templateId", r.TemplateID, maxTemplate)
		c.CharsAtMost("reserved", r.Reserved, maxTemplate)
	case intents.SubscribeMiniProgramMessage:
		c.Required("miniProgramAppId", r.MiniProgramAppID)
	case intents.OpenWebview:
		// An empty URL passes.
		if r.URL == nil {
			c.Add("url", "%s is required")
		}
		c.CharsAtMost("url", r.URL, maxURL)
	default:
		c.Add("kind", "%s is not a request of this SDK")
	}
	return append(c.Problems, intents.WithoutRefused(intents.Validate(req), c.Problems)...)
}

type checker struct {
	intents.Checker
	sender *Sender
	sdk    Version
}

// warn adds a warning about what the SDK does with a request. id is its stable
// name.
func (c *checker) warn(id, field, hint, sentence string, args ...any) {
	c.Problems = append(c.Problems, intents.Problem{ID: id, Severity: intents.SeverityWarning, Field: field,
		Rule: intents.Rule(sentence, args...), Hint: hint, Source: c.Source})
}

// unsent warns of a field that the SDK version has no key for.
func (c *checker) unsent(field string, set bool) {
	if set {
		c.warn("request.unsent", field, "", "%s is not sent by this SDK")
	}
}

func (c *checker) share(s *intents.Share) {
	m := &s.Message
	switch s.Scene {
	case intents.SceneContact:
		if s.To == nil {
			c.Add("to", "%s is required by the scene contact")
		}
		if s.OpenID == nil {
			c.Add("openId", "%s is required by the scene contact")
		}
	case sceneStatus:
		if c.sdk >= SDK680 {
			c.Add("scene", "%s needs a scene data object, which wxctl can't make")
		}
	}
	c.thumb(m)
	c.CharsAtMost("message.title", m.Title, maxTitle)
	c.CharsAtMost("message.description", m.Description, maxDescription)
	c.CharsAtMost("message.mediaTag", m.MediaTag, maxMediaTag)
	c.CharsAtMost("message.action", m.Action, maxAction)
	c.CharsAtMost("message.ext", m.Ext, maxExt)
	c.unsent("message.signature", m.Signature != nil && c.sdk < SDK6818)
	c.unsent("message.thumbHash", m.ThumbHash != nil && c.sdk < SDK6818)
	c.object(s)
}

func (c *checker) thumb(m *intents.Message) {
	const field = "message.thumb"
	switch m.Object.(type) {
	case intents.MiniProgram:
		if m.Thumb == nil {
			c.Add(field, "%s is required by a mini program card")
		}
		c.AtMost(field, len(m.Thumb), maxMiniProgramThumb)
	case intents.Emoji:
		if len(m.Thumb) == 0 {
			c.Add(field, "%s is required by an emoji")
		}
		c.AtMost(field, len(m.Thumb), maxThumb)
	default:
		c.AtMost(field, len(m.Thumb), maxThumb)
	}
}

const object = "message.object"

func (c *checker) object(s *intents.Share) {
	switch o := s.Message.Object.(type) {
	case nil:
		c.Add(object, "%s is required")
	case intents.Text:
		c.Required(object+".text", o.Text)
		c.CharsAtMost(object+".text", o.Text, maxText)
	case intents.Image:
		c.content(o.Data, o.Path, o.Size, maxImage)
		c.CharsAtMost(object+".path", o.Path, maxPath)
		c.unsent(object+".dataHash", o.DataHash != nil && c.sdk < SDK6818)
		c.unsent(object+".entranceUserName", o.EntranceUserName != nil && c.sdk < SDK6834)
		c.unsent(object+".entrancePath", o.EntrancePath != nil && c.sdk < SDK6834)
	case intents.Music:
		c.either(o.URL, o.LowBandURL)
		c.CharsAtMost(object+".albumUrl", o.AlbumURL, maxURL)
		c.CharsAtMost(object+".lyric", o.Lyric, maxLyric)
	case intents.Video:
		c.either(o.URL, o.LowBandURL)
	case intents.Webpage:
		c.Required(object+".url", o.URL)
		c.CharsAtMost(object+".url", o.URL, maxURL)
		c.unsent(object+".secret", o.Secret && c.sdk < SDK680)
		c.unsent(object+".extraInfo", o.ExtraInfo != nil && c.sdk < SDK680)
	case intents.File:
		limit := int64(maxFile)
		switch {
		case s.Scene == intents.SceneFavorite:
			limit = maxFavoriteFile
		case c.sdk < SDK680:
			limit = maxFile553
		}
		c.content(o.Data, o.Path, o.Size, limit)
	case intents.Emoji:
		c.content(o.Data, o.Path, o.Size, maxEmoji)
	case intents.MiniProgram:
		c.miniProgram(s, &o)
	case intents.VideoFile:
		c.Required(object+".path", o.Path)
		limit := int64(maxVideoFile)
		if c.sdk < SDK680 {
			limit = maxVideoFile553
		}
		c.FileAtMost(object+".path", sdkSize(o.Size), limit)
	case intents.MusicVideo:
		c.musicVideo(&s.Message, &o)
	case intents.Images:
		c.Add(object, "%s can't be shared by the OpenSDK: several images use Android's own share route")
	default:
		c.Add(object, "%s can't be shared by the OpenSDK for Android")
	}
}

// content checks what is given either as bytes or as a file.
func (c *checker) content(data []byte, path *string, size, limit int64) {
	if len(data) == 0 && (path == nil || *path == "") {
		c.Add(object, "%s needs data or path")
	}
	c.AtMost(object+".data", len(data), int(limit))
	if path != nil {
		c.FileAtMost(object+".path", sdkSize(size), limit)
	}
}

// sdkSize is a file's size as the SDK sees it: it casts to int, so that a file
// of 2 to 4 GiB looks negative.
func sdkSize(size int64) int64 { return int64(int32(size)) }

func (c *checker) either(url, lowBandURL *string) {
	if (url == nil || *url == "") && (lowBandURL == nil || *lowBandURL == "") {
		c.Add(object+".url", "%s or lowBandUrl is required")
	}
	c.CharsAtMost(object+".url", url, maxURL)
	c.CharsAtMost(object+".lowBandUrl", lowBandURL, maxURL)
}

func (c *checker) miniProgram(s *intents.Share, o *intents.MiniProgram) {
	c.Required(object+".webpageUrl", o.WebpageURL)
	c.Required(object+".userName", o.UserName)
	c.miniProgramType(object+".type", o.Type)
	if c.sender.downgrades() {
		c.warn("request.wechat-too-old", object, "update WeChat on the phone", "%s is sent as a web page: this WeChat is too old for it")
	} else if o.Path != nil && *o.Path != "" {
		c.path(*o.Path)
	}
	if sent := sentScene(s.Scene, c.sdk); sent != s.Scene {
		c.warn("request.scene", "scene", "", "%s is sent as %s: this SDK shares mini programs only there", sent)
	}
	c.unsent(object+".hdImage", len(o.HDImage) > 0)
	c.unsent(object+".updatable", o.Updatable && c.sdk < SDK680)
	c.unsent(object+".secret", o.Secret && c.sdk < SDK680)
	c.unsent(object+".extraInfo", o.ExtraInfo != nil && c.sdk < SDK680)
}

// path warns about how the SDK rewrites a mini program's path: it adds .html to
// what precedes the first question mark, and drops everything from a second
// question mark on.
func (c *checker) path(path string) {
	const field = object + ".path"
	sent, ok := rewritePath(path)
	if !ok {
		c.Add(field, "%s has only question marks, which crash this SDK")
		return
	}
	page, query, _ := strings.Cut(path, "?")
	if i := strings.IndexByte(query, '?'); i >= 0 {
		c.warn("request.path.second-question-mark", field, "write %3F for a question mark within a parameter, or & between parameters",
			"%s is cut at its second question mark: this SDK sends %q, and %q is lost", sent, query[i:])
	}
	if strings.HasSuffix(page, ".html") {
		c.warn("request.path.html-suffix", field, fmt.Sprintf("omit .html: --path %q", strings.TrimSuffix(page, ".html")+path[len(page):]),
			"%s gets the suffix twice: this SDK adds .html and sends %q", sent)
	}
}

func (c *checker) miniProgramType(field string, t intents.MiniProgramType) {
	if t < intents.MiniProgramRelease || t > intents.MiniProgramPreview {
		c.Add(field, "%s must be release, test or preview, not %d", t)
	}
}

func (c *checker) musicVideo(m *intents.Message, o *intents.MusicVideo) {
	if c.sdk < SDK680 {
		c.Add(object, "%s is unknown to this SDK")
		return
	}
	c.Required("message.title", m.Title)
	for _, f := range []struct {
		name     string
		value    *string
		limit    int
		required bool
	}{
		{"url", o.URL, maxURL, true},
		{"dataUrl", o.DataURL, maxURL, true},
		{"singer", o.Singer, maxName, true},
		{"lyric", o.Lyric, maxLyric, false},
		{"hdThumbPath", o.HDThumbPath, maxName, false},
		{"genre", o.Genre, maxName, false},
		{"identification", o.Identification, maxName, false},
		{"operationUrl", o.OperationURL, maxURL, false},
	} {
		if f.required {
			c.Required(object+"."+f.name, f.value)
		}
		c.CharsAtMost(object+"."+f.name, f.value, f.limit)
	}
	if o.HDThumbPath != nil {
		c.FileAtMost(object+".hdThumbPath", sdkSize(o.HDThumbSize), maxCover)
	}
	c.unsent(object+".hdThumbHash", o.HDThumbHash != nil && c.sdk < SDK6818)
	c.unsent(object+".vip", o.VIP != nil && c.sdk < SDK6818)
	c.unsent(object+".hdThumb", len(o.HDThumb) > 0)
}

func (c *checker) auth(a *intents.Auth) {
	c.Required("scope", a.Scope)
	c.CharsAtMost("scope", a.Scope, maxScope)
	c.CharsAtMost("state", a.State, maxScope)
	c.unsent("extData", a.ExtData != nil && c.sdk < SDK680)
	c.unsent("callback", a.Callback != nil && c.sdk < SDK680)
	c.unsent("isOption1", a.IsOption1 && c.sdk < SDK6818)
	c.unsent("nonAutomatic", a.NonAutomatic && c.sdk < SDK6818)
}
