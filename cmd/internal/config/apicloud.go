package config

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"

	"github.com/wxctl/wxctl/cmd/internal/exit"
)

// APICloud is what an APICloud config.xml says of the wx module.
type APICloud struct {
	// AppID is urlScheme or apiKey.
	AppID string
	// Secret is apiSecret; it goes to the secret store and nowhere else.
	Secret string
	// WidgetID is the app's id at APICloud, for messages.
	WidgetID string
}

// apiCloudLimit bounds the file; a real one has a few KB.
const apiCloudLimit = 1 << 20

// ReadAPICloud reads a config.xml: the feature named wx with its params
// urlScheme, apiKey and apiSecret. Errors name the file, the line and the key,
// never the secret.
func ReadAPICloud(path string, r io.Reader) (APICloud, error) {
	text, err := io.ReadAll(io.LimitReader(r, apiCloudLimit+1))
	if err != nil {
		return APICloud{}, notAPICloud(path, 0, "", "can't be read: "+reason(err))
	}
	if len(text) > apiCloudLimit {
		return APICloud{}, notAPICloud(path, 0, "", "is too long to be a config.xml")
	}
	p := apiCloudParser{path: path, dec: xml.NewDecoder(bytes.NewReader(text))}
	for {
		token, err := p.dec.Token()
		if err == io.EOF {
			break
		}
		var syntax *xml.SyntaxError
		if errors.As(err, &syntax) {
			return APICloud{}, notAPICloud(path, syntax.Line, "", "is no XML: "+syntax.Msg)
		}
		if err != nil {
			return APICloud{}, notAPICloud(path, 0, "", "is no XML that can be read")
		}
		switch element := token.(type) {
		case xml.StartElement:
			if err := p.start(element); err != nil {
				return APICloud{}, err
			}
		case xml.EndElement:
			if element.Name.Local == "feature" {
				p.inWX = false
			}
		}
	}
	switch {
	case !p.found:
		return APICloud{}, notAPICloud(path, 0, "feature", `has no feature named "wx"`)
	case p.result.AppID == "":
		return APICloud{}, notAPICloud(path, p.line, "apiKey", "the feature wx has neither urlScheme nor apiKey")
	}
	return p.result, nil
}

type apiCloudParser struct {
	path   string
	dec    *xml.Decoder
	inWX   bool
	found  bool
	line   int // of the feature
	result APICloud
}

func (p *apiCloudParser) start(element xml.StartElement) error {
	line, _ := p.dec.InputPos()
	attr := func(name string) string {
		for _, a := range element.Attr {
			if a.Name.Local == name {
				return a.Value
			}
		}
		return ""
	}
	switch element.Name.Local {
	case "widget":
		p.result.WidgetID = attr("id")
	case "feature":
		p.inWX = attr("name") == "wx"
		if p.inWX {
			p.found, p.line = true, line
		}
	case "param":
		if p.inWX {
			return p.param(line, attr("name"), attr("value"))
		}
	}
	return nil
}

func (p *apiCloudParser) param(line int, name, value string) error {
	switch name {
	case "urlScheme", "apiKey":
		if err := CheckAppID(value); err != nil {
			return notAPICloud(p.path, line, name, err.Error())
		}
		if p.result.AppID != "" && p.result.AppID != value {
			return notAPICloud(p.path, line, name, fmt.Sprintf("%q differs from the AppID %q above it", value, p.result.AppID))
		}
		p.result.AppID = value
	case "apiSecret":
		if value == "" {
			return notAPICloud(p.path, line, name, "is empty")
		}
		p.result.Secret = value
	}
	return nil
}

func notAPICloud(path string, line int, key, what string) error {
	where := fmt.Sprintf("%q", path)
	if line > 0 {
		where += fmt.Sprintf(", line %d", line)
	}
	if key != "" {
		where += fmt.Sprintf(", key %q", key)
	}
	return &exit.Error{Name: "bad_config", Code: exit.Usage, Message: where + ": " + what, Hint: `give the app's config.xml, with <feature name="wx">`}
}
