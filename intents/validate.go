package intents

import (
	"fmt"
	"slices"
)

// Bounds of the documents that are older, and lower, than what the SDKs
// enforce.
const (
	// DocumentedImage is the older bound of a picture, in bytes.
	DocumentedImage = 10 << 20
	// DocumentedScene is the highest scene of a [SubscribeMessage].
	DocumentedScene = 10000
	// DocumentedReserved is the bound of a [SubscribeMessage]'s Reserved, in
	// bytes, which are to be a-z, A-Z and 0-9.
	DocumentedReserved = 128
)

const (
	moduleDocument    = "APICloud wx module"
	subscribeDocument = "Open Platform documents, one-time subscription"
)

// WithoutRefused returns the warnings about fields that errors do not name:
// what is refused needs no advice.
func WithoutRefused(warnings, errors []Problem) []Problem {
	return slices.DeleteFunc(warnings, func(w Problem) bool {
		return slices.ContainsFunc(errors, func(e Problem) bool { return e.Severity == SeverityError && e.Field == w.Field })
	})
}

// Validate returns all that the documents advise against, whatever the
// platform: only warnings. What an SDK refuses is said by the Validate of the
// packages androidwire and ioswire, which include these warnings.
func Validate(req Request) []Problem {
	var c Checker
	c.Severity = SeverityWarning
	switch r := req.(type) {
	case Share:
		c.Source = moduleDocument
		switch o := r.Message.Object.(type) {
		case MiniProgram: // its thumb is the card's picture, with a bound of its own
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
			c.Add("scene", fmt.Sprintf("should be 0 to %d, not %d", DocumentedScene, r.Scene))
		}
		if r.Reserved == nil {
			break
		}
		c.AtMost("reserved", len(*r.Reserved), DocumentedReserved)
		for _, char := range []byte(*r.Reserved) {
			if !('a' <= char && char <= 'z' || 'A' <= char && char <= 'Z' || '0' <= char && char <= '9') {
				c.Add("reserved", "should be made of a-z, A-Z and 0-9")
				break
			}
		}
	}
	return c.Problems
}
