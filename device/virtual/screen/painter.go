package screen

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"runtime"
	"sync"

	scaling "golang.org/x/image/draw"
	"golang.org/x/image/vector"
)

// painter draws in units; the picture is in pixels.
type painter struct {
	glass  Glass
	pix    *image.RGBA
	raster vector.Rasterizer // used again for each shape
	styles map[style]faces   // by style in pixels
	// photos are where pictures from outside are, in pixels.
	photos []image.Rectangle
	// Buffers of PNG, used again for each picture.
	frame   *image.Paletted
	encoder png.EncoderBuffer
	file    bytes.Buffer
}

// painters are unused painters. drawing limits how many draw at the same time:
// one takes some fifteen megabytes, and a lab of a hundred phones may be asked
// for all of its pictures at once.
var (
	painters sync.Pool
	drawing  = make(chan struct{}, min(4, runtime.GOMAXPROCS(0)))
)

// newPainter returns a painter whose screen has arbitrary content: a page
// begins with its background. It waits while too many draw.
func newPainter(g Glass) *painter {
	drawing <- struct{}{}
	p, ok := painters.Get().(*painter)
	if !ok {
		p = &painter{styles: map[style]faces{}, pix: &image.RGBA{}}
	}
	p.glass, p.photos = g, p.photos[:0]
	p.pix.Pix = sized(p.pix.Pix, 4*g.Width*g.Height)
	p.pix.Stride, p.pix.Rect = 4*g.Width, image.Rect(0, 0, g.Width, g.Height)
	return p
}

// done returns the painter to the pool. It must not be used after that.
func (p *painter) done() {
	painters.Put(p)
	<-drawing
}

// sized returns a slice of n bytes, with the memory of b where that is enough.
func sized(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}

// all is the whole screen in units.
func (p *painter) all() image.Rectangle {
	return image.Rect(0, 0, p.glass.Width/p.glass.Scale, p.glass.Height/p.glass.Scale)
}

func (p *painter) pixels(r image.Rectangle) image.Rectangle {
	s := p.glass.Scale
	return image.Rect(r.Min.X*s, r.Min.Y*s, r.Max.X*s, r.Max.Y*s)
}

func (p *painter) fill(r image.Rectangle, c color.RGBA) { p.flood(p.pixels(r), c) }

// flood fills an area in pixels.
func (p *painter) flood(area image.Rectangle, c color.RGBA) {
	area = area.Intersect(p.pix.Rect)
	if area.Empty() {
		return
	}
	// The first row is drawn and the others are copied: a screen has millions
	// of pixels.
	first := p.pix.Pix[p.pix.PixOffset(area.Min.X, area.Min.Y):][:4*area.Dx()]
	for i := 0; i < len(first); i += 4 {
		first[i], first[i+1], first[i+2], first[i+3] = c.R, c.G, c.B, c.A
	}
	for y := area.Min.Y + 1; y < area.Max.Y; y++ {
		copy(p.pix.Pix[p.pix.PixOffset(area.Min.X, y):], first)
	}
}

// rounded fills a rectangle with round corners of radius units. Only the rows
// of the corners are rasterized.
func (p *painter) rounded(r image.Rectangle, radius int, c color.RGBA) {
	area := p.pixels(r)
	e := min(radius*p.glass.Scale, area.Dx()/2, area.Dy()/2)
	top, bottom := area, area
	top.Max.Y, bottom.Min.Y = area.Min.Y+e, area.Max.Y-e
	p.flood(image.Rect(area.Min.X, top.Max.Y, area.Max.X, bottom.Min.Y), c)
	p.corners(top, 0, float32(e), c)
	p.corners(bottom, float32(e), 0, c)
}

// corners fills a strip whose two corners at the height tip are round. Those at
// the height foot are not.
func (p *painter) corners(strip image.Rectangle, tip, foot float32, c color.RGBA) {
	if !strip.Overlaps(p.pix.Rect) {
		return
	}
	w, e := float32(strip.Dx()), float32(strip.Dy())
	k := e * 0.4477 // how far the handles of a quarter circle are from its corner
	handle := tip + (foot-tip)*0.4477
	v := &p.raster
	v.Reset(strip.Dx(), strip.Dy())
	v.MoveTo(0, foot)
	v.CubeTo(0, handle, k, tip, e, tip)
	v.LineTo(w-e, tip)
	v.CubeTo(w-k, tip, w, handle, w, foot)
	v.ClosePath()
	if strip.In(p.pix.Rect) {
		v.Draw(p.pix, strip, image.NewUniform(c), image.Point{})
		return
	}
	mask := image.NewAlpha(v.Bounds()) // the rasterizer does not clip
	v.Draw(mask, mask.Rect, image.Opaque, image.Point{})
	p.mask(strip, c, mask, image.Point{})
}

// circle fills the largest circle in r.
func (p *painter) circle(r image.Rectangle, c color.RGBA) { p.rounded(r, min(r.Dx(), r.Dy())/2, c) }

// box is the frame for a picture that can't be drawn, in pixels.
func (p *painter) box(r image.Rectangle, c color.RGBA) {
	inner := r.Inset(max(1, p.glass.Scale/2) + p.glass.Scale/2)
	edge := max(1, p.glass.Scale/2)
	for _, side := range []image.Rectangle{
		{inner.Min, image.Pt(inner.Max.X, inner.Min.Y+edge)}, {image.Pt(inner.Min.X, inner.Max.Y-edge), inner.Max},
		{inner.Min, image.Pt(inner.Min.X+edge, inner.Max.Y)}, {image.Pt(inner.Max.X-edge, inner.Min.Y), inner.Max},
	} {
		draw.Draw(p.pix, side, image.NewUniform(c), image.Point{}, draw.Src)
	}
}

func (p *painter) mask(r image.Rectangle, c color.RGBA, mask image.Image, at image.Point) {
	draw.DrawMask(p.pix, r, image.NewUniform(c), image.Point{}, mask, at, draw.Over)
}

// photo scales a picture to fit into r, centred, and keeps its proportions. One
// that can't be read is a frame.
func (p *painter) photo(r image.Rectangle, picture image.Image) {
	if picture == nil {
		p.box(p.pixels(r), faint)
		return
	}
	area, size := p.pixels(r), picture.Bounds().Size()
	if size.X <= 0 || size.Y <= 0 {
		return
	}
	w, h := area.Dx(), area.Dx()*size.Y/size.X
	if h > area.Dy() {
		w, h = area.Dy()*size.X/size.Y, area.Dy()
	}
	w, h = max(w, 1), max(h, 1)
	at := image.Rect(0, 0, w, h).Add(area.Min).Add(image.Pt((area.Dx()-w)/2, (area.Dy()-h)/2))
	scaling.ApproxBiLinear.Scale(p.pix, at, picture, picture.Bounds(), draw.Over, nil)
	p.photos = append(p.photos, at)
}

// button is a word in a coloured field.
func (p *painter) button(r image.Rectangle, word string, c, letters color.RGBA) {
	p.rounded(r, 6, c)
	p.centred(image.Rect(r.Min.X, r.Min.Y+(r.Dy()-22)/2, r.Max.X, r.Max.Y), word, style{16, true, letters}, 1)
}
