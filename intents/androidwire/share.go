package androidwire

import (
	"fmt"
	"strings"

	"github.com/wxctl/wxctl/intents"
)

// Media types (IMediaObject.TYPE_…).
const (
	mediaText        = 1
	mediaImage       = 2
	mediaMusic       = 3
	mediaVideo       = 4
	mediaWebpage     = 5
	mediaFile        = 6
	mediaEmoji       = 8
	mediaMiniProgram = 36
	mediaVideoFile   = 38
	mediaMusicVideo  = 76
)

// classPrefix begins every media object's identifier: the package that its
// class had in OpenSDK 1, which later versions still write.
const classPrefix = "com.tencent.mm.sdk.openapi."

const (
	keyScene      = "_wxapi_sendmessagetowx_req_scene"
	keyMediaType  = "_wxapi_sendmessagetowx_req_media_type"
	keyUseOpenID  = "_wxapi_sendmessagetowx_req_use_open_id"
	keyIdentifier = "_wxobject_identifier_"

	keyMiniProgramUserName = "_wxminiprogram_username"
	keyMiniProgramPath     = "_wxminiprogram_path"
)

// share describes the keys of SendMessageToWX.Req and WXMediaMessage.
func (c *coder) share(s *intents.Share) error {
	m := &s.Message
	if c.reading {
		if err := c.readObject(m); err != nil {
			return err
		}
	} else if err := c.writeObject(m.Object); err != nil {
		return err
	}
	c.integer(keyScene, (*int32)(&s.Scene))
	c.text(keyUseOpenID, &s.To)
	c.text("_wxobject_title", &m.Title)
	c.text("_wxobject_description", &m.Description)
	c.bytes("_wxobject_thumbdata", &m.Thumb)
	c.text("_wxobject_mediatagname", &m.MediaTag)
	c.text("_wxobject_message_action", &m.Action)
	c.text("_wxobject_message_ext", &m.Ext)
	if c.since(SDK6818) {
		c.text("_wxobject_msgsignature", &m.Signature)
		c.text("_wxobject_thumbdatadash", &m.ThumbHash)
	}
	if !c.reading {
		// WXMediaMessage.sdkVer: nothing in the SDK ever sets it.
		c.put("_wxobject_sdkVer", Int(0))
	}
	return nil
}

// writeObject writes an object's keys, its media type and its identifier.
func (c *coder) writeObject(object intents.Object) error {
	media, class := int32(0), ""
	switch o := object.(type) {
	case intents.Text:
		media, class = mediaText, "WXTextObject"
		c.textObject(&o)
	case intents.Image:
		media, class = mediaImage, "WXImageObject"
		c.image(&o)
	case intents.Music:
		media, class = mediaMusic, "WXMusicObject"
		c.music(&o)
	case intents.Video:
		media, class = mediaVideo, "WXVideoObject"
		c.video(&o)
	case intents.Webpage:
		media, class = mediaWebpage, "WXWebpageObject"
		c.webpage(&o)
	case intents.File:
		media, class = mediaFile, "WXFileObject"
		c.file(&o)
	case intents.Emoji:
		media, class = mediaEmoji, "WXEmojiObject"
		c.emoji(&o)
	case intents.MiniProgram:
		media, class = mediaMiniProgram, "WXMiniProgramObject"
		c.miniProgram(&o)
	case intents.VideoFile:
		media, class = mediaVideoFile, "WXVideoFileObject"
		c.videoFile(&o)
	case intents.MusicVideo:
		if c.version < SDK680 {
			return fmt.Errorf("%s has no music video", c.version.source())
		}
		media, class = mediaMusicVideo, "WXMusicVideoObject"
		c.musicVideo(&o)
	case nil:
		return fmt.Errorf("the message has no object")
	default:
		return fmt.Errorf("the OpenSDK for Android can't share %s", o.ObjectKind())
	}
	c.put(keyMediaType, Int(media))
	c.put(keyIdentifier, String(classPrefix+class))
	return nil
}

// readObject reads the object that the identifier names. Like the SDK, WeChat
// decides by the text after the identifier's last dot and not by the media
// type.
func (c *coder) readObject(m *intents.Message) error {
	id := c.extras.Get(keyIdentifier).Text()
	if id == nil || *id == "" {
		return nil
	}
	switch class := (*id)[strings.LastIndexByte(*id, '.')+1:]; class {
	case "WXTextObject":
		m.Object = read(c.textObject)
	case "WXImageObject":
		m.Object = read(c.image)
	case "WXMusicObject":
		m.Object = read(c.music)
	case "WXVideoObject":
		m.Object = read(c.video)
	case "WXWebpageObject":
		m.Object = read(c.webpage)
	case "WXFileObject":
		m.Object = read(c.file)
	case "WXEmojiObject":
		m.Object = read(c.emoji)
	case "WXMiniProgramObject":
		m.Object = read(c.miniProgram)
	case "WXVideoFileObject":
		m.Object = read(c.videoFile)
	case "WXMusicVideoObject":
		m.Object = read(c.musicVideo)
	default:
		return fmt.Errorf("%w: a share of %q", ErrUnknownRequest, class)
	}
	return nil
}

