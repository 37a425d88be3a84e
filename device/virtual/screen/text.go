package screen

import (
	_ "embed"
	"image"
	"image/color"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// fallback has the characters that the Go fonts lack, see fonts/README.md.
//
//go:embed fonts/fallback.ttf
var fallback []byte

//go:embed fonts/emoji.ttf
var emoji []byte

// typefaces are the fonts, read once.
type typefaces struct{ regular, bold, fallback, emoji *opentype.Font }

var fonts = sync.OnceValue(func() typefaces {
	parse := func(b []byte) *opentype.Font {
		f, err := opentype.Parse(b)
		if err != nil {
			panic("a font in the program can't be read: " + err.Error()) // a test reads all
		}
		return f
	}
	return typefaces{parse(goregular.TTF), parse(gobold.TTF), parse(fallback), parse(emoji)}
})

// style is how a text looks: its size in units, weight and colour.
type style struct {
	size  int
	bold  bool
	color color.RGBA
}

// longest is how much of a text is used: more than fits on any page.
const longest = 2000

// clean prepares a text for drawing: line breaks become blanks, and characters
// without a shape or that change the direction are removed. Of emoji that are
// joined into one, the first is drawn.
func clean(s string) []rune {
	const joiner, firstEmoji = '\u200d', 0x1f000
	var out []rune
	joined := false
	for _, r := range s {
		if len(out) == longest {
			break
		}
		skip := joined
		joined = r == joiner && len(out) > 0 && out[len(out)-1] >= firstEmoji
		switch {
		case skip:
		case r >= 0x1f3fb && r <= 0x1f3ff: // colours of skin
		case unicode.IsSpace(r):
			if len(out) > 0 && out[len(out)-1] != ' ' {
				out = append(out, ' ')
			}
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.M, r):
		default:
			out = append(out, r)
		}
	}
	return out
}

// face is the font of one rune. A rune that no font has is drawn as a box.
type face struct {
	font.Face
	source *opentype.Font
	buf    sfnt.Buffer
}

func (f *face) has(r rune) bool {
	i, err := f.source.GlyphIndex(&f.buf, r)
	return err == nil && i != 0
}

// faces are the faces of one style: Latin first.
type faces [3]*face

func (p *painter) faces(s style) faces {
	s.color, s.size = color.RGBA{}, s.size*p.glass.Scale
	if f, ok := p.styles[s]; ok {
		return f
	}
	latin := fonts().regular
	if s.bold {
		latin = fonts().bold
	}
	var fs faces
	for i, source := range []*opentype.Font{latin, fonts().fallback, fonts().emoji} {
		made, err := opentype.NewFace(source, &opentype.FaceOptions{Size: float64(s.size), DPI: 72, Hinting: font.HintingNone})
		if err != nil {
			panic("a face can't be made: " + err.Error()) // NewFace never fails
		}
		fs[i] = &face{Face: made, source: source}
	}
	p.styles[s] = fs
	return fs
}

func (fs faces) of(r rune) *face {
	for _, f := range fs {
		if f.has(r) {
			return f
		}
	}
	return nil
}

// advance is the width of a rune in pixels.
func (p *painter) advance(fs faces, s style, r rune) int {
	if f := fs.of(r); f != nil {
		if a, ok := f.GlyphAdvance(r); ok {
			return a.Round()
		}
	}
	return s.size * p.glass.Scale
}

// lines breaks a text into at most `most` lines of width pixels; the last ends
// with an ellipsis if there is more. Han and kana characters break anywhere,
// other text between words, and words longer than a line at its end.
func (p *painter) lines(text string, s style, width, most int) [][]rune {
	fs, runes := p.faces(s), clean(text)
	var out [][]rune
	for len(runes) > 0 && len(out) < most {
		used, end, space := 0, 0, -1
		for end < len(runes) {
			used += p.advance(fs, s, runes[end])
			if used > width && end > 0 {
				break
			}
			if runes[end] == ' ' || unicode.In(runes[end], unicode.Han, unicode.Hiragana, unicode.Katakana) {
				space = end + 1
			}
			end++
		}
		if end < len(runes) && space > 0 && len(out) < most-1 {
			end = space
		}
		row, rest := runes[:end], runes[end:]
		if len(out) == most-1 && len(rest) > 0 {
			row = p.shorten(fs, s, row, width)
		}
		out = append(out, row)
		runes = []rune(strings.TrimLeft(string(rest), " "))
	}
	return out
}

func (p *painter) shorten(fs faces, s style, row []rune, width int) []rune {
	const ellipsis = '…'
	room := width - p.advance(fs, s, ellipsis)
	used, end := 0, 0
	for end < len(row) {
		if used += p.advance(fs, s, row[end]); used > room {
			break
		}
		end++
	}
	return append(append([]rune{}, row[:end]...), ellipsis)
}

func (p *painter) width(row []rune, s style) int {
	fs, total := p.faces(s), 0
	for _, r := range row {
		total += p.advance(fs, s, r)
	}
	return total
}

// text draws a text from the top of the area, in units, and returns where the
// next line would begin. An empty text takes no space.
func (p *painter) text(area image.Rectangle, text string, s style, most int) int {
	return p.write(area, text, s, most, false)
}

// centred is text in the middle of each line.
func (p *painter) centred(area image.Rectangle, text string, s style, most int) int {
	return p.write(area, text, s, most, true)
}

func (p *painter) write(area image.Rectangle, text string, s style, most int, middle bool) int {
	scale := p.glass.Scale
	y := area.Min.Y
	for _, row := range p.lines(text, s, area.Dx()*scale, most) {
		x := area.Min.X * scale
		if middle {
			x += (area.Dx()*scale - p.width(row, s)) / 2
		}
		p.row(row, s, x, (y+s.size)*scale)
		y += s.size * 7 / 5
	}
	return y
}

// row draws runes from x on, on the baseline y, both in pixels.
func (p *painter) row(row []rune, s style, x, y int) {
	fs := p.faces(s)
	for _, r := range row {
		wide := p.advance(fs, s, r)
		f := fs.of(r)
		if f == nil {
			p.box(image.Rect(x, y-wide*4/5, x+wide, y), s.color)
			x += wide
			continue
		}
		dot := fixed.P(x, y)
		if dr, mask, at, _, ok := f.Glyph(dot, r); ok {
			p.mask(dr, s.color, mask, at)
			if s.bold && f == fs[1] { // the fallback has no bold
				p.mask(dr.Add(image.Pt(max(1, s.size*p.glass.Scale/24), 0)), s.color, mask, at)
			}
		}
		x += wide
	}
}
