package ioswire

import (
	"bytes"

	"github.com/wxctl/wxctl/intents"
)

// Limits of the SDK, measured on Tencent's own code of 2.0.0 and 1.8.7.1:
// texts in UTF-16 units, data in bytes.
const (
	maxText        = 10240
	maxTitle       = 512
	maxDescription = 1024
	maxThumb       = 65536
	maxMediaTag    = 64
	maxExt         = 2048 // messageExt, messageAction
	maxSignature   = 10240
	maxHash        = 1024 // of thumb, picture and album cover
	maxURL         = 10240
	maxImage       = 26214400
	maxData        = 1073741824 // file, emoji, video file
	maxDataOld     = 10485760   // file, emoji in 1.8.7.1
	maxVideoOld    = 104857600  // video file in 1.8.7.1
	maxFileExt     = 64
	maxHDImage     = 131072
	maxLyric       = 32768
	maxAlbumThumb  = 10485760
	maxAlbumText   = 1024 // album, genre, identification
	maxTemplateID  = 10240

	sceneStatus = 4 // WXSceneSpecifiedState, which needs an object of its own
)

// Validate returns all that is wrong with a request for an SDK version, the
// default if it is empty. Problems of SeverityError are exactly what that SDK
// refuses, and requests it does not have; warnings are what it does not send.
func Validate(req intents.Request, sdk Version) []intents.Problem {
	c := checker{sdk: sdk.orDefault()}
	switch r := req.(type) {
	case intents.Share:
		c.share(&r)
		return c.problems
	case intents.Auth:
		c.filled("scope", r.Scope)
		if c.sdk == SDK1871 {
			c.unsent("extData", r.ExtData != nil)
			c.unsent("isOption1", r.IsOption1)
			c.unsent("nonAutomatic", r.NonAutomatic)
		}
		c.unsent("callback", r.Callback != nil)
	case intents.LaunchMiniProgram:
		c.filled("userName", r.UserName)
		c.miniProgramType("type", r.Type)
	case intents.SubscribeMessage:
		c.atMost("templateId", r.TemplateID, maxTemplateID)
	case intents.SubscribeMiniProgramMessage:
		c.filled("miniProgramAppId", r.MiniProgramAppID)
	case intents.OpenWebview:
		c.atMost("url", r.URL, maxURL)
	default:
		c.refuse("kind", "is no request of this SDK")
		return c.problems
	}
	c.unsent("openId", req.Base().OpenID != nil)
	return c.problems
}

type checker struct {
	sdk      Version
	problems []intents.Problem
}

func (c *checker) add(p intents.Problem) {
	p.Source = c.sdk.source()
	c.problems = append(c.problems, p)
}

func (c *checker) refuse(field, rule string) {
	c.add(intents.Problem{Severity: intents.SeverityError, Field: field, Rule: rule})
}

// unsent warns of a field that this SDK has no place for.
func (c *checker) unsent(field string, set bool) {
	if set {
		c.add(intents.Problem{Severity: intents.SeverityWarning, Field: field, Rule: "is not sent by this SDK"})
	}
}

func (c *checker) required(field string, set bool) {
	if !set {
		c.refuse(field, "required")
	}
}

// filled asks for a text of at least one character.
func (c *checker) filled(field string, s *string) {
	if s == nil {
		c.refuse(field, "required")
	} else if *s == "" {
		c.add(intents.Problem{Severity: intents.SeverityError, Field: field, Rule: "at least", Limit: 1, Unit: "characters"})
	}
}

func (c *checker) atMost(field string, s *string, limit int) {
	if s == nil || len(*s) <= limit {
		return
	}
	if n := intents.Length(*s); n > limit {
		c.add(intents.Problem{Severity: intents.SeverityError, Field: field, Rule: "at most", Limit: int64(limit), Actual: int64(n), Unit: "characters"})
	}
}

func (c *checker) bytesAtMost(field string, b []byte, limit int) {
	if len(b) > limit {
		c.add(intents.Problem{Severity: intents.SeverityError, Field: field, Rule: "at most", Limit: int64(limit), Actual: int64(len(b)), Unit: "bytes"})
	}
}

