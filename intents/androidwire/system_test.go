package androidwire

import (
	"slices"
	"testing"

	"github.com/wxctl/wxctl/intents"
)

func TestEncodeSystem(t *testing.T) {
	one, two := []string{"content://media/external/images/media/1"}, []string{"content://media/1", "content://media/2"}
	share := func(scene intents.Scene, object intents.Object) intents.Share {
		return intents.Share{Scene: scene, Message: intents.Message{Object: object}}
	}
	tests := []struct {
		name                    string
		share                   intents.Share
		uris                    []string
		component, action, mime string
		flags                   int32
		wantErr                 bool
	}{
		{"text to a chat", share(intents.SceneSession, intents.Text{Text: new("hi")}), nil, ShareToFriend, actionSend, "text/plain", FlagNewTask | FlagMultipleTask, false},
		{"picture to Moments", share(intents.SceneTimeline, intents.Image{}), one, ShareToTimeline, actionSend, "image/png", FlagNewTask | FlagMultipleTask | FlagGrantRead, false},
		{"file to the favorites", share(intents.SceneFavorite, intents.File{}), one, ShareToFavorites, actionSend, "image/png", FlagNewTask | FlagMultipleTask | FlagGrantRead, false},
		{"several pictures", share(intents.SceneSession, intents.Images{}), two, ShareToFriend, actionSendMultiple, "image/*", FlagNewTask | FlagMultipleTask | FlagGrantRead, false},
		{"a contact", share(intents.SceneContact, intents.Image{}), one, "", "", "", 0, true},
		{"a web page", share(intents.SceneSession, intents.Webpage{}), nil, "", "", "", 0, true},
		{"a picture without a URI", share(intents.SceneSession, intents.Image{}), nil, "", "", "", 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := EncodeSystem(tt.share, tt.uris, "image/png")
			if (err != nil) != tt.wantErr {
				t.Fatalf("error %v, want one: %v", err, tt.wantErr)
			}
			if got.Component != tt.component || got.Action != tt.action || got.Type != tt.mime || got.Flags != tt.flags || !slices.Equal(got.ClipData, tt.uris) && !tt.wantErr {
				t.Errorf("%+v", got)
			}
		})
	}
}
