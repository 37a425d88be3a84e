package screen

import (
	"image"
	"image/draw"
	"sync"

	scaling "golang.org/x/image/draw"

	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/picture"
)

// Photo is a picture that came with a request. It is decoded once, when it is
// first shown.
type Photo struct {
	load  func() []byte
	once  sync.Once
	image image.Image
}

// newPhoto returns the photo in the encoded picture that load returns.
func newPhoto(load func() []byte) *Photo { return &Photo{load: load} }

// PhotosOf are the pictures that a request contains, or names by paths; open
// reads a path and returns nil if it can't.
func PhotosOf(request intents.Request, open func(path string) []byte) []*Photo {
	share, ok := request.(intents.Share)
	if !ok {
		return nil
	}
	one := func(data []byte, path *string) []*Photo {
		if len(data) > 0 || path == nil {
			return []*Photo{newPhoto(func() []byte { return data })}
		}
		return []*Photo{newPhoto(func() []byte { return open(*path) })}
	}
	switch o := share.Message.Object.(type) {
	case intents.Image:
		return one(o.Data, o.Path)
	case intents.Emoji:
		return one(o.Data, o.Path)
	}
	return nil
}

// side is the size in pixels to which a photo is reduced: no page shows it
// larger.
const side = 1080

// Image is the picture, nil if it can't be read.
func (p *Photo) Image() image.Image {
	p.once.Do(func() {
		p.image = decode(p.load())
		p.load = nil
	})
	return p.image
}

// squared crops a picture to a square around its center.
func squared(img image.Image) image.Image {
	part, ok := img.(interface {
		SubImage(image.Rectangle) image.Image
	})
	if !ok {
		return img
	}
	r := img.Bounds()
	side := min(r.Dx(), r.Dy())
	at := r.Min.Add(image.Pt((r.Dx()-side)/2, (r.Dy()-side)/2))
	return part.SubImage(image.Rectangle{at, at.Add(image.Pt(side, side))})
}

// decode reads a picture and reduces it, nil if it can't be read.
func decode(data []byte) image.Image {
	if len(data) == 0 {
		return nil
	}
	read, err := picture.Read(data)
	if err != nil {
		return nil
	}
	size := read.Image.Bounds().Size()
	longer := max(size.X, size.Y)
	if longer <= side {
		return read.Image
	}
	small := image.NewRGBA(image.Rect(0, 0, max(1, size.X*side/longer), max(1, size.Y*side/longer)))
	scaling.ApproxBiLinear.Scale(small, small.Rect, read.Image, read.Image.Bounds(), draw.Src, nil)
	return small
}
