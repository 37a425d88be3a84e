package intents

// Message is what a [Share] carries (WXMediaMessage).
type Message struct {
	// Title has at most 512 characters.
	Title *string `json:"title"`
	// Description has at most 1024 characters.
	Description *string `json:"description"`
	// Thumb is an encoded picture of at most 65536 bytes, 131072 for a mini
	// program on Android; see [Fit]. Older documents say 32768.
	Thumb []byte `json:"thumb"`
	// MediaTag has at most 64 characters (mediaTagName).
	MediaTag *string `json:"mediaTag"`
	// Action has at most 2048 characters (messageAction).
	Action *string `json:"action"`
	// Ext has at most 2048 characters (messageExt).
	Ext *string `json:"ext"`
	// Signature and ThumbHash belong to signed messages: SDK 6.8.18 and later
	// on Android, 2.x on iOS.
	Signature *string `json:"signature,omitzero"`
	ThumbHash *string `json:"thumbHash,omitzero"`
	// Object is the content; required.
	Object Object `json:"object"`
}

// The kinds of shared objects.
const (
	KindText        Kind = "text"
	KindImage       Kind = "image"
	KindImages      Kind = "images"
	KindMusic       Kind = "music"
	KindVideo       Kind = "video"
	KindWebpage     Kind = "webpage"
	KindMiniProgram Kind = "miniprogram"
	KindFile        Kind = "file"
	KindEmoji       Kind = "emoji"
	KindMusicVideo  Kind = "musicvideo"
	KindVideoFile   Kind = "videofile"
)

// Object is the content of a message: one of the object types of this
// package, held by value.
type Object interface {
	// ObjectKind names the type.
	ObjectKind() Kind
}

// Text is a plain text (WXTextObject, media type 1).
type Text struct {
	// Text has 1 to 10240 characters.
	Text *string `json:"text"`
}

// ObjectKind returns KindText.
func (Text) ObjectKind() Kind { return KindText }

// Image is a picture (WXImageObject, media type 2): Data, or Path on Android.
type Image struct {
	// Data is the encoded picture, at most 26214400 bytes. It travels inside
	// the request, which Android bounds to about 1 MB in all.
	Data []byte `json:"data"`
	// Path is the picture's absolute path on the phone, or the text of a
	// content URI (WeChat 7.0.13 and later); at most 10240 characters.
	// Android only.
	Path *string `json:"path"`
	// Size is the length in bytes of the file at Path; 0 if it is not known.
	Size int64 `json:"size,omitzero"`
	// DataHash belongs to signed messages: SDK 6.8.18 and later on Android, 2.x
	// on iOS. EntranceUserName and EntrancePath name a mini program behind the
	// picture: SDK 6.8.34 on Android.
	DataHash         *string `json:"dataHash,omitzero"`
	EntranceUserName *string `json:"entranceUserName,omitzero"`
	EntrancePath     *string `json:"entrancePath,omitzero"`
}

// ObjectKind returns KindImage.
func (Image) ObjectKind() Kind { return KindImage }

// Images are several pictures at once. The SDK has no such object: they go
// through Android's own share route (ACTION_SEND_MULTIPLE), which gives no
// reply.
type Images struct {
	// URIs are the pictures' content URIs.
	URIs []string `json:"uris"`
}

// ObjectKind returns KindImages.
func (Images) ObjectKind() Kind { return KindImages }

// Music is a piece of music on the web (WXMusicObject, media type 3). One of
// URL and LowBandURL is required; both have at most 10240 characters.
type Music struct {
	URL            *string `json:"url"`
	LowBandURL     *string `json:"lowBandUrl"`
	DataURL        *string `json:"dataUrl"`
	LowBandDataURL *string `json:"lowBandDataUrl"`
	// AlbumURL has at most 10240 characters (songAlbumUrl).
	AlbumURL *string `json:"albumUrl"`
	// Lyric has at most 32768 characters (songLyric).
	Lyric *string `json:"lyric"`
}

// ObjectKind returns KindMusic.
func (Music) ObjectKind() Kind { return KindMusic }

// Video is a film on the web (WXVideoObject, media type 4). One of URL and
// LowBandURL is required; both have at most 10240 characters.
type Video struct {
	URL        *string `json:"url"`
	LowBandURL *string `json:"lowBandUrl"`
}

// ObjectKind returns KindVideo.
func (Video) ObjectKind() Kind { return KindVideo }

// Webpage is a link (WXWebpageObject, media type 5).
type Webpage struct {
	// URL has 1 to 10240 characters.
	URL *string `json:"url"`
	// ExtInfo and CanvasPageXML are passed on as they are; Android only.
	ExtInfo       *string `json:"extInfo"`
	CanvasPageXML *string `json:"canvasPageXml,omitzero"`
	// Secret marks a confidential message; SDK 6.x on Android.
	Secret bool `json:"secret,omitzero"`
	// ExtraInfo is sent only if it is not nil; SDK 6.x on Android.
	ExtraInfo map[string]string `json:"extraInfo,omitzero"`
}

// ObjectKind returns KindWebpage.
func (Webpage) ObjectKind() Kind { return KindWebpage }

