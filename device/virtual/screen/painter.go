package screen

import (
	"image"
	"image/color"
	"image/draw"
	"sync"

	scaling "golang.org/x/image/draw"
	"golang.org/x/image/vector"
)

// painter draws in units; the picture is in pixels.
type painter struct {
	glass  Glass
	pix    *image.RGBA
	raster vector.Rasterizer // used again for each shape
	styles map[style]faces
	// photos are where pictures from outside are, in pixels.
	photos []image.Rectangle
}

// painters are unused painters: a screen takes ten megabytes, and films and
// labs draw many.
var painters sync.Pool

// newPainter returns a painter whose screen has arbitrary content: a page
// begins with its background.
func newPainter(g Glass) *painter {
	if used, ok := painters.Get().(*painter); ok && used.glass == g {
		used.photos = used.photos[:0]
		return used
	}
	return &painter{glass: g, styles: map[style]faces{}, pix: image.NewRGBA(image.Rect(0, 0, g.Width, g.Height))}
}

// all is the whole screen in units.
func (p *painter) all() image.Rectangle {
	return image.Rect(0, 0, p.glass.Width/p.glass.Scale, p.glass.Height/p.glass.Scale)
}

func (p *painter) pixels(r image.Rectangle) image.Rectangle {
	s := p.glass.Scale
	return image.Rect(r.Min.X*s, r.Min.Y*s, r.Max.X*s, r.Max.Y*s)
}

func (p *painter) fill(r image.Rectangle, c color.RGBA) {
	area := p.pixels(r).Intersect(p.pix.Rect)
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

// rounded fills a rectangle with round corners of radius units.
func (p *painter) rounded(r image.Rectangle, radius int, c color.RGBA) {
	area := p.pixels(r)
	w, h := float32(area.Dx()), float32(area.Dy())
	e := min(float32(radius*p.glass.Scale), w/2, h/2)
	k := e * 0.4477 // how far the handles of a quarter circle are from its corner
	v := &p.raster
	v.Reset(area.Dx(), area.Dy())
	v.MoveTo(e, 0)
	v.LineTo(w-e, 0)
	v.CubeTo(w-k, 0, w, k, w, e)
	v.LineTo(w, h-e)
	v.CubeTo(w, h-k, w-k, h, w-e, h)
	v.LineTo(e, h)
	v.CubeTo(k, h, 0, h-k, 0, h-e)
	v.LineTo(0, e)
	v.CubeTo(0, k, k, 0, e, 0)
	v.ClosePath()
	if area.In(p.pix.Rect) {
		v.Draw(p.pix, area, image.NewUniform(c), image.Point{})
		return
	}
	mask := image.NewAlpha(v.Bounds()) // the rasterizer does not clip
	v.Draw(mask, mask.Rect, image.Opaque, image.Point{})
	p.mask(area, c, mask, image.Point{})
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
