package virtualandroid

import (
	"bytes"
	"image/png"
	"testing"
	"time"

	"github.com/wxctl/wxctl/device/virtual/screen"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/device/virtual/wechat"
	"github.com/wxctl/wxctl/fixtures/wait"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// Each page of a request is shown with the request's content.
func TestPages(t *testing.T) {
	title, link, scope := "Hello", "https://example.com", "snsapi_userinfo"
	web := intents.Message{Title: &title, Object: intents.Webpage{URL: &link}}
	tests := []struct {
		name    string
		options Options
		request intents.Request
		want    screen.Kind
	}{
		{"a chat", Options{}, intents.Share{Message: web}, screen.Picker},
		{"Moments", Options{}, intents.Share{Scene: intents.SceneTimeline, Message: web}, screen.MomentsEditor},
		{"login", Options{}, intents.Auth{Scope: &scope}, screen.Consent},
		{"nobody logged in", Options{LoggedOut: true}, intents.Share{Message: web}, screen.Login},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.options.Answer, test.options.Think = wechat.Stay, time.Hour
			p, err := New(test.options)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			wires, err := androidwire.Encode(test.request, androidwire.Sender{AppID: DemoAppID, Package: DemoPackage})
			if err != nil {
				t.Fatal(err)
			}
			var in androidwire.Intent
			for _, w := range wires {
				if w.Intent != nil {
					in = *w.Intent
				}
			}
			if _, err := p.Model.StartActivity(t.Context(), phone.StartRequest{UID: phone.ShellUID, Package: "com.android.shell", Intent: in}); err != nil {
				t.Fatal(err)
			}
			d := p.Model.Display().(display)
			wait.For(t, "the page", func() bool { return d.page().Kind == test.want })
			page := d.page()
			if page.Request == nil || page.Request.Kind() != test.request.Kind() || page.Name != "Demo" || page.WeChat == "" {
				t.Errorf("the page shows %+v", page)
			}
		})
	}
}

// Pictures have the phone's size; that of a phone that is off is dark.
func TestPicture(t *testing.T) {
	p, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var out, errs bytes.Buffer
	if code := p.Exec(t.Context(), phone.Command{Line: "screencap -p", Stdout: &out, Stderr: &errs}); code != 0 {
		t.Fatal(code, errs.String())
	}
	img, err := png.Decode(&out)
	if err != nil || img.Bounds().Dx() != phone.Width || img.Bounds().Dy() != phone.Height {
		t.Fatalf("%v %v", img.Bounds(), err)
	}
	if p.Model.Display().(display).page().Kind != screen.Launcher {
		t.Error("a phone that has booted shows no home screen")
	}
}
