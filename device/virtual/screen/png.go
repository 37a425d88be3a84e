package screen

import (
	"bytes"
	"image"
	"image/png"
	"runtime"
)

// atOnce limits how many pictures are drawn at the same time: one takes some
// ten megabytes, and a lab of a hundred phones may be asked for all of theirs.
var atOnce = make(chan struct{}, runtime.GOMAXPROCS(0))

// PNG draws a picture and returns it as PNG. It is compressed for speed: the
// files are short-lived, and tests take many.
func PNG(draw func() image.Image) []byte {
	atOnce <- struct{}{}
	defer func() { <-atOnce }()
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := encoder.Encode(&out, draw()); err != nil {
		panic("a picture in memory can't be written: " + err.Error()) // bytes.Buffer never fails
	}
	return out.Bytes()
}
