package screen

import (
	"bytes"
	"image/png"
)

// PNG draws the page and returns it as PNG. It is compressed for speed: the
// files are short-lived, and tests take many.
func PNG(page Page, on Glass) []byte {
	p := newPainter(on)
	defer p.done()
	p.draw(page)
	p.frame = p.paletted(p.frame)
	p.file.Reset()
	encoder := png.Encoder{CompressionLevel: png.BestSpeed, BufferPool: p}
	if err := encoder.Encode(&p.file, p.frame); err != nil {
		panic("a picture in memory can't be written: " + err.Error()) // bytes.Buffer never fails
	}
	return bytes.Clone(p.file.Bytes())
}

// Get implements png.EncoderBufferPool: a painter has one buffer.
func (p *painter) Get() *png.EncoderBuffer { return &p.encoder }

// Put implements png.EncoderBufferPool.
func (p *painter) Put(*png.EncoderBuffer) {}
