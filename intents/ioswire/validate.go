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
// default if it is empty: as errors exactly what that SDK refuses, and requests
// it does not have; as warnings what it does not send, and what the documents
// advise against.
func Validate(req intents.Request, sdk Version) []intents.Problem {
	c := &checker{sdk: sdk.orDefault()}
	c.Severity, c.Source = intents.SeverityError, c.sdk.source()
	switch r := req.(type) {
	case intents.Share:
		c.share(&r)
	case intents.Auth:
		c.Required("scope", r.Scope)
		if c.sdk == SDK1871 {
			c.unsent("extData", r.ExtData != nil)
			c.unsent("isOption1", r.IsOption1)
			c.unsent("nonAutomatic", r.NonAutomatic)
		}
		c.unsent("callback", r.Callback != nil)
	case intents.LaunchMiniProgram:
		c.Required("userName", r.UserName)
		c.miniProgramType("type", r.Type)
	case intents.SubscribeMessage:
		c.CharsAtMost("templateId", r.TemplateID, maxTemplateID)
	case intents.SubscribeMiniProgramMessage:
		c.Required("miniProgramAppId", r.MiniProgramAppID)
	case intents.OpenWebview:
		c.CharsAtMost("url", r.URL, maxURL)
	default:
		c.Add("kind", "%s is not a request of this SDK")
		return c.Problems
	}
	if req.Kind() != intents.KindShare {
		c.unsent("openId", req.Base().OpenID != nil)
	}
	return append(c.Problems, intents.WithoutRefused(intents.Validate(req), c.Problems)...)
}

type checker struct {
	intents.Checker
	sdk Version
}

// unsent warns of a field that this SDK has no place for.
func (c *checker) unsent(field string, set bool) {
	if set {
		c.Problems = append(c.Problems, intents.Problem{ID: "request.unsent", Severity: intents.SeverityWarning, Field: field,
			Rule: intents.Rule("%s is not sent by this SDK"), Source: c.Source})
	}
}

// present requires a value, which may be empty.
func (c *checker) present(field string, set bool) {
	if !set {
		c.Add(field, "%s is required")
	}
}

func (c *checker) miniProgramType(field string, t intents.MiniProgramType) {
	if t < intents.MiniProgramRelease || t > intents.MiniProgramPreview {
		c.Add(field, "%s must be release, test or preview, not %d", t)
	}
}

func (c *checker) share(r *intents.Share) {
	if r.Scene == intents.SceneContact {
		c.Required("openId", r.OpenID)
		c.Required("to", r.To)
	}
	if r.Scene == sceneStatus && c.sdk == SDK200 {
		c.Add("scene", "%s must be session, timeline, favorite or contact")
	}
	m := &r.Message
	if text, ok := m.Object.(intents.Text); ok {
		c.Required("message.object.text", text.Text)
		c.CharsAtMost("message.object.text", text.Text, maxText)
		c.unsent("message.title", m.Title != nil)
		c.unsent("message.description", m.Description != nil)
		c.unsent("message.thumb", m.Thumb != nil)
		c.unsent("message.mediaTag", m.MediaTag != nil)
		c.unsent("message.action", m.Action != nil)
		c.unsent("message.ext", m.Ext != nil)
		return
	}
	c.CharsAtMost("message.title", m.Title, maxTitle)
	c.CharsAtMost("message.description", m.Description, maxDescription)
	c.AtMost("message.thumb", len(m.Thumb), maxThumb)
	if m.Thumb != nil && !isImage(m.Thumb) {
		c.Add("message.thumb", "%s must be a picture")
	}
	c.CharsAtMost("message.mediaTag", m.MediaTag, maxMediaTag)
	c.CharsAtMost("message.action", m.Action, maxExt)
	c.CharsAtMost("message.ext", m.Ext, maxExt)
	if c.sdk == SDK200 {
		c.CharsAtMost("message.signature", m.Signature, maxSignature)
		c.CharsAtMost("message.thumbHash", m.ThumbHash, maxHash)
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
		c.Add("message.object", "%s is required")
	case intents.Image:
		c.present(at+"data", o.Data != nil)
		c.AtMost(at+"data", len(o.Data), maxImage)
		if c.sdk == SDK200 {
			c.CharsAtMost(at+"dataHash", o.DataHash, maxHash)
		} else {
			c.unsent(at+"dataHash", o.DataHash != nil)
		}
		c.unsent(at+"path", o.Path != nil)
		c.unsent(at+"entranceUserName", o.EntranceUserName != nil)
		c.unsent(at+"entrancePath", o.EntrancePath != nil)
	case intents.Music:
		c.present(at+"url", o.URL != nil)
		c.CharsAtMost(at+"url", o.URL, maxURL)
		c.CharsAtMost(at+"lowBandUrl", o.LowBandURL, maxURL)
		c.CharsAtMost(at+"dataUrl", o.DataURL, maxURL)
		c.CharsAtMost(at+"lowBandDataUrl", o.LowBandDataURL, maxURL)
		c.CharsAtMost(at+"albumUrl", o.AlbumURL, maxURL)
		c.CharsAtMost(at+"lyric", o.Lyric, maxLyric)
	case intents.Video:
		c.present(at+"url", o.URL != nil)
		c.CharsAtMost(at+"url", o.URL, maxURL)
		c.CharsAtMost(at+"lowBandUrl", o.LowBandURL, maxURL)
	case intents.Webpage:
		c.webpage(&o)
	case intents.MiniProgram:
		c.miniProgram(&o)
	case intents.File:
		c.content(o.Data, maxDataOld)
		c.CharsAtMost(at+"ext", o.Ext, maxFileExt)
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
		c.Add("message.object", "%s can't be shared by this SDK")
	}
}

