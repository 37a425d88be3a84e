package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"image"
	"image/jpeg"
	_ "image/png" // screenshots are PNG
	"io"
	"io/fs"
	"strings"

	"golang.org/x/image/draw"

	"github.com/wxctl/wxctl/intents/suite"
)

const (
	// maxPictures limits the pictures of a page, in bytes of base64.
	maxPictures = 20 << 20
	// pictureWidth, in pixels, is enough to read a phone's screen.
	pictureWidth = 540
	// maxPictureFile (bytes) and maxPixels limit what is read of one picture.
	maxPictureFile = 32 << 20
	maxPixels      = 40_000_000
)

// album holds the pictures of a page as data URLs, each once.
type album struct {
	urls []string
	room int
	seen map[[sha256.Size]byte]int
}

func newAlbum(room int) *album {
	return &album{urls: []string{}, room: room, seen: map[[sha256.Size]byte]int{}}
}

// add adds the picture of an artifact and returns its index, from 1. It returns
// 0 if it is not a picture, can't be read, or there is no room left: the page
// then links to the file.
func (a *album) add(files fs.FS, f suite.Artifact) int {
	if files == nil || !strings.HasPrefix(f.MIME, "image/") || !fs.ValidPath(f.Path) || a.room <= 0 {
		return 0
	}
	data, err := readSome(files, f.Path, maxPictureFile)
	if err != nil {
		return 0
	}
	sum := sha256.Sum256(data)
	if n, ok := a.seen[sum]; ok {
		return n
	}
	small, err := shrink(data)
	if err != nil {
		return 0
	}
	url := "data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(small)
	if len(url) > a.room {
		return 0
	}
	a.room -= len(url)
	a.urls = append(a.urls, url)
	a.seen[sum] = len(a.urls)
	return len(a.urls)
}

func readSome(files fs.FS, name string, limit int64) ([]byte, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, fs.ErrInvalid
	}
	return io.ReadAll(io.LimitReader(f, limit))
}

// shrink converts a picture to a JPEG that is at most pictureWidth wide.
func shrink(data []byte) ([]byte, error) {
	config, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if config.Width <= 0 || config.Height <= 0 || config.Width > maxPixels/config.Height {
		return nil, image.ErrFormat
	}
	whole, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	width, height := config.Width, config.Height
	if width > pictureWidth {
		width, height = pictureWidth, max(1, height*pictureWidth/width)
	}
	small := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.ApproxBiLinear.Scale(small, small.Bounds(), whole, whole.Bounds(), draw.Src, nil)
	var out bytes.Buffer
	err = jpeg.Encode(&out, small, &jpeg.Options{Quality: 80})
	return out.Bytes(), err
}
