package intents

import (
	"image"
	"image/color"
	"image/draw"

	xdraw "golang.org/x/image/draw"
)

// reduce scales a decoded picture to near side pixels on its long side (at
// least side, less than twice that, or the picture's own size if it is smaller)
// by averaging whole blocks of pixels. It reads each source pixel once and
// makes no full-size copy, which keeps a 12-megapixel picture cheap.
func reduce(source image.Image, side int) *image.RGBA {
	bounds := source.Bounds()
	factor := max(1, max(bounds.Dx(), bounds.Dy())/side)
	width, height := max(1, bounds.Dx()/factor), max(1, bounds.Dy()/factor)
	if planes, ok := source.(*image.YCbCr); ok {
		return reducePlanes(planes, width, height)
	}
	return reduceStrips(source, width, height)
}

// reducePlanes averages luma and chroma before conversion, so that colours are
// converted only for the remaining pixels.
func reducePlanes(source *image.YCbCr, width, height int) *image.RGBA {
	bounds := source.Rect
	chroma := chromaSize(source)
	y := averagePlane(source.Y[source.YOffset(bounds.Min.X, bounds.Min.Y):], source.YStride, bounds.Dx(), bounds.Dy(), width, height)
	at := source.COffset(bounds.Min.X, bounds.Min.Y)
	cb := averagePlane(source.Cb[at:], source.CStride, chroma.X, chroma.Y, width, height)
	cr := averagePlane(source.Cr[at:], source.CStride, chroma.X, chroma.Y, width, height)
	out := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range y {
		r, g, b := color.YCbCrToRGB(y[i], cb[i], cr[i])
		pixel := out.Pix[4*i : 4*i+4 : 4*i+4]
		pixel[0], pixel[1], pixel[2], pixel[3] = r, g, b, 0xff
	}
	return out
}

func chromaSize(p *image.YCbCr) image.Point {
	bounds := p.Rect
	last := p.COffset(bounds.Max.X-1, bounds.Max.Y-1) - p.COffset(bounds.Min.X, bounds.Min.Y)
	return image.Pt(last%p.CStride+1, last/p.CStride+1)
}

// averagePlane scales one plane of samples by averaging; where the plane has
// fewer samples than asked for (chroma of a small picture), it repeats them.
func averagePlane(plane []byte, stride, sourceWidth, sourceHeight, width, height int) []byte {
	out := make([]byte, width*height)
	sums := make([]uint32, width)
	columns := make([]span, width)
	for i := range columns {
		columns[i] = spanOf(i, sourceWidth, width)
	}
	for row := range height {
		rows := spanOf(row, sourceHeight, height)
		clear(sums)
		for line := rows.from; line < rows.to; line++ {
			samples := plane[line*stride : line*stride+sourceWidth]
			for i, column := range columns {
				var sum uint32
				for _, sample := range samples[column.from:column.to] {
					sum += uint32(sample)
				}
				sums[i] += sum
			}
		}
		for i, sum := range sums {
			count := uint32(columns[i].size() * rows.size())
			out[row*width+i] = byte((sum + count/2) / count)
		}
	}
	return out
}

// span is a range of source samples.
type span struct{ from, to int }

func (s span) size() int { return s.to - s.from }

// spanOf returns the source samples that target sample i stands for.
func spanOf(i, source, target int) span {
	from, to := i*source/target, (i+1)*source/target
	return span{from, max(to, from+1)}
}

// reduceStrips averages any other picture, a strip of rows at a time. Package
// draw puts each strip on white; it has fast paths for each colour model.
func reduceStrips(source image.Image, width, height int) *image.RGBA {
	bounds := source.Bounds()
	out := image.NewRGBA(image.Rect(0, 0, width, height))
	strip := image.NewRGBA(image.Rect(0, 0, bounds.Dx(), (bounds.Dy()+height-1)/height))
	for row := range height {
		rows := spanOf(row, bounds.Dy(), height)
		area := image.Rect(0, 0, bounds.Dx(), rows.size())
		draw.Draw(strip, area, image.White, image.Point{}, draw.Src)
		draw.Draw(strip, area, source, image.Pt(bounds.Min.X, bounds.Min.Y+rows.from), draw.Over)
		for column := range width {
			columns := spanOf(column, bounds.Dx(), width)
			var r, g, b uint32
			for line := range rows.size() {
				pixels := strip.Pix[line*strip.Stride+4*columns.from : line*strip.Stride+4*columns.to]
				for ; len(pixels) >= 4; pixels = pixels[4:] {
					r, g, b = r+uint32(pixels[0]), g+uint32(pixels[1]), b+uint32(pixels[2])
				}
			}
			count := uint32(columns.size() * rows.size())
			at := out.PixOffset(column, row)
			pixel := out.Pix[at : at+4 : at+4]
			pixel[0], pixel[1], pixel[2], pixel[3] = byte((r+count/2)/count), byte((g+count/2)/count), byte((b+count/2)/count), 0xff
		}
	}
	return out
}

// shrink scales a picture so that its long side has at most side pixels; a
// picture that already fits is returned unchanged. It halves by averaging
// first, since bilinear scaling below one half would skip pixels.
func shrink(source *image.RGBA, side int) *image.RGBA {
	side = max(1, side)
	for {
		width, height := source.Rect.Dx(), source.Rect.Dy()
		long := max(width, height)
		if long <= side {
			return source
		}
		if long >= 2*side && min(width, height) >= 2 {
			source = reduceStrips(source, width/2, height/2)
			continue
		}
		target := image.NewRGBA(image.Rect(0, 0, max(1, width*side/long), max(1, height*side/long)))
		xdraw.ApproxBiLinear.Scale(target, target.Rect, source, source.Rect, draw.Src, nil)
		return target
	}
}

// upright turns a picture as its EXIF orientation says.
func upright(source *image.RGBA, orientation int) *image.RGBA {
	if orientation <= 1 || orientation > 8 {
		return source
	}
	width, height := source.Rect.Dx(), source.Rect.Dy()
	outWidth, outHeight := width, height
	if orientation >= 5 {
		outWidth, outHeight = height, width
	}
	out := image.NewRGBA(image.Rect(0, 0, outWidth, outHeight))
	for y := range outHeight {
		for x := range outWidth {
			fromX, fromY := x, y
			switch orientation {
			case 2: // mirrored left to right
				fromX = width - 1 - x
			case 3: // upside down
				fromX, fromY = width-1-x, height-1-y
			case 4: // mirrored top to bottom
				fromY = height - 1 - y
			case 5: // mirrored along the main diagonal
				fromX, fromY = y, x
			case 6: // to be turned clockwise
				fromX, fromY = y, height-1-x
			case 7: // mirrored along the other diagonal
				fromX, fromY = width-1-y, height-1-x
			case 8: // to be turned counter-clockwise
				fromX, fromY = width-1-y, x
			}
			copy(out.Pix[out.PixOffset(x, y):][:4], source.Pix[source.PixOffset(fromX, fromY):][:4])
		}
	}
	return out
}