// content checks the bytes that a file, emoji or video file is.
func (c *checker) content(data []byte, old int) {
	limit := maxData
	if c.sdk == SDK1871 {
		limit = old
	}
	c.present("message.object.data", data != nil)
	c.AtMost("message.object.data", len(data), limit)
}

func (c *checker) webpage(o *intents.Webpage) {
	const at = "message.object."
	if c.sdk == SDK200 {
		c.Required(at+"url", o.URL) // the SDK drops an empty one silently
	} else {
		c.present(at+"url", o.URL != nil)
		c.unsent(at+"extraInfo", o.ExtraInfo != nil)
		c.unsent(at+"secret", o.Secret)
	}
	c.CharsAtMost(at+"url", o.URL, maxURL)
	c.unsent(at+"extInfo", o.ExtInfo != nil)
	c.unsent(at+"canvasPageXml", o.CanvasPageXML != nil)
}

func (c *checker) miniProgram(o *intents.MiniProgram) {
	const at = "message.object."
	c.present(at+"webpageUrl", o.WebpageURL != nil)
	c.CharsAtMost(at+"webpageUrl", o.WebpageURL, maxURL)
	c.miniProgramType(at+"type", o.Type)
	c.AtMost(at+"hdImage", len(o.HDImage), maxHDImage)
	if c.sdk == SDK1871 {
		c.unsent(at+"updatable", o.Updatable)
		c.unsent(at+"secret", o.Secret)
		c.unsent(at+"extraInfo", o.ExtraInfo != nil)
	}
}

func (c *checker) musicVideo(title *string, o *intents.MusicVideo) {
	const at = "message.object."
	if c.sdk == SDK1871 {
		c.Add("message.object", "%s can't be shared by this SDK")
		return
	}
	c.Required("message.title", title)
	if o.VIP != nil && orEmpty(o.VIP.MusicID) != "" { // with a VIP id the rest may be missing
		c.present(at+"url", o.URL != nil)
	} else {
		c.Required(at+"url", o.URL)
		c.Required(at+"dataUrl", o.DataURL)
		c.Required(at+"singer", o.Singer)
	}
	c.CharsAtMost(at+"url", o.URL, maxURL)
	c.CharsAtMost(at+"dataUrl", o.DataURL, maxURL)
	c.CharsAtMost(at+"lyric", o.Lyric, maxLyric)
	c.AtMost(at+"hdThumb", len(o.HDThumb), maxAlbumThumb)
	c.CharsAtMost(at+"hdThumbHash", o.HDThumbHash, maxHash)
	c.CharsAtMost(at+"album", o.Album, maxAlbumText)
	c.CharsAtMost(at+"genre", o.Genre, maxAlbumText)
	c.CharsAtMost(at+"identification", o.Identification, maxAlbumText)
	c.CharsAtMost(at+"operationUrl", o.OperationURL, maxURL)
	c.unsent(at+"hdThumbPath", o.HDThumbPath != nil)
}

// isImage reports whether UIImage reads data as a picture, by its first bytes:
// JPEG, PNG, GIF, BMP, TIFF, and since iOS 11 and 14 HEIC and WebP.
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
