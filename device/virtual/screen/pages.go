package screen

import (
	"cmp"
	"image"
	"image/color"

	"github.com/wxctl/wxctl/intents"
)

const (
	statusHeight = 32
	titleHeight  = 52
)

// statusBar has no clock: the same page gives the same picture.
func (p *painter) statusBar() {
	w := p.all().Dx()
	letters := p.over(image.Pt(w/2, 6))
	p.text(image.Rect(16, 7, w/2, statusHeight), "virtual phone", style{13, true, letters}, 1)
	p.rounded(image.Rect(w-44, 10, w-18, 22), 3, letters)
	p.rounded(image.Rect(w-17, 13, w-14, 19), 1, letters)
	for i := range 4 {
		p.fill(image.Rect(w-78+6*i, 19-3*i, w-74+6*i, 22), letters)
	}
	if p.glass.Rounded {
		h := p.all().Dy()
		p.rounded(image.Rect(w/2-67, h-13, w/2+67, h-8), 3, p.over(image.Pt(w/2, h-20)))
	}
}

// over is a text colour that is readable on the background at a point.
func (p *painter) over(at image.Point) color.RGBA {
	c := p.pix.RGBAAt(at.X*p.glass.Scale, at.Y*p.glass.Scale)
	if int(c.R)+int(c.G)+int(c.B) > 3*128 {
		return ink
	}
	return white
}

// page clears the screen and draws a title bar; it returns the remaining area.
func (p *painter) page(title, action string) image.Rectangle {
	all := p.all()
	p.fill(all, paper)
	bar := image.Rect(16, statusHeight+14, all.Max.X-16, statusHeight+titleHeight)
	s := style{18, true, ink}
	if p.glass.Rounded {
		p.centred(bar, title, s, 1)
	} else {
		p.text(bar, title, s, 1)
	}
	if action != "" {
		p.button(image.Rect(all.Max.X-92, statusHeight+9, all.Max.X-14, statusHeight+43), action, accent, white)
	}
	top := statusHeight + titleHeight
	p.fill(image.Rect(0, top, all.Max.X, top+1), line)
	return image.Rect(16, top+16, all.Max.X-16, all.Max.Y-40)
}

func (p *painter) lock() {
	all := p.all()
	p.fill(all, night)
	middle := all.Dx() / 2
	p.rounded(image.Rect(middle-26, 190, middle+26, 250), 26, white)
	p.rounded(image.Rect(middle-17, 199, middle+17, 250), 17, night)
	p.rounded(image.Rect(middle-36, 226, middle+36, 284), 8, white)
	p.centred(image.Rect(20, 310, all.Max.X-20, 400), "Locked", style{30, true, white}, 1)
	p.centred(image.Rect(20, all.Max.Y-90, all.Max.X-20, all.Max.Y), "unlock to open", style{15, false, shade}, 1)
	p.statusBar()
}

// tile is the icon of an app.
type tile struct {
	name string
	c    color.RGBA
}

func (p *painter) tiles(tiles []tile, y, step int, letters color.RGBA) {
	for i, t := range tiles {
		x := step*i + step/2
		p.rounded(image.Rect(x-28, y, x+28, y+56), 14, t.c)
		p.centred(image.Rect(x-28, y+12, x+28, y+56), string([]rune(t.name)[0]), style{28, true, white}, 1)
		p.centred(image.Rect(x-step/2+2, y+62, x+step/2-2, y+84), t.name, style{13, false, letters}, 1)
	}
}

// chooser is the sheet over an app in which the system asks which WeChat to open.
func (p *painter) chooser(page Page) {
	p.app(page)
	all := p.all()
	sheet := image.Rect(0, all.Max.Y-210, all.Max.X, all.Max.Y+20)
	p.rounded(sheet, 16, white)
	p.text(image.Rect(20, sheet.Min.Y+18, all.Max.X-20, sheet.Min.Y+44), "Open with", style{18, true, ink}, 1)
	p.tiles([]tile{{"WeChat", chat}, {"WeChat, clone", warning}}, sheet.Min.Y+62, all.Dx()/2, ink)
}