func (c *checker) miniProgramType(field string, t intents.MiniProgramType) {
	if t < intents.MiniProgramRelease || t > intents.MiniProgramPreview {
		c.add(intents.Problem{Severity: intents.SeverityError, Field: field, Rule: "one of release, test, preview", Actual: int64(t)})
	}
}

func (c *checker) share(r *intents.Share) {
	if r.Scene == intents.SceneContact {
		c.filled("openId", r.OpenID)
		c.filled("to", r.To)
	}
	if r.Scene == sceneStatus && c.sdk == SDK200 {
		c.refuse("scene", "one of session, timeline, favorite, contact")
	}
	m := &r.Message
	if text, ok := m.Object.(intents.Text); ok {
		c.filled("message.object.text", text.Text)
		c.atMost("message.object.text", text.Text, maxText)
		c.unsent("message.title", m.Title != nil)
		c.unsent("message.description", m.Description != nil)
		c.unsent("message.thumb", m.Thumb != nil)
		c.unsent("message.mediaTag", m.MediaTag != nil)
		c.unsent("message.action", m.Action != nil)
		c.unsent("message.ext", m.Ext != nil)
		return
	}
	c.atMost("message.title", m.Title, maxTitle)
	c.atMost("message.description", m.Description, maxDescription)
	c.bytesAtMost("message.thumb", m.Thumb, maxThumb)
	if m.Thumb != nil && !isImage(m.Thumb) {
		c.refuse("message.thumb", "must be a picture")
	}
	c.atMost("message.mediaTag", m.MediaTag, maxMediaTag)
	c.atMost("message.action", m.Action, maxExt)
	c.atMost("message.ext", m.Ext, maxExt)
	if c.sdk == SDK200 {
		c.atMost("message.signature", m.Signature, maxSignature)
		c.atMost("message.thumbHash", m.ThumbHash, maxHash)
	} else {
		c.unsent("message.signature", m.Signature != nil)
		c.unsent("message.thumbHash", m.ThumbHash != nil)
	}
	c.object(m)
}

func (c *checker) object(m *intents.Message) {
	const at = "message.object."
	switch o := m.Object.(type) {
	case nil:
		c.refuse("message.object", "required")
	case intents.Image:
		c.required(at+"data", o.Data != nil)
		c.bytesAtMost(at+"data", o.Data, maxImage)
		if c.sdk == SDK200 {
			c.atMost(at+"dataHash", o.DataHash, maxHash)
		} else {
			c.unsent(at+"dataHash", o.DataHash != nil)
		}
		c.unsent(at+"path", o.Path != nil)
		c.unsent(at+"entranceUserName", o.EntranceUserName != nil)
		c.unsent(at+"entrancePath", o.EntrancePath != nil)
	case intents.Music:
		c.required(at+"url", o.URL != nil)
		c.atMost(at+"url", o.URL, maxURL)
		c.atMost(at+"lowBandUrl", o.LowBandURL, maxURL)
		c.atMost(at+"dataUrl", o.DataURL, maxURL)
		c.atMost(at+"lowBandDataUrl", o.LowBandDataURL, maxURL)
		c.atMost(at+"albumUrl", o.AlbumURL, maxURL)
		c.atMost(at+"lyric", o.Lyric, maxLyric)
	case intents.Video:
		c.required(at+"url", o.URL != nil)
		c.atMost(at+"url", o.URL, maxURL)
		c.atMost(at+"lowBandUrl", o.LowBandURL, maxURL)
	case intents.Webpage:
		c.webpage(&o)
	case intents.MiniProgram:
		c.miniProgram(&o)
	case intents.File:
		c.content(o.Data, maxDataOld)
		c.atMost(at+"ext", o.Ext, maxFileExt)
		c.unsent(at+"path", o.Path != nil)
	case intents.Emoji:
		c.content(o.Data, maxDataOld)
		c.unsent(at+"path", o.Path != nil)
	case intents.VideoFile:
		c.content(o.Data, maxVideoOld)
		c.unsent(at+"path", o.Path != nil)
		c.unsent(at+"shareTicket", o.ShareTicket != nil)
		c.unsent(at+"shareScene", o.ShareScene != 0)
	case intents.MusicVideo:
		c.musicVideo(m.Title, &o)
	default:
		c.refuse("message.object", "is no object of this SDK")
	}
}

