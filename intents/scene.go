package intents

import (
	"fmt"
	"strconv"
	"strings"
)

// Scene is where a share goes.
type Scene int32

// The scenes of the OpenSDK, with the SDK's numbers.
const (
	SceneSession  Scene = 0 // a chat that the user picks
	SceneTimeline Scene = 1 // Moments
	SceneFavorite Scene = 2 // the user's favorites
	SceneContact  Scene = 3 // one contact, named by openid
)

var sceneNames = []string{"session", "timeline", "favorite", "contact"}

// String returns the scene's name, or its number if it has none.
func (s Scene) String() string { return nameOf(int(s), sceneNames) }

// ParseScene reads a scene's name or number.
func ParseScene(text string) (Scene, error) {
	n, err := parseName("scene", text, sceneNames)
	return Scene(n), err
}

// MarshalText writes the scene's name, or its number if it has none.
func (s Scene) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText writes. It accepts any number, since a
// decoded request may have one that this package has no name for.
func (s *Scene) UnmarshalText(text []byte) error {
	n, err := parseAny("scene", string(text), sceneNames)
	*s = Scene(n)
	return err
}

// MiniProgramType is the version of a mini program.
type MiniProgramType int32

// The versions of a mini program, with the SDK's numbers.
const (
	MiniProgramRelease MiniProgramType = 0
	MiniProgramTest    MiniProgramType = 1
	MiniProgramPreview MiniProgramType = 2
)

var typeNames = []string{"release", "test", "preview"}

// String returns the version's name, or its number if it has none.
func (t MiniProgramType) String() string { return nameOf(int(t), typeNames) }

// ParseMiniProgramType reads a version's name or number.
func ParseMiniProgramType(text string) (MiniProgramType, error) {
	n, err := parseName("mini program type", text, typeNames)
	return MiniProgramType(n), err
}

// MarshalText writes the version's name, or its number if it has none.
func (t MiniProgramType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what MarshalText writes; any number is taken.
func (t *MiniProgramType) UnmarshalText(text []byte) error {
	n, err := parseAny("mini program type", string(text), typeNames)
	*t = MiniProgramType(n)
	return err
}

func nameOf(n int, names []string) string {
	if n >= 0 && n < len(names) {
		return names[n]
	}
	return strconv.Itoa(n)
}

func parseName(what, text string, names []string) (int32, error) {
	if n, err := parseAny(what, text, names); err == nil && n >= 0 && int(n) < len(names) {
		return n, nil
	}
	return 0, fmt.Errorf("invalid %s %q: use %s", what, text, strings.Join(names, ", "))
}

func parseAny(what, text string, names []string) (int32, error) {
	for n, name := range names {
		if text == name {
			return int32(n), nil
		}
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("invalid %s %q: use %s", what, text, strings.Join(names, ", "))
	}
	return int32(n), nil
}