func read[T any](describe func(*T)) T {
	var v T
	describe(&v)
	return v
}

func (c *coder) textObject(o *intents.Text) { c.text("_wxtextobject_text", &o.Text) }

func (c *coder) image(o *intents.Image) {
	c.bytes("_wximageobject_imageData", &o.Data)
	c.text("_wximageobject_imagePath", &o.Path)
	if c.since(SDK6818) {
		c.text("_wximageobject_imgDataHash", &o.DataHash)
	}
	if c.since(SDK6834) {
		c.text("_wximageobject_entranceMiniProgramUsername", &o.EntranceUserName)
		c.text("_wximageobject_entranceMiniProgramPath", &o.EntrancePath)
	}
}

func (c *coder) music(o *intents.Music) {
	c.text("_wxmusicobject_musicUrl", &o.URL)
	c.text("_wxmusicobject_musicLowBandUrl", &o.LowBandURL)
	c.text("_wxmusicobject_musicDataUrl", &o.DataURL)
	c.text("_wxmusicobject_musicLowBandDataUrl", &o.LowBandDataURL)
	c.text("_wxmusicobject_musicAlbumUrl", &o.AlbumURL)
	c.text("_wxmusicobject_musicLyric", &o.Lyric)
}

func (c *coder) video(o *intents.Video) {
	c.text("_wxvideoobject_videoUrl", &o.URL)
	c.text("_wxvideoobject_videoLowBandUrl", &o.LowBandURL)
}

func (c *coder) webpage(o *intents.Webpage) {
	c.text("_wxwebpageobject_webpageUrl", &o.URL)
	c.text("_wxwebpageobject_extInfo", &o.ExtInfo)
	c.text("_wxwebpageobject_canvaspagexml", &o.CanvasPageXML)
	if c.since(SDK680) {
		c.boolean("_wxwebpageobject_issecretmsg", &o.Secret)
		c.table("_wxwebpageobject_extrainfo", &o.ExtraInfo)
	}
}

func (c *coder) file(o *intents.File) {
	c.bytes("_wxfileobject_fileData", &o.Data)
	c.text("_wxfileobject_filePath", &o.Path)
}

func (c *coder) emoji(o *intents.Emoji) {
	c.bytes("_wxemojiobject_emojiData", &o.Data)
	c.text("_wxemojiobject_emojiPath", &o.Path)
}

func (c *coder) miniProgram(o *intents.MiniProgram) {
	c.text("_wxminiprogram_webpageurl", &o.WebpageURL)
	c.text(keyMiniProgramUserName, &o.UserName)
	c.text(keyMiniProgramPath, &o.Path)
	c.boolean("_wxminiprogram_withsharetiket", &o.WithShareTicket)
	c.integer("_wxminiprogram_type", (*int32)(&o.Type))
	c.integer("_wxminiprogram_disableforward", &o.DisableForward)
	if c.since(SDK680) {
		c.boolean("_wxminiprogram_isupdatablemsg", &o.Updatable)
		c.boolean("_wxminiprogram_issecretmsg", &o.Secret)
		c.table("_wxminiprogram_extrainfo", &o.ExtraInfo)
	}
}

func (c *coder) videoFile(o *intents.VideoFile) {
	c.text("_wxvideofileobject_filePath", &o.Path)
	c.integer("_wxvideofileobject_shareScene", &o.ShareScene)
	c.text("_wxvideofileobject_shareTicketh", &o.ShareTicket)
}

func (c *coder) musicVideo(o *intents.MusicVideo) {
	const prefix = "_wxmusicvideoobject_"
	c.text(prefix+"musicUrl", &o.URL)
	c.text(prefix+"musicDataUrl", &o.DataURL)
	c.text(prefix+"singerName", &o.Singer)
	c.text(prefix+"songLyric", &o.Lyric)
	c.text(prefix+"hdAlbumThumbFilePath", &o.HDThumbPath)
	c.text(prefix+"albumName", &o.Album)
	c.text(prefix+"musicGenre", &o.Genre)
	c.long(prefix+"issueDate", &o.IssueDate)
	c.text(prefix+"identification", &o.Identification)
	c.integer(prefix+"duration", &o.Duration)
	c.text(prefix+"musicOperationUrl", &o.OperationURL)
	if !c.since(SDK6818) {
		return
	}
	c.text(prefix+"hdAlbumThumbFileHash", &o.HDThumbHash)
	const vip, id = prefix + "musicVipInfo", "wx_music_vip_id"
	const class = "com.tencent.mm.opensdk.modelmsg.WXMusicVipInfo"
	switch {
	case c.reading && text(c.extras.Get(vip).Text()) == class:
		o.VIP = &intents.MusicVIP{MusicID: c.extras.Get(id).Text()}
		if o.VIP.MusicID == nil {
			o.VIP.MusicID = new("") // the SDK reads it with that default
		}
	case !c.reading && o.VIP != nil:
		c.put(vip, String(class))
		c.text(id, &o.VIP.MusicID)
	}
}
