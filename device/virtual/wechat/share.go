package wechat

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// Scenes of a share as the wire has them (SendMessageToWX.Req).
const (
	sceneSession = iota
	sceneTimeline
	sceneFavorite
	sceneContact
	sceneStatus
)

// object is one class of shared object as WeChat knows it by its identifier.
type object struct {
	class  string
	level  int32   // support level from which WeChat accepts it
	scenes []int32 // where it may go; nil is anywhere
	file   string  // the key of a path or content URI, if there is one
	needs  string  // the key that must not be empty
}

// objects are the media objects by the simple name of their class. What an
// older or newer WeChat refuses with -5 follows the code of 7.0.3 and 8.0.2x.
func objects(class string) (object, bool) {
	for _, o := range [...]object{
		{class: "WXTextObject", needs: "_wxtextobject_text"},
		{class: "WXImageObject", file: "_wximageobject_imagePath"},
		{class: "WXMusicObject"},
		{class: "WXVideoObject"},
		{class: "WXWebpageObject", needs: "_wxwebpageobject_webpageUrl"},
		{class: "WXFileObject", file: "_wxfileobject_filePath"},
		{class: "WXAppExtendObject", file: "_wxappextendobject_filePath"},
		{class: "WXEmojiObject", file: "_wxemojiobject_emojiPath", scenes: []int32{sceneSession, sceneFavorite, sceneContact}},
		{class: "WXMiniProgramObject", level: supportMiniProgram, needs: "_wxminiprogram_username"},
		{class: "WXVideoFileObject", level: supportVideoFile, file: "_wxvideofileobject_filePath", scenes: []int32{sceneTimeline, sceneStatus}},
		{class: "WXMusicVideoObject", level: supportMusicVideo},
		{class: "WXLocationObject"},
		{class: "WXGameVideoFileObject", level: supportVideoFile, file: "_wxvideofileobject_filePath"},
	} {
		if o.class == class {
			return o, true
		}
	}
	return object{}, false
}

// share opens the screen of a message's scene.
func (w *WeChat) share(e envelope, in androidwire.Intent) Course {
	extras := in.Extras
	scene := extras.Get("_wxapi_sendmessagetowx_req_scene").Integer()
	identifier := deref(extras.Get("_wxobject_identifier_").Text())
	class := identifier[strings.LastIndexByte(identifier, '.')+1:]
	kind, known := objects(class)
	switch {
	case known && !w.supports(kind.level),
		known && kind.scenes != nil && !slices.Contains(kind.scenes, scene),
		scene == sceneContact && !w.supports(supportContact),
		scene == sceneStatus && !w.supports(supportStatus),
		scene < sceneSession || scene > sceneStatus:
		return w.unsupported(e, fmt.Sprintf("%s to scene %d is not supported by WeChat %s", orNone(class), scene, w.options.Version))
	}
	if kind.class == "WXMiniProgramObject" && scene != sceneContact {
		scene = sceneSession // WeChat sends a mini program into chats only
	}
	if kind.class == "WXFileObject" && scene == sceneTimeline {
		return Course{Note: "a file can't go to Moments", Screens: screens(".plugin.base.stub.UIEntryStub"), AtOnce: true, Closes: true}
	}
	if fault := w.file(kind, in); fault != "" {
		return w.refuse(e, fault, intents.ErrComm)
	}
	course := w.to(scene, e)
	if !known || kind.needs != "" && deref(extras.Get(kind.needs).Text()) == "" {
		// Without an object the picker still opens, and nothing happens when
		// the user taps Send.
		course.Note += ", but there is nothing to send (" + orNone(class) + ")"
		course.Reply, course.Closes = nil, w.options.Answer != Stay
	}
	return course
}

// file says why WeChat can't read the file a message names; "" if it can.
func (w *WeChat) file(kind object, in androidwire.Intent) string {
	if kind.file == "" {
		return ""
	}
	path := deref(in.Extras.Get(kind.file).Text())
	if path == "" {
		return ""
	}
	if strings.HasPrefix(path, "content") && !w.supports(supportContentURI) {
		return fmt.Sprintf("WeChat %s takes paths only, not %q", w.options.Version, path)
	}
	// The URI travels as a text, so the Intent's own grants don't cover it,
	// unless its clip names the same URI.
	granted := in.Flags&androidwire.FlagGrantRead != 0 && slices.Contains(in.ClipData, path)
	if _, err := w.host.Size(path, granted); err != nil {
		return fmt.Sprintf("%q can't be read: %v", path, err)
	}
	return ""
}

func orNone(class string) string {
	if class == "" {
		return "no object"
	}
	return class
}

// unsupported returns to the app at once.
func (w *WeChat) unsupported(e envelope, why string) Course {
	return Course{Note: why, Screens: screens(".plugin.base.stub.UIEntryStub"), Reply: w.reply(e, w.bare(e, intents.ErrUnsupported)),
		AtOnce: true, Closes: true}
}

// to opens the screens of a scene and lets the user act.
func (w *WeChat) to(scene int32, e envelope) Course {
	const stub, wrapper = ".plugin.base.stub.UIEntryStub", ".ui.transmit.SendAppMessageWrapperUI"
	var course Course
	switch scene {
	case sceneTimeline, sceneStatus:
		course = Course{Note: "Moments editor", Screens: screens(stub, wrapper, ".plugin.sns.ui.SnsUploadUI")}
	case sceneFavorite:
		// Saved without asking the user.
		code := intents.ErrOK
		if w.options.Answer == Fail {
			code = intents.ErrSentFailed
		}
		return Course{Note: "saved to favorites", Screens: screens(stub, ".plugin.favorite.ui.FavOpenApiEntry"),
			Reply: w.reply(e, w.bare(e, code)), AtOnce: true, Closes: true}
	case sceneContact:
		course = Course{Note: "chat with a contact", Screens: screens(stub, wrapper, ".ui.chatting.ChattingUI")}
	default:
		course = Course{Note: "chat picker", Screens: screens(stub, ".ui.transmit.SelectConversationUI")}
		if w.options.Answer == Send || w.options.Answer == Stay {
			course.Then = []Screen{{Class: full(wrapper), Over: true}}
		}
	}
	if w.options.Answer == Stay {
		if scene == sceneSession {
			// The user sends, and then chooses "stay in WeChat" instead of
			// "back to the app".
			course.Then = append(course.Then, Screen{Class: full(".ui.LauncherUI")})
		}
		return course
	}
	return w.left(course, w.reply(e, w.bare(e, w.answerCode())))
}