// MiniProgram is the card of a mini program (WXMiniProgramObject, media type
// 36). On Android the message needs a Thumb.
type MiniProgram struct {
	// WebpageURL is shown by WeChat below 6.5.6 instead; required.
	WebpageURL *string `json:"webpageUrl"`
	// UserName is the mini program's original id, gh_…; required on Android.
	UserName *string `json:"userName"`
	// Path is the page to open, without the .html that Android's SDK adds.
	Path *string `json:"path"`
	// Type is the version to open.
	Type MiniProgramType `json:"type"`
	// WithShareTicket asks for a share ticket.
	WithShareTicket bool `json:"withShareTicket"`
	// DisableForward is 1 to forbid forwarding, 0 to allow it.
	DisableForward int32 `json:"disableForward"`
	// HDImage is the card's large picture, at most 131072 bytes. iOS only:
	// Android's SDK has none and shows the Thumb.
	HDImage []byte `json:"hdImage,omitzero"`
	// Updatable and Secret are the SDK's switches of the message; SDK 6.x on
	// Android, 2.x on iOS.
	Updatable bool `json:"updatable,omitzero"`
	Secret    bool `json:"secret,omitzero"`
	// ExtraInfo is sent only if it is not nil; SDK 6.x on Android, 2.x on iOS.
	ExtraInfo map[string]string `json:"extraInfo,omitzero"`
}

// ObjectKind returns KindMiniProgram.
func (MiniProgram) ObjectKind() Kind { return KindMiniProgram }

// File is a file (WXFileObject, media type 6): Data, or Path on Android.
type File struct {
	// Data is the file's content; it travels inside the request.
	Data []byte `json:"data"`
	// Path is the file's absolute path on the phone, or the text of a content
	// URI (WeChat 7.0.13 and later); at most 10240 characters. Android only.
	Path *string `json:"path"`
	// Size is the length in bytes of the file at Path; 0 if it is not known.
	Size int64 `json:"size,omitzero"`
	// Ext is the file's extension without the dot, at most 64 characters. iOS
	// only.
	Ext *string `json:"ext,omitzero"`
}

// ObjectKind returns KindFile.
func (File) ObjectKind() Kind { return KindFile }

// Emoji is a sticker (WXEmojiObject, media type 8): Data, or Path on Android,
// at most 10485760 bytes there. On Android the message needs a Thumb.
type Emoji struct {
	Data []byte `json:"data"`
	// Path is the sticker's absolute path on the phone, or the text of a
	// content URI. Android only.
	Path *string `json:"path"`
	// Size is the length in bytes of the file at Path; 0 if it is not known.
	Size int64 `json:"size,omitzero"`
}

// ObjectKind returns KindEmoji.
func (Emoji) ObjectKind() Kind { return KindEmoji }

// MusicVideo is a piece of music with its cover (WXMusicVideoObject, media
// type 76; SDK 6.x on Android, 1.9 on iOS). The message needs a Title.
type MusicVideo struct {
	// URL and DataURL have 1 to 10240 characters, Singer 1 to 1024.
	URL     *string `json:"url"`
	DataURL *string `json:"dataUrl"`
	Singer  *string `json:"singer"`
	// Lyric has at most 32768 characters.
	Lyric *string `json:"lyric"`
	// HDThumbPath is the cover's path on the phone: at most 1024 characters,
	// and a file of at most 10485760 bytes. Android only.
	HDThumbPath *string `json:"hdThumbPath"`
	// HDThumbSize is the length in bytes of the file at HDThumbPath; 0 if it
	// isn't known.
	HDThumbSize int64 `json:"hdThumbSize,omitzero"`
	// HDThumb is the cover itself. iOS only.
	HDThumb []byte `json:"hdThumb,omitzero"`
	// HDThumbHash belongs to signed messages.
	HDThumbHash *string `json:"hdThumbHash,omitzero"`
	// Album, Genre and Identification have at most 1024 characters.
	Album          *string `json:"album"`
	Genre          *string `json:"genre"`
	Identification *string `json:"identification"`
	// IssueDate is a Unix time in seconds.
	IssueDate int64 `json:"issueDate"`
	// Duration is in milliseconds.
	Duration int32 `json:"duration"`
	// OperationURL has at most 10240 characters.
	OperationURL *string `json:"operationUrl"`
	// VIP is the SDK's WXMusicVipInfo; SDK 6.8.18 and later on Android.
	VIP *MusicVIP `json:"vip,omitzero"`
}

// MusicVIP is the SDK's WXMusicVipInfo.
type MusicVIP struct {
	MusicID *string `json:"musicId"`
}

// ObjectKind returns KindMusicVideo.
func (MusicVideo) ObjectKind() Kind { return KindMusicVideo }

// VideoFile is a film on the phone (WXVideoFileObject, media type 38).
type VideoFile struct {
	// Path is the film's absolute path on the phone, or the text of a content
	// URI. Android only.
	Path *string `json:"path"`
	// Size is the length in bytes of the file at Path; 0 if it is not known.
	Size int64 `json:"size,omitzero"`
	// ShareScene is 0 for a common share, 1 for one that began in WeChat.
	ShareScene int32 `json:"shareScene"`
	// ShareTicket belongs to ShareScene 1.
	ShareTicket *string `json:"shareTicket"`
	// Data is the film itself. iOS only.
	Data []byte `json:"data,omitzero"`
}

// ObjectKind returns KindVideoFile.
func (VideoFile) ObjectKind() Kind { return KindVideoFile }
