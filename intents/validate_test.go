package intents

import (
	"slices"
	"strings"
	"testing"
)

// TestAdvice: what the documents and experience advise against has an id for
// scripts, and does not stop a request.
func TestAdvice(t *testing.T) {
	share := func(to Scene, o Object) Share {
		return Share{Scene: to, Message: Message{Object: o}}
	}
	long := new(strings.Repeat("u", DocumentedURL+1))
	images := func(n int) Images { return Images{URIs: make([]string, n)} }
	for _, tt := range []struct {
		req  Request
		want []string
	}{
		{share(SceneSession, Webpage{}), nil},
		{share(SceneSession, MiniProgram{UserName: new("gh_1")}), nil},
		{share(SceneSession, MiniProgram{UserName: new("wx1")}), []string{"request.user-name"}},
		{LaunchMiniProgram{UserName: new("wx1")}, []string{"request.user-name"}},
		{LaunchMiniProgram{UserName: new("gh_1")}, nil},
		{share(SceneTimeline, MiniProgram{}), []string{idScene}},
		{share(SceneFavorite, MiniProgram{}), []string{idScene}},
		{share(SceneContact, MiniProgram{}), nil},
		{share(SceneSession, images(9)), nil},
		{share(SceneSession, images(10)), []string{"request.too-many-images"}},
		{share(SceneSession, Music{DataURL: long}), []string{"request.music-data-url"}},
		{share(SceneTimeline, File{}), []string{idScene}},
		{share(SceneTimeline, Emoji{}), []string{idScene}},
		{share(SceneFavorite, Emoji{}), nil},
	} {
		var got []string
		for _, p := range Validate(tt.req) {
			if p.Severity != SeverityWarning {
				t.Errorf("%#v: %v stops it", tt.req, p)
			}
			got = append(got, p.ID)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%#v: got %q, want %q", tt.req, got, tt.want)
		}
	}
}
