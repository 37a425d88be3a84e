package picture

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
)

// readJPEG reads with the standard library, and with this package's decoder
// what that refuses.
func readJPEG(b []byte) (*Picture, error) {
	d := &jpegDecoder{data: b, adobe: -1}
	width, height := d.size()
	if width > 0 && height > 0 {
		if err := checkSize(JPEG, width, height); err != nil {
			return nil, err
		}
	}
	p := &Picture{Orientation: jpegOrientation(b)}
	var err error
	if width > 0 && height > 0 {
		if p.Image, err = jpeg.Decode(bytes.NewReader(b)); err == nil {
			return p, nil
		}
	}
	p.Image, p.Flaws, err = d.decode()
	if err != nil {
		return nil, err
	}
	return p, nil
}

// component is one colour of a JPEG.
type component struct {
	id, quant     byte
	h, v          int // sampling factors
	width, height int // in blocks, as a scan of this component alone has them
	stride, rows  int // in blocks, as interleaved scans have them
	coefficients  []int16
	dc, ac        int // tables of the current scan
	predicted     int
}

func (c *component) block(x, y int) []int16 {
	at := (y*c.stride + x) * 64
	return c.coefficients[at : at+64 : at+64]
}

// samples decodes the coefficients to a plane of stride*8 by rows*8 samples,
// and frees them.
func (c *component) samples(quant *[64]int32) []byte {
	plane := make([]byte, c.stride*c.rows*64)
	var spatial [64]int32
	for y := range c.rows {
		for x := range c.stride {
			inverseDCT(c.block(x, y), quant, &spatial)
			for i, s := range spatial {
				plane[(y*8+i/8)*c.stride*8+x*8+i%8] = byte(min(max(s+128, 0), 255))
			}
		}
	}
	c.coefficients = nil
	return plane
}

// picture combines the planes. A component may be subsampled by any factor:
// each pixel takes the nearest sample.
func (d *jpegDecoder) picture() image.Image {
	planes := make([][]byte, len(d.comps))
	for i := range d.comps {
		planes[i] = d.comps[i].samples(&d.quant[d.comps[i].quant])
	}
	at := func(i, x, y int) byte {
		c := &d.comps[i]
		return planes[i][(y*c.v/d.maxV)*c.stride*8+x*c.h/d.maxH]
	}
	bounds := image.Rect(0, 0, d.width, d.height)
	switch {
	case len(d.comps) == 1:
		out := image.NewGray(bounds)
		for y := range d.height {
			copy(out.Pix[y*out.Stride:][:d.width], planes[0][y*d.comps[0].stride*8:])
		}
		return out
	case len(d.comps) == 3 && d.isRGB():
		out := image.NewRGBA(bounds)
		for y := range d.height {
			for x := range d.width {
				copy(out.Pix[out.PixOffset(x, y):], []byte{at(0, x, y), at(1, x, y), at(2, x, y), 255})
			}
		}
		return out
	case len(d.comps) == 3:
		out := image.NewYCbCr(bounds, image.YCbCrSubsampleRatio444)
		for y := range d.height {
			for x := range d.width {
				o := y*out.YStride + x
				out.Y[o], out.Cb[o], out.Cr[o] = at(0, x, y), at(1, x, y), at(2, x, y)
			}
		}
		return out
	}
	// Adobe writes CMYK inverted (Adobe Technical Note 5116; all readers expect
	// it).
	out := image.NewCMYK(bounds)
	for y := range d.height {
		for x := range d.width {
			c := [4]byte{at(0, x, y), at(1, x, y), at(2, x, y), at(3, x, y)}
			switch {
			case d.adobe == 2:
				c[0], c[1], c[2] = color.YCbCrToRGB(c[0], c[1], c[2])
				c[3] = 255 - c[3]
			case d.adobe >= 0:
				c = [4]byte{255 - c[0], 255 - c[1], 255 - c[2], 255 - c[3]}
			}
			copy(out.Pix[out.PixOffset(x, y):], c[:])
		}
	}
	return out
}

// isRGB reports whether the colours are RGB and not YCbCr: as Adobe's segment
// says or, if there is neither that nor a JFIF segment, the components' names.
func (d *jpegDecoder) isRGB() bool {
	if d.adobe >= 0 {
		return d.adobe == 0
	}
	return !d.jfif && d.comps[0].id == 'R' && d.comps[1].id == 'G' && d.comps[2].id == 'B'
}
