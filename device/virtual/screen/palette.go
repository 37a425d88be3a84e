package screen

import (
	"bytes"
	"image"
	"image/color"
	"sync"
)

// The colours of the pages.
var (
	black   = color.RGBA{0, 0, 0, 255}
	white   = color.RGBA{255, 255, 255, 255}
	ink     = color.RGBA{0x1b, 0x1f, 0x24, 255}
	faint   = color.RGBA{0x80, 0x80, 0x80, 255}
	line    = color.RGBA{0xd8, 0xd8, 0xd8, 255}
	paper   = color.RGBA{0xf4, 0xf4, 0xf4, 255}
	accent  = color.RGBA{0x33, 0x66, 0xcc, 255}
	shade   = color.RGBA{0xcc, 0xd6, 0xeb, 255}
	warning = color.RGBA{0xcc, 0x66, 0x00, 255}
	chat    = color.RGBA{0x33, 0x99, 0x80, 255}
	night   = color.RGBA{0x20, 0x2a, 0x44, 255}
)

// Levels of red, green and blue in the palette; the rest of its 256 colours are
// greys, for the edges of letters.
const (
	reds, greens, blues = 6, 7, 5
	cube                = reds * greens * blues
	greys               = 256 - cube
)

// palette has the 256 colours of every picture.
var palette = sync.OnceValue(func() color.Palette {
	p := make(color.Palette, 0, 256)
	level := func(i, of int) uint8 { return uint8(i * 255 / (of - 1)) }
	for r := range reds {
		for g := range greens {
			for b := range blues {
				p = append(p, color.RGBA{level(r, reds), level(g, greens), level(b, blues), 255})
			}
		}
	}
	for i := range greys {
		v := uint8((i + 1) * 255 / (greys + 1))
		p = append(p, color.RGBA{v, v, v, 255})
	}
	return p
})

// nearest has the palette's nearest colour for each colour of five bits a
// channel.
var nearest = sync.OnceValue(func() *[1 << 15]uint8 {
	table, palette := new([1 << 15]uint8), palette()
	for i := range table {
		wide := func(five int) uint8 { return uint8(five<<3 | five>>2) }
		table[i] = uint8(palette.Index(color.RGBA{wide(i >> 10), wide(i >> 5 & 31), wide(i & 31), 255}))
	}
	return table
})

// paletted is the picture in the palette's colours. Photographs are dithered
// (Bayer, 4 by 4); flat areas stay flat. The memory of old is used again, which
// may be nil.
func (p *painter) paletted(old *image.Paletted) *image.Paletted {
	out := &image.Paletted{Stride: p.pix.Rect.Dx(), Rect: p.pix.Rect, Palette: palette()}
	if old != nil {
		out.Pix = old.Pix
	}
	out.Pix = sized(out.Pix, out.Stride*p.pix.Rect.Dy())
	table := nearest()
	// Most rows of a page are like the one above.
	var above []byte
	for y := range out.Rect.Dy() {
		row := p.pix.Pix[y*p.pix.Stride:][:p.pix.Stride]
		to := out.Pix[y*out.Stride:][:out.Stride]
		if bytes.Equal(row, above) {
			copy(to, out.Pix[(y-1)*out.Stride:])
			continue
		}
		for i := range to {
			c := row[4*i : 4*i+3 : 4*i+3]
			to[i] = table[int(c[0]>>3)<<10|int(c[1]>>3)<<5|int(c[2]>>3)]
		}
		above = row
	}
	for _, photo := range p.photos {
		p.dither(out, photo.Intersect(out.Rect))
	}
	return out
}

func (p *painter) dither(out *image.Paletted, area image.Rectangle) {
	bayer := [4][4]int{{0, 8, 2, 10}, {12, 4, 14, 6}, {3, 11, 1, 9}, {15, 7, 13, 5}}
	step := func(v uint8, levels, threshold int) int {
		scaled := int(v) * (levels - 1) * 16
		return min((scaled/255+threshold)/16, levels-1)
	}
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			c, t := p.pix.RGBAAt(x, y), bayer[y&3][x&3]
			index := (step(c.R, reds, t)*greens+step(c.G, greens, t))*blues + step(c.B, blues, t)
			out.Pix[out.PixOffset(x, y)] = uint8(index)
		}
	}
}
