package ioswire

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/wxctl/wxctl/intents"
)

// Numbers of the media objects (objectType).
const (
	objectImage       = "2"
	objectMusic       = "3"
	objectVideo       = "4"
	objectWebpage     = "5"
	objectFile        = "6"
	objectEmoji       = "8"
	objectMiniProgram = "36"
	objectVideoFile   = "38"
	objectMusicVideo  = "76"
	objectVIPMusic    = "89" // a music video with a VIP music id
)

// Fields that are omitted from the URL when the payload is too long, by object.
const (
	keyThumb      = "thumbData"
	keyHDImage    = "hdThumbData"
	keyAlbumThumb = "musicVideoHDThumbData"
)

// switches are the fields that every media message carries, whatever its
// object; only some objects set them.
type switches struct {
	disableForward  bool
	shareTicket     bool
	miniProgramType int64
	secret          bool
	updatable       bool
	musicBits       int64
	duration        string
	issueDate       string
}

func (e *encoder) share(r *intents.Share) error {
	e.extra = "sendreq/?"
	if text, ok := r.Message.Object.(intents.Text); ok {
		e.common(commandText)
		e.text("title", text.Text)
	} else {
		e.common(commandMedia)
		if err := e.media(&r.Message); err != nil {
			return err
		}
	}
	e.put("scene", String(strconv.Itoa(int(r.Scene))))
	e.text("openID", r.OpenID)
	e.text("userOpenID", r.To)
	return nil
}

func (e *encoder) media(m *intents.Message) error {
	e.text("title", m.Title)
	e.text("description", m.Description)
	e.data(keyThumb, m.Thumb)
	e.text("mediaTagName", m.MediaTag)
	e.text("messageExt", m.Ext)
	e.text("messageAction", m.Action)
	newest := e.sender.SDK.orDefault() == SDK200
	if newest {
		e.text("thumbDataHash", m.ThumbHash)
		e.text("msgSignature", m.Signature)
	}
	s := switches{duration: "0", issueDate: "0"}
	kind, err := e.object(m.Object, &s, newest)
	if err != nil {
		return err
	}
	e.put("objectType", String(kind))
	e.put("disableForward", Bool(s.disableForward))
	e.put("withShareTicket", Bool(s.shareTicket))
	e.put("miniprogramType", Int(s.miniProgramType))
	e.put("weworkObjectSubType", String("0"))
	if newest {
		e.put("appbrandissecrectmessage", Bool(s.secret))
		e.put("appbrandisupdatablemessage", Bool(s.updatable))
		e.put("musicSupportFieldBitset", Int(s.musicBits))
		e.put("musicVideoDuration", String(s.duration))
		e.put("musicVideoIssueData", String(s.issueDate))
	}
	return nil
}

// object puts the fields of a message's object and returns its objectType.
func (e *encoder) object(object intents.Object, s *switches, newest bool) (string, error) {
	switch o := object.(type) {
	case intents.Image:
		e.data("fileData", o.Data)
		if newest {
			e.text("imgDataHash", o.DataHash)
		}
		return objectImage, nil
	case intents.Music:
		e.text("mediaUrl", o.URL)
		e.text("mediaLowBandUrl", o.LowBandURL)
		e.text("mediaDataUrl", o.DataURL)
		e.text("mediaLowBandDataUrl", o.LowBandDataURL)
		e.text("songAlbumUrl", o.AlbumURL)
		e.text("songLyric", o.Lyric)
		return objectMusic, nil
	case intents.Video:
		e.erase = keyThumb
		e.text("mediaUrl", o.URL)
		e.text("mediaLowBandUrl", o.LowBandURL)
		return objectVideo, nil
	case intents.Webpage:
		e.erase = keyThumb
		e.text("mediaUrl", o.URL)
		if newest {
			s.secret = o.Secret
			e.table("webpageextrainfo", o.ExtraInfo)
		}
		return objectWebpage, nil
	case intents.MiniProgram:
		e.miniProgram(&o, s, newest)
		return objectMiniProgram, nil
	case intents.File:
		e.data("fileData", o.Data)
		e.text("fileExt", o.Ext)
		return objectFile, nil
	case intents.Emoji:
		e.data("fileData", o.Data)
		return objectEmoji, nil
	case intents.VideoFile:
		e.data("fileData", o.Data)
		return objectVideoFile, nil
	case intents.MusicVideo:
		if newest {
			return e.musicVideo(&o, s), nil
		}
	}
	return "", fmt.Errorf("OpenSDK %s for iOS can't share %T", e.sender.SDK.orDefault(), object)
}

func (e *encoder) miniProgram(o *intents.MiniProgram, s *switches, newest bool) {
	e.erase = keyHDImage
	e.text("mediaUrl", o.WebpageURL)
	e.text("appBrandUserName", o.UserName)
	e.text("appBrandPath", o.Path)
	e.data(keyHDImage, o.HDImage)
	s.disableForward = o.DisableForward != 0
	s.shareTicket = o.WithShareTicket
	s.miniProgramType = int64(o.Type)
	if newest {
		s.secret = o.Secret
		s.updatable = o.Updatable
		e.table("appbrandextrainfo", o.ExtraInfo)
	}
}

func (e *encoder) musicVideo(o *intents.MusicVideo, s *switches) string {
	e.text("mediaUrl", o.URL)
	e.text("mediaDataUrl", o.DataURL)
	e.text("musicVideoSingetName", o.Singer) // the SDK's spelling
	e.text("songLyric", o.Lyric)
	e.data(keyAlbumThumb, o.HDThumb)
	e.text("hdAlbumThumbFileHash", o.HDThumbHash)
	e.text("musicVideoAlbumName", o.Album)
	e.text("musicVideoMusicGenre", o.Genre)
	e.text("musicVideoIdentification", o.Identification)
	e.text("musicVideoOperationUrl", o.OperationURL)
	s.duration = strconv.FormatUint(uint64(uint32(o.Duration)), 10)
	s.issueDate = strconv.FormatUint(uint64(o.IssueDate), 10)
	if o.VIP != nil && orEmpty(o.VIP.MusicID) != "" {
		s.musicBits = 1
		e.text("musicMid", o.VIP.MusicID)
		return objectVIPMusic
	}
	e.erase = keyAlbumThumb
	return objectMusicVideo
}

// table puts a dictionary of strings; nil is omitted.
func (e *encoder) table(key string, m map[string]string) {
	if m == nil {
		return
	}
	d := make(Dict, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		d = append(d, Field{k, String(m[k])})
	}
	e.put(key, Dictionary(d))
}
