package intents

import (
	"slices"
	"strings"
)

// Limits from the documents, which are older and lower than what the SDKs
// enforce.
const (
	// DocumentedImage is the older limit of a picture, in bytes.
	DocumentedImage = 10 << 20
	// DocumentedURL is the limit of an audio URL, in characters.
	DocumentedURL = 10240
	// MostImages is how many pictures WeChat accepts at once.
	MostImages = 9
	// DocumentedScene is the highest scene of a [SubscribeMessage].
	DocumentedScene = 10000
	// DocumentedReserved is the limit of a [SubscribeMessage]'s Reserved, in
	// bytes, which must be a-z, A-Z and 0-9.
	DocumentedReserved = 128
)

const (
	observed          = "what WeChat was seen to do"
	moduleDocument    = "APICloud wx module"
	subscribeDocument = "Open Platform documents, one-time subscription"
)

// idScene is the id of a share to a scene that WeChat does not send it to.
const idScene = "request.scene"

// WithoutRefused returns the warnings about fields that an SDK has no problem
// with: refused fields need no further advice.
func WithoutRefused(warnings, said []Problem) []Problem {
	return slices.DeleteFunc(warnings, func(w Problem) bool {
		return slices.ContainsFunc(said, func(p Problem) bool {
			return p.Field == w.Field && (p.Severity == SeverityError || p.ID != "" && p.ID == w.ID)
		})
	})
}

// Validate returns what the documents advise against on any platform, as
// warnings. What an SDK refuses is reported by Validate of the packages
// androidwire and ioswire, which include these warnings.
func Validate(req Request) []Problem {
	var c Checker
	c.Severity = SeverityWarning
	switch r := req.(type) {
	case LaunchMiniProgram:
		c.Source = moduleDocument
		c.userName("userName", r.UserName)
	case Share:
		c.Source = moduleDocument
		switch o := r.Message.Object.(type) {
		case MiniProgram: // its thumb is the card's picture, with a limit of its own
			c.userName("message.object.userName", o.UserName)
			if r.Scene == SceneTimeline || r.Scene == SceneFavorite {
				c.named(idScene, "scene", "%s should be session or contact: WeChat sends a mini program into chats only, whatever the scene says")
			}
		case Images:
			if n := len(o.URIs); n > MostImages {
				c.Problems = append(c.Problems, Problem{ID: "request.too-many-images", Severity: c.Severity, Field: "message.object.uris",
					Rule: ShouldRule, Limit: MostImages, Actual: int64(n), Unit: "pictures", Source: observed})
			}
		case File:
			if r.Scene == SceneTimeline {
				c.named(idScene, "scene", "%s should be session, contact or favorite: WeChat posts no files to Moments")
			}
			c.AtMost("message.thumb", len(r.Message.Thumb), ThumbDocumented)
		case Emoji:
			if r.Scene == SceneTimeline {
				c.named(idScene, "scene", "%s should be session, contact or favorite: WeChat posts no stickers to Moments")
			}
			c.AtMost("message.thumb", len(r.Message.Thumb), ThumbDocumented)
		case Music:
			before := len(c.Problems)
			c.CharsAtMost("message.object.dataUrl", o.DataURL, DocumentedURL)
			c.CharsAtMost("message.object.lowBandDataUrl", o.LowBandDataURL, DocumentedURL)
			for i := range c.Problems[before:] {
				c.Problems[before+i].ID = "request.music-data-url"
			}
			c.AtMost("message.thumb", len(r.Message.Thumb), ThumbDocumented)
		case Image:
			c.AtMost("message.object.data", len(o.Data), DocumentedImage)
			c.FileAtMost("message.object.path", o.Size, DocumentedImage)
			c.AtMost("message.thumb", len(r.Message.Thumb), ThumbDocumented)
		default:
			c.AtMost("message.thumb", len(r.Message.Thumb), ThumbDocumented)
		}
	case SubscribeMessage:
		c.Source = subscribeDocument
		if r.Scene < 0 || r.Scene > DocumentedScene {
			c.Add("scene", "%s should be 0 to %d, not %d", DocumentedScene, r.Scene)
		}
		if r.Reserved == nil {
			break
		}
		c.AtMost("reserved", len(*r.Reserved), DocumentedReserved)
		for _, char := range []byte(*r.Reserved) {
			if !('a' <= char && char <= 'z' || 'A' <= char && char <= 'Z' || '0' <= char && char <= '9') {
				c.Add("reserved", "%s should be made of a-z, A-Z and 0-9")
				break
			}
		}
	}
	return c.Problems
}

// named adds a problem with an id, for scripts.
func (c *Checker) named(id, field, sentence string) {
	c.Add(field, sentence)
	c.Problems[len(c.Problems)-1].ID = id
}

// userName checks the name of a mini program, which is its original id.
func (c *Checker) userName(field string, name *string) {
	if name != nil && *name != "" && !strings.HasPrefix(*name, "gh_") {
		c.named("request.user-name", field, "%s should be the original id, which begins with gh_")
	}
}
