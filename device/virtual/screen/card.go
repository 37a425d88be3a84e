package screen

import (
	"cmp"
	"image"
	"path"
	"strings"

	"github.com/wxctl/wxctl/intents"
)

// card is what a message shows in a chat.
type card struct {
	kind        string
	title, text string
	source      string // where it leads, or what it is
	thumb       []byte
	photos      []*Photo
}

// cardOf makes the card of a request; for one that is not a share, it only names the kind.
func cardOf(page Page) card {
	share, ok := page.Request.(intents.Share)
	if !ok {
		return card{kind: "message"}
	}
	m := share.Message
	c := card{title: text(m.Title), text: text(m.Description), thumb: m.Thumb, photos: page.Photos}
	switch o := m.Object.(type) {
	case intents.Text:
		c.kind, c.text = "text", cmp.Or(text(o.Text), c.text)
	case intents.Image:
		c.kind = "image"
	case intents.Images:
		c.kind = "images"
	case intents.Music:
		c.kind, c.source = "music", cmp.Or(text(o.URL), text(o.LowBandURL))
	case intents.Video:
		c.kind, c.source = "video", cmp.Or(text(o.URL), text(o.LowBandURL))
	case intents.Webpage:
		c.kind, c.source = "web page", text(o.URL)
	case intents.MiniProgram:
		c.kind, c.source = "mini program", strings.TrimSpace(text(o.UserName)+" "+text(o.Path))
	case intents.File:
		c.kind, c.source = "file", path.Base("/"+text(o.Path))
	case intents.Emoji:
		c.kind = "sticker"
	case intents.MusicVideo:
		c.kind, c.source = "music video", text(o.URL)
	case intents.VideoFile:
		c.kind, c.source = "video file", path.Base("/"+text(o.Path))
	}
	return c
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// card draws the card into r, in units: the thumb at the left, as chats do.
func (p *painter) card(r image.Rectangle, c card) {
	p.rounded(r, 8, white)
	in := r.Inset(14)
	p.text(in, c.kind, style{12, true, accent}, 1)
	in.Min.Y += 22
	if len(c.photos) > 0 {
		p.photo(in, c.photos[0].Image())
		return
	}
	foot, small := in, style{13, false, faint}
	foot.Min.Y = in.Max.Y - 18*len(p.lines(c.source, small, in.Dx()*p.glass.Scale, 2))
	if img := decode(c.thumb); img != nil {
		side := min(84, in.Dy())
		at := image.Rect(in.Max.X-side, in.Min.Y, in.Max.X, in.Min.Y+side)
		p.fill(at, paper)
		p.photo(at, img)
		in.Max.X -= side + 10
	}
	y := p.text(image.Rectangle{in.Min, image.Pt(in.Max.X, foot.Min.Y)}, c.title, style{18, true, ink}, 2)
	in.Min.Y = y
	p.text(in, c.text, style{15, false, ink}, max(0, (foot.Min.Y-y)/21))
	p.text(foot, c.source, small, 2)
}
