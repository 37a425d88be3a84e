package androidwire

import (
	"fmt"

	"github.com/wxctl/wxctl/intents"
)

// The activities of WeChat that take the shares of Android's own share route.
const (
	ShareToFriend    = WeChat + "/com.tencent.mm.ui.tools.ShareImgUI"
	ShareToTimeline  = WeChat + "/com.tencent.mm.ui.tools.ShareToTimeLineUI"
	ShareToFavorites = WeChat + "/com.tencent.mm.ui.tools.AddFavoriteUI"
)

// The actions and extras of Android's own share route (android.content.Intent).
const (
	actionSend         = "android.intent.action.SEND"
	actionSendMultiple = "android.intent.action.SEND_MULTIPLE"
	extraText          = "android.intent.extra.TEXT"
	extraStream        = "android.intent.extra.STREAM"
	// extraCaption is WeChat's own: the caption of a picture in Moments. WeChat
	// 7.0 ignored it.
	extraCaption = "Kdescription"
)

// EncodeSystem returns the Intent that Android's own share route sends to
// WeChat: ACTION_SEND of a text, a picture or a file, ACTION_SEND_MULTIPLE of
// several pictures. uris are the content URIs of the files and mime the type of
// the first; a text has no URIs. The URIs are in the ClipData too, with a read
// grant: the system grants access to the URIs in the ClipData, not to those in
// EXTRA_STREAM. It fails for what this route can't carry.
func EncodeSystem(share intents.Share, uris []string, mime string) (Intent, error) {
	// Without FLAG_ACTIVITY_MULTIPLE_TASK a second share that differs only in
	// its extras would just bring the first one's task to the front (AOSP
	// ActivityStarter: Intent.filterEquals ignores extras).
	intent := Intent{Action: actionSend, Component: ShareToFriend, Flags: FlagNewTask | FlagMultipleTask}
	switch share.Scene {
	case intents.SceneTimeline:
		intent.Component = ShareToTimeline
	case intents.SceneFavorite:
		intent.Component = ShareToFavorites
	case intents.SceneContact:
		return Intent{}, fmt.Errorf("Android's share route can't name a contact")
	}
	if text, ok := share.Message.Object.(intents.Text); ok {
		intent.Type = "text/plain"
		intent.Extras.Set(extraText, StringOrNull(text.Text))
		return intent, nil
	}
	switch share.Message.Object.(type) {
	case intents.Image, intents.Images, intents.File:
	default:
		return Intent{}, fmt.Errorf("Android's share route supports text, pictures and files only")
	}
	if len(uris) == 0 {
		return Intent{}, fmt.Errorf("Android's share route accepts files by content URI only")
	}
	intent.Type, intent.ClipData = mime, uris
	intent.Flags |= FlagGrantRead
	if len(uris) > 1 {
		intent.Action, intent.Type = actionSendMultiple, "image/*"
		intent.Extras.Set(extraStream, URIList(uris))
	} else {
		intent.Extras.Set(extraStream, URI(uris[0]))
	}
	if share.Message.Description != nil {
		intent.Extras.Set(extraCaption, String(*share.Message.Description))
	}
	return intent, nil
}
