package picture

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"sync"
)

// Format is a file format, recognized by a file's first bytes.
type Format struct {
	Name string // as used in messages: "JPEG"
	MIME string
	Ext  string // the usual file name extension, without the dot
	// Picture is set for picture formats, whether or not they can be read here.
	Picture bool
}

// Collection is Android's MediaStore collection that files of a type belong to,
// as content URIs name it.
func Collection(mime string) string {
	switch kind, _, _ := strings.Cut(mime, "/"); {
	case mime == SVG.MIME: // MediaStore classifies it as a document
	case kind == "image":
		return "images/media"
	case kind == "video" || kind == "audio":
		return kind + "/media"
	}
	return "file"
}

// The formats of pictures.
var (
	JPEG = Format{"JPEG", "image/jpeg", "jpg", true}
	PNG  = Format{"PNG", "image/png", "png", true}
	GIF  = Format{"GIF", "image/gif", "gif", true}
	WebP = Format{"WebP", "image/webp", "webp", true}
	BMP  = Format{"BMP", "image/bmp", "bmp", true}
	TIFF = Format{"TIFF", "image/tiff", "tif", true}
	HEIC = Format{"HEIC", "image/heic", "heic", true}
	AVIF = Format{"AVIF", "image/avif", "avif", true}
	JXL  = Format{"JPEG XL", "image/jxl", "jxl", true}
	JP2  = Format{"JPEG 2000", "image/jp2", "jp2", true}
	ICO  = Format{"ICO", "image/x-icon", "ico", true}
	PSD  = Format{"PSD", "image/vnd.adobe.photoshop", "psd", true}
	SVG  = Format{"SVG", "image/svg+xml", "svg", true}
)

// formats are recognized by a magic number. Text comes last: it can contain any
// word.
var formats = sync.OnceValue(func() []signature {
	return []signature{
		{JPEG, magic(0, "\xff\xd8\xff")},
		{PNG, magic(0, "\x89PNG\r\n\x1a\n")},
		{GIF, anyMagic("GIF87a", "GIF89a")},
		{WebP, func(b []byte) bool { return magic(0, "RIFF")(b) && magic(8, "WEBP")(b) }},
		{BMP, isBMP},
		{TIFF, anyMagic("II*\x00", "MM\x00*", "II+\x00", "MM\x00+")},
		{AVIF, hasBrand("avif", "avis")},
		{HEIC, hasBrand("heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs", "mif1", "msf1")},
		{JXL, anyMagic("\xff\x0a", "\x00\x00\x00\x0cJXL \r\n\x87\n")},
		{JP2, anyMagic("\x00\x00\x00\x0cjP  \r\n\x87\n", "\xff\x4f\xff\x51")},
		{PSD, magic(0, "8BPS")},
		{ICO, magic(0, "\x00\x00\x01\x00")},
		{Format{"PDF", "application/pdf", "pdf", false}, magic(0, "%PDF-")},
		{Format{"QuickTime", "video/quicktime", "mov", false}, hasBrand("qt  ")},
		{Format{"M4A", "audio/mp4", "m4a", false}, hasBrand("M4A ", "M4B ")},
		{Format{"3GP", "video/3gpp", "3gp", false}, hasBrand("3gp4", "3gp5", "3gp6")},
		{Format{"MP4", "video/mp4", "mp4", false}, func(b []byte) bool { return magic(4, "ftyp")(b) }},
		{Format{"WebM", "video/webm", "webm", false}, func(b []byte) bool {
			return magic(0, "\x1a\x45\xdf\xa3")(b) && bytes.Contains(b[:min(len(b), 64)], []byte("webm"))
		}},
		{Format{"Matroska", "video/x-matroska", "mkv", false}, magic(0, "\x1a\x45\xdf\xa3")},
		{Format{"MP3", "audio/mpeg", "mp3", false}, anyMagic("ID3", "\xff\xfb", "\xff\xf3", "\xff\xf2")},
		{Format{"AMR", "audio/amr", "amr", false}, magic(0, "#!AMR")},
		{Format{"WAV", "audio/x-wav", "wav", false}, func(b []byte) bool { return magic(0, "RIFF")(b) && magic(8, "WAVE")(b) }},
		{Format{"ZIP", "application/zip", "zip", false}, anyMagic("PK\x03\x04", "PK\x05\x06")},
		{Format{"RAR", "application/vnd.rar", "rar", false}, magic(0, "Rar!\x1a\x07")},
		{Format{"7-Zip", "application/x-7z-compressed", "7z", false}, magic(0, "7z\xbc\xaf\x27\x1c")},
		{Format{"gzip", "application/gzip", "gz", false}, magic(0, "\x1f\x8b")},
		{SVG, isMarkup("<svg")},
		{HTML, isMarkup("<!doctype html", "<html", "<head", "<body")},
	}
})

// signature is a format and what recognizes it.
type signature struct {
	Format
	is func([]byte) bool
}

