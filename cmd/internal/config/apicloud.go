package config

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device"
)

// APICloud is what an APICloud config.xml contains about the wx module.
type APICloud struct {
	// AppID is urlScheme or apiKey.
	AppID string
	// Secret is apiSecret; it is only passed to the secret store.
	Secret string
}

// apiCloudLimit limits the file; a real one has a few KB.
const apiCloudLimit = 1 << 20

// ReadAPICloud reads a config.xml: of the features of the wx module and its
// siblings, the params urlScheme, apiKey and apiSecret. Errors name the file,
// the line and the key, never the secret.
func ReadAPICloud(path string, r io.Reader) (APICloud, error) {
	raw, err := io.ReadAll(io.LimitReader(r, apiCloudLimit+1))
	if err != nil {
		return APICloud{}, notAPICloud(path, 0, "", fmt.Sprintf("it can't be read: %s", reason(err)))
	}
	if len(raw) > apiCloudLimit {
		return APICloud{}, notAPICloud(path, 0, "", "it is too long to be a config.xml")
	}
	text, err := decodeXML(raw)
	if err != nil {
		return APICloud{}, notAPICloud(path, 1, "", err.Error())
	}
	p := apiCloudParser{path: path, dec: xml.NewDecoder(bytes.NewReader(text))}
	p.dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // raw was converted to UTF-8 before
	// Descriptions are written by hand and may be invalid.
	p.dec.Strict, p.dec.Entity = false, xml.HTMLEntity
	for {
		token, err := p.dec.Token()
		if err == io.EOF {
			break
		}
		var syntax *xml.SyntaxError
		if errors.As(err, &syntax) {
			return APICloud{}, notAPICloud(path, syntax.Line, "", fmt.Sprintf("it is not XML: %s", syntax.Msg))
		}
		if err != nil {
			return APICloud{}, notAPICloud(path, 0, "", "it is not XML that can be read")
		}
		switch element := token.(type) {
		case xml.StartElement:
			if err := p.start(element); err != nil {
				return APICloud{}, err
			}
		case xml.EndElement:
			if element.Name.Local == "feature" {
				p.in = nil
			}
		}
	}
	found := &p.login
	if found.name == "" {
		found = &p.pay
	}
	switch {
	case found.name == "":
		return APICloud{}, notAPICloud(path, 0, "feature", `it has no feature named "wx", "weiXin" or "wxPlus"`)
	case found.appID == "":
		return APICloud{}, notAPICloud(path, found.line, "apiKey", fmt.Sprintf("the feature %q has neither urlScheme nor apiKey", found.name))
	}
	return APICloud{AppID: found.appID, Secret: found.secret}, nil
}

// declared finds the encoding that an XML declaration names.
var declared = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\s*<\?xml[^>]*?\bencoding\s*=\s*["']([^"']*)["']`)
})

// decodeXML returns the text as UTF-8: by its byte order mark, else by the
// encoding that it declares. Text that is neither declared nor UTF-8 is read as
// GB18030, since such files come from Chinese Windows; the values that matter
// are ASCII in any case.
func decodeXML(raw []byte) ([]byte, error) {
	head := raw[:min(len(raw), 1000)]
	var from encoding.Encoding = unicode.UTF8BOM
	switch m := declared().FindSubmatch(head); {
	case bytes.HasPrefix(raw, []byte("\xff\xfe")), bytes.HasPrefix(raw, []byte("\xfe\xff")):
		from = unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM)
	case utf8.Valid(raw):
	case m == nil, strings.HasPrefix(strings.ToLower(string(m[1])), "utf"):
		from = simplifiedchinese.GB18030
	default:
		var err error
		if from, err = htmlindex.Get(string(m[1])); err != nil || from == encoding.Replacement {
			return nil, fmt.Errorf("its encoding %q isn't known: save it as UTF-8", m[1])
		}
	}
	text, err := from.NewDecoder().Bytes(raw)
	if err != nil {
		return nil, errors.New("its encoding can't be read: save it as UTF-8")
	}
	return text, nil
}

// apiCloudFeature is the content of a feature.
type apiCloudFeature struct {
	name          string
	line          int
	appID, secret string
}

type apiCloudParser struct {
	path string
	dec  *xml.Decoder
	in   *apiCloudFeature // the one that is being read
	// login is for the modules that log in and share; pay for those that pay,
	// which name the same AppID and are used if there is no other.
	login, pay apiCloudFeature
}

// feature returns where to store a feature's params; nil for other modules.
func (p *apiCloudParser) feature(name string) *apiCloudFeature {
	switch strings.ToLower(name) {
	case "wx", "weixin", "wxplus": // weiXin is the older name of wx, wxPlus its successor
		return &p.login
	case "wxpay", "wxpayplus":
		return &p.pay
	}
	return nil
}

func (p *apiCloudParser) start(element xml.StartElement) error {
	line, _ := p.dec.InputPos()
	attr := func(name string) string {
		for _, a := range element.Attr {
			if a.Name.Local == name {
				return strings.TrimSpace(a.Value)
			}
		}
		return ""
	}
	switch element.Name.Local {
	case "feature":
		if p.in = p.feature(attr("name")); p.in != nil && p.in.name == "" {
			p.in.name, p.in.line = attr("name"), line
		}
	case "param":
		if p.in != nil {
			return p.param(line, attr("name"), attr("value"))
		}
	}
	return nil
}

func (p *apiCloudParser) param(line int, name, value string) error {
	if value == "" {
		return nil // the template's placeholder
	}
	switch strings.ToLower(name) {
	case "urlscheme", "apikey":
		if err := CheckAppID(value); err != nil {
			return notAPICloud(p.path, line, name, err.Error())
		}
		if p.in.appID != "" && p.in.appID != value {
			return notAPICloud(p.path, line, name, fmt.Sprintf("%q differs from the AppID %q above it", value, p.in.appID))
		}
		p.in.appID = value
	case "apisecret":
		p.in.secret = value
	}
	return nil
}

func notAPICloud(path string, line int, key, what string) error {
	return &device.Error{Code: "bad_config", Exit: exit.Usage, Message: at(path, line, key, what),
		Hint: `give the app's config.xml, with <feature name="wx">`}
}
