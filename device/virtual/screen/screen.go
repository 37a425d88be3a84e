// Package screen draws what a virtual phone shows: its home screen, the app,
// and the pages of its WeChat with what was sent to them. The shapes are its
// own and contain no logos; it must be obvious from a picture which page is
// open and what is on it.
//
// Texts and pictures in a request come from outside. They are drawn, limited in
// length and size, and never trusted.
package screen

import (
	"image"

	"github.com/wxctl/wxctl/intents"
)

// Kind names a page.
type Kind int

// The pages. Off is a dark screen.
const (
	Off Kind = iota
	Lock
	Launcher
	App
	Launching
	Picker
	Confirm
	MomentsEditor
	Favorites
	Chat
	Consent
	MiniProgram
	Subscribe
	Login
	Refusal
	WeChatHome
	Chooser // which of two WeChats is meant
)

// Page is what is on the screen.
type Page struct {
	Kind Kind
	// Name is that of the app in front, or of the app that asks WeChat.
	Name string
	// WeChat is the version of WeChat that is installed, "" if there is none.
	WeChat string
	// Request is what the page is about; nil if it isn't about one.
	Request intents.Request
	// Photos are the request's, see [PhotosOf].
	Photos []*Photo
	// Note says how WeChat handled the request: the reason of a refusal.
	Note string
}

// Glass is a screen: its size in pixels, and how many pixels (Scale) are one
// unit of the layout (a dp, or a point).
type Glass struct {
	Width, Height, Scale int
	// Rounded is the style of iPhones: larger round corners, titles in the
	// middle, a bar at the bottom.
	Rounded bool
}

// Draw draws the page, in the colours of [Palette], so that PNGs and GIFs are
// small.
func Draw(page Page, on Glass) *image.Paletted {
	p := newPainter(on)
	defer p.done()
	p.draw(page)
	return p.paletted(nil)
}

func (p *painter) draw(page Page) {
	switch page.Kind {
	case Off:
		p.fill(p.all(), black)
		return
	case Lock:
		p.lock()
		return
	case Launcher:
		p.launcher(page)
	case App:
		p.app(page)
	case Launching:
		p.launching()
	case Picker, Confirm:
		p.picker(page)
	case MomentsEditor:
		p.moments(page)
	case Favorites:
		p.favorites(page)
	case Chat:
		p.chat(page)
	case Consent:
		p.consent(page)
	case MiniProgram:
		p.miniProgram(page)
	case Subscribe:
		p.subscribe(page)
	case Login:
		p.login()
	case Refusal:
		p.refusal(page)
	case WeChatHome:
		p.home()
	case Chooser:
		p.chooser(page)
	}
	p.statusBar()
}