// HTML is what a server sends when it has no picture.
var HTML = Format{"HTML", "text/html", "html", false}

// Sniff returns the format of a file from its first bytes, of which 1000 are
// enough. Text before a picture, such as the output of a script on a web
// server, is skipped. ok is false if the format isn't known.
func Sniff(b []byte) (f Format, ok bool) {
	for _, known := range formats() {
		if known.is(b) {
			return known.Format, true
		}
	}
	if _, f := begin(b); f != (Format{}) {
		return f, true
	}
	return Format{}, false
}

// Junk is how many bytes of text precede a picture: not every reader skips
// them.
func Junk(b []byte) int {
	if _, known := Sniff(b); !known {
		return 0
	}
	at, _ := begin(b)
	return at
}

// maxJunk is how many bytes of text may precede a picture.
const maxJunk = 512

// begin finds a picture after a little text, which phones and browsers that
// search for a marker skip, too.
func begin(b []byte) (int, Format) {
	for at := 1; at < min(len(b), maxJunk); at++ {
		if c := b[at-1]; c != '\t' && c != '\n' && c != '\r' && (c < ' ' || c == 0x7f || c >= 0x80) && c != 0xef && c != 0xbb && c != 0xbf {
			break
		}
		for _, known := range formats()[:4] {
			if known.is(b[at:]) {
				return at, known.Format
			}
		}
	}
	return 0, Format{}
}

func magic(at int, text string) func([]byte) bool {
	return func(b []byte) bool { return len(b) >= at && bytes.HasPrefix(b[at:], []byte(text)) }
}

func anyMagic(texts ...string) func([]byte) bool {
	return func(b []byte) bool {
		return slices.ContainsFunc(texts, func(text string) bool { return magic(0, text)(b) })
	}
}

// isBMP also checks the size of the header, since two letters alone are too
// weak a magic number.
func isBMP(b []byte) bool {
	return magic(0, "BM")(b) && len(b) >= 18 && slices.Contains([]uint32{12, 16, 40, 52, 56, 64, 108, 124}, binary.LittleEndian.Uint32(b[14:]))
}

// hasBrand searches the major and the compatible brands of an ISO base media
// file (ISO/IEC 14496-12, 4.3); a HEIC or AVIF file may have mif1 as its major
// brand.
func hasBrand(brands ...string) func([]byte) bool {
	return func(b []byte) bool {
		if len(b) < 12 || string(b[4:8]) != "ftyp" {
			return false
		}
		if slices.Contains(brands, string(b[8:12])) {
			return true
		}
		end := min(uint32(len(b)), binary.BigEndian.Uint32(b), 256)
		if major := string(b[8:12]); major != "mif1" && major != "msf1" && major != "miaf" {
			return false
		}
		for at := uint32(16); at+4 <= end; at += 4 {
			if slices.Contains(brands, string(b[at:at+4])) {
				return true
			}
		}
		return false
	}
}

// isMarkup searches for a tag after white space, comments and declarations.
func isMarkup(tags ...string) func([]byte) bool {
	return func(b []byte) bool {
		text := strings.ToLower(strings.TrimLeft(string(b[:min(len(b), 1000)]), "\xef\xbb\xbf \t\r\n"))
		if !strings.HasPrefix(text, "<") {
			return false
		}
		return slices.ContainsFunc(tags, func(tag string) bool {
			return strings.HasPrefix(text, tag) ||
				(strings.HasPrefix(text, "<?") || strings.HasPrefix(text, "<!")) && strings.Contains(text, tag)
		})
	}
}

// byExt lists formats that can't be recognized by their bytes, or not precisely
// enough (an office document is a ZIP). The host's own table is not used.
var byExt = map[string]string{
	"txt": "text/plain", "log": "text/plain", "md": "text/markdown", "csv": "text/csv", "json": "application/json", "xml": "text/xml",
	"doc": "application/msword", "xls": "application/vnd.ms-excel", "ppt": "application/vnd.ms-powerpoint",
	"docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	"pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	"apk":  "application/vnd.android.package-archive", "epub": "application/epub+zip", "mp3": "audio/mpeg", "aac": "audio/aac",
	"rtf": "application/rtf", "html": "text/html", "htm": "text/html", "css": "text/css", "js": "text/javascript",
}

// MIMEOf is the MIME type of a file: by its bytes, else by its name's
// extension, else application/octet-stream.
func MIMEOf(name string, b []byte) string {
	ext := strings.ToLower(strings.TrimPrefix(name[max(strings.LastIndexByte(name, '.'), 0):], "."))
	f, ok := Sniff(b)
	if t := byExt[ext]; t != "" && (!ok || !f.Picture && f.MIME != "application/pdf") {
		return t
	}
	if ok {
		return f.MIME
	}
	for _, known := range formats() {
		if known.Ext == ext || known.Ext == "jpg" && ext == "jpeg" {
			return known.MIME
		}
	}
	return "application/octet-stream"
}