func (p *painter) launcher(page Page) {
	all := p.all()
	p.fill(all, night)
	tiles := []tile{{"Settings", faint}, {"Files", warning}, {cmp.Or(page.Name, "Demo"), accent}}
	if page.WeChat != "" {
		tiles = append(tiles, tile{"WeChat", chat})
	}
	p.tiles(tiles, 120, all.Dx()/4, white)
	if page.WeChat == "" {
		p.rounded(image.Rect(24, 260, all.Max.X-24, 330), 10, white)
		p.centred(image.Rect(34, 282, all.Max.X-34, 330), "WeChat is not installed", style{20, true, ink}, 1)
	}
}

func (p *painter) app(page Page) {
	in := p.page(page.Name, "")
	p.rounded(image.Rect(in.Min.X, in.Min.Y, in.Max.X, in.Min.Y+150), 8, white)
	p.text(image.Rect(in.Min.X+14, in.Min.Y+14, in.Max.X-14, in.Min.Y+60), "The app under test", style{18, true, ink}, 1)
	p.text(image.Rect(in.Min.X+14, in.Min.Y+46, in.Max.X-14, in.Min.Y+140),
		cmp.Or(page.Note, "It waits for WeChat's answer."), style{15, false, faint}, 4)
	y := in.Min.Y + 170
	for _, word := range []string{"Share to a chat", "Share to Moments", "Log in with WeChat"} {
		p.button(image.Rect(in.Min.X, y, in.Max.X, y+46), word, shade, ink)
		y += 58
	}
}

func (p *painter) launching() {
	all := p.all()
	p.fill(all, white)
	middle := all.Dy() / 2
	for i, c := range []color.RGBA{accent, shade, line} {
		x := all.Dx()/2 - 30 + 30*i
		p.circle(image.Rect(x-8, middle-8, x+8, middle+8), c)
	}
	p.centred(image.Rect(20, middle+30, all.Max.X-20, middle+60), "WeChat is starting", style{16, false, faint}, 1)
}

// people are the chats of the virtual user.
var people = [...]struct {
	name string
	c    color.RGBA
}{
	{"Ada", color.RGBA{0xcc, 0x66, 0x66, 255}}, {"测试群 Test group", color.RGBA{0x33, 0x99, 0x80, 255}},
	{"Bo", color.RGBA{0x66, 0x66, 0xbf, 255}},
	{"小明", color.RGBA{0xcc, 0x99, 0x40, 255}}, {"Release crew", color.RGBA{0x66, 0x99, 0xbf, 255}}, {"File Transfer", accent},
}

func (p *painter) chats(in image.Rectangle, top, rows int) {
	for i, who := range people[:min(rows, len(people))] {
		y := top + 62*i
		p.fill(image.Rect(0, y, p.all().Max.X, y+61), white)
		p.rounded(image.Rect(in.Min.X, y+9, in.Min.X+44, y+53), 8, who.c)
		p.centred(image.Rect(in.Min.X, y+17, in.Min.X+44, y+53), string([]rune(who.name)[0]), style{20, true, white}, 1)
		p.text(image.Rect(in.Min.X+58, y+20, in.Max.X, y+60), who.name, style{17, false, ink}, 1)
	}
}

// picker is the list of chats, and below it the card that will be sent.
func (p *painter) picker(page Page) {
	in := p.page("Choose a chat", "")
	p.rounded(image.Rect(in.Min.X, in.Min.Y, in.Max.X, in.Min.Y+38), 6, white)
	p.text(image.Rect(in.Min.X+12, in.Min.Y+9, in.Max.X, in.Min.Y+38), "Search", style{15, false, faint}, 1)
	p.chats(in, in.Min.Y+54, len(people))
	all := p.all()
	sheet := image.Rect(0, all.Max.Y-310, all.Max.X, all.Max.Y+20)
	p.rounded(sheet, 16, line)
	title := "Send to:"
	if page.Kind == Confirm {
		title = "Send to " + people[0].name + ":"
	}
	p.text(image.Rect(in.Min.X, sheet.Min.Y+16, in.Max.X, sheet.Min.Y+46), title+" "+page.Name, style{16, true, ink}, 1)
	p.card(image.Rect(in.Min.X, sheet.Min.Y+48, in.Max.X, sheet.Min.Y+226), cardOf(page))
	p.choice(in, sheet.Min.Y+242, "Cancel", "Send")
}

