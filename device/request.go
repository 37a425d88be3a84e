package device

import (
	"strings"

	"github.com/wxctl/wxctl/intents"
)

// Describe names a request in messages.
func Describe(req intents.Request) string {
	switch r := req.(type) {
	case intents.Share:
		if r.Message.Object != nil {
			if name, ok := shared[r.Message.Object.ObjectKind()]; ok {
				return name
			}
		}
		return "a share"
	case intents.Auth:
		return "a login"
	case intents.LaunchMiniProgram:
		return "a mini program launch"
	case intents.SubscribeMessage, intents.SubscribeMiniProgramMessage:
		return "a subscribe message"
	}
	return "this request"
}

// shared are what a share carries, in words.
var shared = map[intents.Kind]string{
	intents.KindText: "a text", intents.KindImage: "an image", intents.KindImages: "several images", intents.KindMusic: "a music card",
	intents.KindVideo: "a video card", intents.KindWebpage: "a web page", intents.KindMiniProgram: "a mini program card",
	intents.KindFile: "a file", intents.KindEmoji: "a sticker", intents.KindMusicVideo: "a music video card",
	intents.KindVideoFile: "a video file",
}

// IsImages reports whether a request shares several images, for which the
// OpenSDK has no request.
func IsImages(req intents.Request) bool {
	share, ok := req.(intents.Share)
	if !ok {
		return false
	}
	_, ok = share.Message.Object.(intents.Images)
	return ok
}

// RefusedBySDK returns the error for a request that the SDK's own checks
// refuse; nil if none of the problems is an error. A thumb that is too large
// could be scaled, unless noFit.
func RefusedBySDK(problems []intents.Problem, noFit bool) error {
	refused := intents.Refused(problems)
	if len(refused) == 0 {
		return nil
	}
	hint := "fix it, or send it unchecked with --raw"
	said := make([]string, len(refused))
	for i, p := range refused {
		said[i] = p.Error()
		if noFit && p.Unit == "bytes" && (p.Field == "message.thumb" || p.Field == "message.object.hdImage") {
			hint = "omit --no-fit to have it scaled down, or give a smaller picture"
		}
	}
	return Errorf(Refused, "the SDK would refuse this: %s", strings.Join(said, "; ")).WithHint("%s", hint)
}