// content checks the bytes that a file, emoji or video file is.
func (c *checker) content(data []byte, old int) {
	limit := maxData
	if c.sdk == SDK1871 {
		limit = old
	}
	c.required("message.object.data", data != nil)
	c.bytesAtMost("message.object.data", data, limit)
}

func (c *checker) webpage(o *intents.Webpage) {
	const at = "message.object."
	if c.sdk == SDK200 {
		c.filled(at+"url", o.URL) // an empty one it drops without a word
	} else {
		c.required(at+"url", o.URL != nil)
		c.unsent(at+"extraInfo", o.ExtraInfo != nil)
		c.unsent(at+"secret", o.Secret)
	}
	c.atMost(at+"url", o.URL, maxURL)
	c.unsent(at+"extInfo", o.ExtInfo != nil)
	c.unsent(at+"canvasPageXml", o.CanvasPageXML != nil)
}

func (c *checker) miniProgram(o *intents.MiniProgram) {
	const at = "message.object."
	c.required(at+"webpageUrl", o.WebpageURL != nil)
	c.atMost(at+"webpageUrl", o.WebpageURL, maxURL)
	c.miniProgramType(at+"type", o.Type)
	c.bytesAtMost(at+"hdImage", o.HDImage, maxHDImage)
	if c.sdk == SDK1871 {
		c.unsent(at+"updatable", o.Updatable)
		c.unsent(at+"secret", o.Secret)
		c.unsent(at+"extraInfo", o.ExtraInfo != nil)
	}
}

func (c *checker) musicVideo(title *string, o *intents.MusicVideo) {
	const at = "message.object."
	if c.sdk == SDK1871 {
		c.refuse("message.object", "is no object of this SDK")
		return
	}
	c.filled("message.title", title)
	if o.VIP != nil && orEmpty(o.VIP.MusicID) != "" { // with a VIP id the rest may be missing
		c.required(at+"url", o.URL != nil)
	} else {
		c.filled(at+"url", o.URL)
		c.filled(at+"dataUrl", o.DataURL)
		c.filled(at+"singer", o.Singer)
	}
	c.atMost(at+"url", o.URL, maxURL)
	c.atMost(at+"dataUrl", o.DataURL, maxURL)
	c.atMost(at+"lyric", o.Lyric, maxLyric)
	c.bytesAtMost(at+"hdThumb", o.HDThumb, maxAlbumThumb)
	c.atMost(at+"hdThumbHash", o.HDThumbHash, maxHash)
	c.atMost(at+"album", o.Album, maxAlbumText)
	c.atMost(at+"genre", o.Genre, maxAlbumText)
	c.atMost(at+"identification", o.Identification, maxAlbumText)
	c.atMost(at+"operationUrl", o.OperationURL, maxURL)
	c.unsent(at+"hdThumbPath", o.HDThumbPath != nil)
}

// isImage reports whether UIImage takes data for a picture, by its first
// bytes: JPEG, PNG, GIF, BMP, TIFF, and since iOS 11 and 14 HEIC and WebP.
func isImage(data []byte) bool {
	for _, start := range []string{"\xff\xd8\xff", "\x89PNG\r\n\x1a\n", "GIF8", "BM", "II*\x00", "MM\x00*"} {
		if bytes.HasPrefix(data, []byte(start)) {
			return true
		}
	}
	if len(data) < 12 {
		return false
	}
	if string(data[:4]) == "RIFF" {
		return string(data[8:12]) == "WEBP"
	}
	if string(data[4:8]) == "ftyp" {
		switch string(data[8:12]) {
		case "heic", "heix", "hevc", "mif1", "msf1":
			return true
		}
	}
	return false
}