func (p *painter) choice(in image.Rectangle, y int, no, yes string) {
	half := (in.Dx() - 12) / 2
	p.button(image.Rect(in.Min.X, y, in.Min.X+half, y+44), no, white, ink)
	p.button(image.Rect(in.Max.X-half, y, in.Max.X, y+44), yes, accent, white)
}

// moments is the editor of a post for all friends.
func (p *painter) moments(page Page) {
	in := p.page("New post in Moments", "Post")
	c := cardOf(page)
	p.text(in, "What's on your mind?", style{17, false, faint}, 1)
	top := in.Min.Y + 54
	switch {
	case len(c.photos) > 0:
		p.grid(image.Rect(in.Min.X, top, in.Max.X, top+3*108), c)
		top += 108*min(3, (len(c.photos)+2)/3) + 20
	default:
		p.card(image.Rect(in.Min.X, top, in.Max.X, top+170), c)
		top += 190
	}
	for _, row := range []string{"Location", "Who can see it: everybody"} {
		p.fill(image.Rect(in.Min.X, top, in.Max.X, top+1), line)
		p.text(image.Rect(in.Min.X, top+14, in.Max.X, top+44), row, style{16, false, ink}, 1)
		top += 48
	}
	p.text(image.Rect(in.Min.X, top+10, in.Max.X, top+40), "from "+page.Name, style{14, false, faint}, 1)
}

// grid is up to nine pictures, as Moments shows them.
func (p *painter) grid(in image.Rectangle, c card) {
	side := (in.Dx() - 12) / 3
	for i, photo := range c.photos[:min(9, len(c.photos))] {
		at := image.Rect(0, 0, side, side).Add(in.Min).Add(image.Pt(i%3*(side+6), i/3*(side+6)))
		p.fill(at, line)
		p.photo(at, squared(photo.Image()))
	}
}

func (p *painter) favorites(page Page) {
	in := p.page("Favorites", "")
	p.card(image.Rect(in.Min.X, in.Min.Y, in.Max.X, in.Min.Y+178), cardOf(page))
	p.text(image.Rect(in.Min.X, in.Min.Y+196, in.Max.X, in.Min.Y+230), "Added to favorites from "+page.Name, style{15, false, faint}, 1)
}

func (p *painter) chat(page Page) {
	in := p.page(people[0].name, "")
	p.rounded(image.Rect(in.Max.X-44, in.Min.Y, in.Max.X, in.Min.Y+44), 8, accent)
	p.centred(image.Rect(in.Max.X-44, in.Min.Y+10, in.Max.X, in.Min.Y+44), "Me", style{18, true, white}, 1)
	p.card(image.Rect(in.Min.X+20, in.Min.Y, in.Max.X-56, in.Min.Y+178), cardOf(page))
	all := p.all()
	p.fill(image.Rect(0, all.Max.Y-76, all.Max.X, all.Max.Y), line)
	p.rounded(image.Rect(in.Min.X, all.Max.Y-64, in.Max.X, all.Max.Y-26), 6, white)
}

// scopes are what an app asks for, in words.
var scopes = map[string]string{
	"snsapi_userinfo": "Your nickname, picture, region and gender",
	"snsapi_base":     "Who you are, without your profile",
	"snsapi_login":    "That you log in with WeChat",
}

func (p *painter) consent(page Page) {
	in := p.page("Authorization", "")
	scope := ""
	if auth, ok := page.Request.(intents.Auth); ok {
		scope = text(auth.Scope)
	}
	p.rounded(image.Rect(in.Min.X, in.Min.Y+20, in.Min.X+56, in.Min.Y+76), 12, accent)
	name := cmp.Or(page.Name, "An app")
	p.centred(image.Rect(in.Min.X, in.Min.Y+32, in.Min.X+56, in.Min.Y+76), string([]rune(name)[0]), style{28, true, white}, 1)
	p.text(image.Rect(in.Min.X+72, in.Min.Y+34, in.Max.X, in.Min.Y+70), name, style{20, true, ink}, 1)
	y := p.text(image.Rect(in.Min.X, in.Min.Y+104, in.Max.X, in.Max.Y), name+" asks for:", style{17, false, ink}, 2)
	p.rounded(image.Rect(in.Min.X, y+10, in.Max.X, y+100), 8, white)
	p.text(image.Rect(in.Min.X+14, y+22, in.Max.X-14, y+70), cmp.Or(scopes[scope], "What its scope says"), style{16, true, ink}, 2)
	p.text(image.Rect(in.Min.X+14, y+70, in.Max.X-14, y+100), scope, style{13, false, faint}, 1)
	p.choice(in, in.Max.Y-60, "Reject", "Allow")
}

