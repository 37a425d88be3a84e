package wechat

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wxctl/wxctl/intents/androidwire"
)

// The activities that take Android's own shares.
const (
	ShareImgClass        = PackageName + ".ui.tools.ShareImgUI"
	ShareToTimeLineClass = PackageName + ".ui.tools.ShareToTimeLineUI"
	AddFavoriteClass     = PackageName + ".ui.tools.AddFavoriteUI"
)

const (
	actionSend         = "android.intent.action.SEND"
	actionSendMultiple = "android.intent.action.SEND_MULTIPLE"
	// favoriteMost is the largest file that AddFavoriteUI accepts, in bytes.
	favoriteMost = 26214400
)

// Share decides how an ACTION_SEND or ACTION_SEND_MULTIPLE that reached the
// activity class is handled. The app never gets a result.
func (w *WeChat) Share(class string, in androidwire.Intent) Course {
	gone := func(format string, args ...any) Course {
		return Course{Note: fmt.Sprintf(format, args...), AtOnce: true, Closes: true}
	}
	if w.options.LoggedOut {
		return Course{Note: "nobody is logged in", Screens: screens(".plugin.account.ui.SimpleLoginUI")}
	}
	var streams []string
	switch in.Action {
	case actionSend:
		if uri := in.Extras.Get("android.intent.extra.STREAM").URI(); uri != "" {
			streams = []string{uri}
		}
	case actionSendMultiple:
		streams = in.Extras.Get("android.intent.extra.STREAM").URIs()
		if len(streams) == 0 {
			return gone("no pictures")
		}
	default:
		return gone("action %q is not taken", in.Action)
	}
	text := deref(in.Extras.Get("android.intent.extra.TEXT").Text())
	for _, uri := range streams {
		granted := in.Flags&androidwire.FlagGrantRead != 0 && (slices.Contains(in.ClipData, uri) || in.Data == uri)
		size, err := w.host.Size(uri, granted)
		if err != nil {
			return gone("%q can't be read: %v", uri, err)
		}
		if class == AddFavoriteClass && (size < 1 || size > favoriteMost) {
			return gone("%q has %d bytes, which the favorites don't take", uri, size)
		}
	}
	multiple := in.Action == actionSendMultiple
	if multiple && !strings.HasPrefix(in.Type, "image/") {
		return gone("several files that are not pictures (%q)", in.Type)
	}
	switch class {
	case ShareToTimeLineClass:
		switch {
		case multiple && w.options.Version.AtLeast(7, 0, 0):
			return gone("several pictures to Moments: not since 7.0")
		case len(streams) == 0 && !in.Extras.Get("Ksnsupload_empty_img").Boolean():
			return gone("no picture")
		case !strings.Contains(in.Type, "image"):
			return gone("type %q is not a picture", in.Type)
		}
		return w.shown("Moments editor", ".plugin.sns.ui.SnsUploadUI")
	case AddFavoriteClass:
		if len(streams) == 0 && text == "" {
			return gone("nothing to keep")
		}
		return gone("saved to favorites")
	}
	if len(streams) == 0 && text == "" {
		return gone("nothing to share")
	}
	return w.shown("chat picker", ".ui.transmit.SelectConversationUI")
}

// Open decides how an Intent to WeChat's main screen, or a weixin:// link to
// it, is handled.
func (w *WeChat) Open(link bool) Course {
	course := Course{Note: "main screen", AtOnce: true}
	switch {
	case w.options.LoggedOut:
		course = Course{Note: "nobody is logged in", Screens: screens(".plugin.account.ui.LoginUI"), AtOnce: true}
	case link:
		course.Screens = screens(".ui.LauncherUI")
	}
	return course
}

// shown opens one screen, which closes when the user is done with it.
func (w *WeChat) shown(note, class string) Course {
	return Course{Note: note, Screens: screens(class), Closes: w.options.Answer != Stay}
}
