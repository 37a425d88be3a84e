package agent

import (
	"encoding/json"
	"fmt"

	"github.com/wxctl/wxctl/device/android/apk"
)

// UnmarshalJSON reads an App as the agent sends it: with the compiled manifest
// (base64) in place of what no API of Android returns.
func (a *App) UnmarshalJSON(data []byte) error {
	type plain App
	app := struct {
		*plain
		Manifest []byte `json:"manifest"`
	}{plain: (*plain)(a)}
	if err := json.Unmarshal(data, &app); err != nil {
		return err
	}
	if app.Manifest == nil {
		return nil
	}
	manifest, err := apk.ParseManifest(app.Manifest)
	if err != nil {
		a.Notes = append(a.Notes, fmt.Sprintf("manifest: %v", err))
		return nil
	}
	a.Declared = &Declared{Queries: manifest.Queries, SeesWeChat: manifest.SeesWeChat, Entries: manifest.Entries(),
		Packed: manifest.Packed()}
	return nil
}