func (p *painter) miniProgram(page Page) {
	name, at, kind := "mini program", "", ""
	switch r := page.Request.(type) {
	case intents.LaunchMiniProgram:
		name, at, kind = text(r.UserName), text(r.Path), r.Type.String()
	case intents.Share:
		if o, ok := r.Message.Object.(intents.MiniProgram); ok {
			name, at, kind = text(o.UserName), text(o.Path), o.Type.String()
		}
	}
	in := p.page("Mini program", "")
	p.circle(image.Rect(in.Min.X, in.Min.Y+10, in.Min.X+60, in.Min.Y+70), accent)
	p.circle(image.Rect(in.Min.X+16, in.Min.Y+26, in.Min.X+44, in.Min.Y+54), white)
	p.text(image.Rect(in.Min.X+76, in.Min.Y+16, in.Max.X, in.Min.Y+50), name, style{19, true, ink}, 1)
	p.text(image.Rect(in.Min.X+76, in.Min.Y+44, in.Max.X, in.Min.Y+70), kind+" version", style{14, false, faint}, 1)
	p.rounded(image.Rect(in.Min.X, in.Min.Y+96, in.Max.X, in.Min.Y+190), 8, white)
	p.text(image.Rect(in.Min.X+14, in.Min.Y+110, in.Max.X-14, in.Min.Y+180), cmp.Or(at, "its first page"), style{16, false, ink}, 3)
	p.text(image.Rect(in.Min.X, in.Min.Y+206, in.Max.X, in.Min.Y+240), "opened by "+page.Name, style{14, false, faint}, 1)
}

func (p *painter) subscribe(page Page) {
	id := ""
	if r, ok := page.Request.(intents.SubscribeMessage); ok {
		id = text(r.TemplateID)
	}
	in := p.page("Subscribe to a message", "")
	y := p.text(in, page.Name+" wants to send you one message:", style{17, false, ink}, 2)
	p.rounded(image.Rect(in.Min.X, y+12, in.Max.X, y+100), 8, white)
	p.text(image.Rect(in.Min.X+14, y+26, in.Max.X-14, y+50), "Template", style{14, true, accent}, 1)
	p.text(image.Rect(in.Min.X+14, y+50, in.Max.X-14, y+100), id, style{15, false, ink}, 2)
	p.choice(in, in.Max.Y-60, "Cancel", "Confirm")
}

func (p *painter) login() {
	in := p.page("Log in to WeChat", "")
	p.text(in, "Nobody is logged in on this phone.", style{17, false, ink}, 2)
	for i, word := range []string{"Phone number", "Password"} {
		y := in.Min.Y + 70 + 60*i
		p.rounded(image.Rect(in.Min.X, y, in.Max.X, y+48), 6, white)
		p.text(image.Rect(in.Min.X+14, y+14, in.Max.X, y+48), word, style{16, false, faint}, 1)
	}
	p.button(image.Rect(in.Min.X, in.Min.Y+204, in.Max.X, in.Min.Y+250), "Log in", accent, white)
}

// refusal is the page on which WeChat refuses an app.
func (p *painter) refusal(page Page) {
	in := p.page("WeChat", "")
	middle := in.Min.X + in.Dx()/2
	p.circle(image.Rect(middle-34, in.Min.Y+40, middle+34, in.Min.Y+108), warning)
	p.rounded(image.Rect(middle-4, in.Min.Y+56, middle+4, in.Min.Y+82), 3, white)
	p.circle(image.Rect(middle-4, in.Min.Y+87, middle+4, in.Min.Y+95), white)
	y := p.centred(image.Rect(in.Min.X, in.Min.Y+130, in.Max.X, in.Max.Y), "The request was refused", style{20, true, ink}, 2)
	y = p.centred(image.Rect(in.Min.X, y+8, in.Max.X, in.Max.Y), page.Note, style{15, false, faint}, 6)
	p.button(image.Rect(in.Min.X+40, y+30, in.Max.X-40, y+76), "Back", accent, white)
}

func (p *painter) home() {
	in := p.page("WeChat", "")
	p.chats(in, in.Min.Y-15, len(people))
}
