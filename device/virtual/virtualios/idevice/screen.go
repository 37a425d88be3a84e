package idevice

import (
	"github.com/wxctl/wxctl/device/virtual/screen"
)

// Shower is the code of an app that draws pages of its own. Of others the
// phone shows the name.
type Shower interface {
	// Page is what the app shows while it is in front.
	Page() screen.Page
}

// Screenshot is the screen as it is now, as PNG: of 390 by 844 points, three
// pixels each.
func (p *Phone) Screenshot() []byte {
	return screen.PNG(p.page(), screen.Glass{Width: 1170, Height: 2532, Scale: 3, Rounded: true})
}

func (p *Phone) page() screen.Page {
	p.mu.Lock()
	locked, front := p.locked, p.procs[p.front].BundleID
	app, wechat := p.apps[front], p.handler("weixin")
	p.mu.Unlock()
	page := screen.Page{Kind: screen.Launcher, Name: "Demo"}
	if wechat != nil {
		page.WeChat = wechat.Version
	}
	switch {
	case locked:
		page.Kind = screen.Lock
	case app == nil || front == SpringBoard:
	default:
		page.Kind, page.Name = screen.App, app.Name
		if s, ok := app.Code.(Shower); ok {
			page = s.Page()
		}
	}
	return page
}
