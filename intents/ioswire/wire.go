// Package ioswire converts requests and WeChat's replies to and from what the
// OpenSDK for iOS hands to the system: a URL and sometimes a property list on
// the pasteboard.
//
// [Encode] returns what an SDK version does, in its order, and [Decode] reads
// it. [EncodeReply] and [DecodeReply] do the same for replies, and [Validate]
// says what an SDK version refuses.
package ioswire

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Names that both directions use.
const (
	// WeChat is the bundle id of WeChat for iOS.
	WeChat = "com.tencent.xin"
	// PasteboardType is the type under which the SDK puts its property list on
	// the general pasteboard.
	PasteboardType = "content"

	schemeBase  = "weixin://app/"
	linkBase    = "https://help.wechat.com/app/"
	keyOldText  = "old_text"
	itemToken   = "wechat_auth_token"
	itemContext = "wechat_auth_context_id"
	itemBundle  = "wechat_app_bundleId"
	itemDegrade = "wechat_degrade_launch_by_scheme"
	itemParams  = "_wechat_sdk_support_url_params"
	itemErased  = "_wechat_sdk_erased_some_params"
	itemLength  = "_wechat_sdk_biz_data_len"
	itemData    = "_wechat_sdk_biz_data"
)

// Wire is one thing that the SDK does: exactly one of the fields is not nil.
type Wire struct {
	URL        *URL
	Pasteboard *Pasteboard
}

// URL is a URL that is opened.
type URL struct {
	// Text is the URL itself, as NSURL holds it.
	Text string
	// BizData is the payload inside it, decoded; nil if it carries none.
	BizData Dict
}

// Pasteboard is what is put on the general pasteboard.
type Pasteboard struct {
	// Type is its type there, always PasteboardType in the SDK.
	Type string
	// Plist is the whole property list: the payload under the AppID, and the
	// text that was there before under old_text.
	Plist Dict
}

// Bytes is the binary property list that goes on the pasteboard.
func (p *Pasteboard) Bytes() []byte { return EncodePlist(p.Plist) }

// The forms of a Wire in JSON.
const (
	formURL        = "url"
	formPasteboard = "pasteboard"
)

type urlJSON struct {
	Form    string          `json:"form"`
	URL     string          `json:"url"`
	BizData json.RawMessage `json:"bizData"`
}

type pasteboardJSON struct {
	Form  string          `json:"form"`
	Type  string          `json:"type"`
	Plist json.RawMessage `json:"plist"`
}

// MarshalJSON writes {"form":"url","url","bizData"}, bizData null if there is
// none, or {"form":"pasteboard","type","plist"}. Nothing is lost.
func (w Wire) MarshalJSON() ([]byte, error) { return w.json(-1) }

func (w Wire) json(full int) ([]byte, error) {
	switch {
	case w.URL != nil:
		data, err := w.URL.BizData.appendJSON(nil, full)
		if err != nil {
			return nil, err
		}
		return marshal(urlJSON{formURL, w.URL.Text, data})
	case w.Pasteboard != nil:
		plist, err := w.Pasteboard.Plist.appendJSON(nil, full)
		if err != nil {
			return nil, err
		}
		return marshal(pasteboardJSON{formPasteboard, w.Pasteboard.Type, plist})
	}
	return []byte("null"), nil
}

// marshal is json.Marshal without HTML escaping, so that a URL's & stays.
func marshal(v any) ([]byte, error) {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return []byte(strings.TrimSuffix(b.String(), "\n")), nil
}

// UnmarshalJSON reads what MarshalJSON wrote. The payload of a URL is read from
// the URL.
func (w *Wire) UnmarshalJSON(text []byte) error {
	var j struct {
		Form  string  `json:"form"`
		URL   *string `json:"url"`
		Type  string  `json:"type"`
		Plist Dict    `json:"plist"`
	}
	if err := json.Unmarshal(text, &j); err != nil {
		return fmt.Errorf("reading a wire form: %w", err)
	}
	switch {
	case j.Form == formURL && j.URL != nil:
		data, err := bizDataOf(*j.URL)
		if err != nil {
			return fmt.Errorf("reading a wire form: %w", err)
		}
		*w = Wire{URL: &URL{Text: *j.URL, BizData: data}}
	case j.Form == formPasteboard && j.Plist != nil:
		*w = Wire{Pasteboard: &Pasteboard{Type: j.Type, Plist: j.Plist}}
	default:
		return fmt.Errorf("reading a wire form: %s is neither a url nor a pasteboard", clip(j.Form))
	}
	return nil
}

// Printed is a Wire whose JSON form is for reading and comparing: data of more
// than 64 bytes shows its length and SHA-256 only.
type Printed Wire

// Print returns the wire forms in their printed form.
func Print(wires []Wire) []Printed {
	out := make([]Printed, len(wires))
	for i, w := range wires {
		out[i] = Printed(w)
	}
	return out
}

// MarshalJSON writes the printed form.
func (p Printed) MarshalJSON() ([]byte, error) { return Wire(p).json(printedData) }

// Text returns the wire forms as lines of text for comparing: a URL by its
// query items, its payload and the pasteboard by their fields, sorted by key.
func Text(wires []Wire) string {
	var b strings.Builder
	for n, w := range wires {
		if n > 0 {
			b.WriteByte('\n')
		}
		switch {
		case w.URL != nil:
			w.URL.text(&b)
		case w.Pasteboard != nil:
			fmt.Fprintf(&b, "pasteboard\n  type %q\n", w.Pasteboard.Type)
			w.Pasteboard.Plist.lines(&b, "  ")
		}
	}
	return b.String()
}

func (u *URL) text(b *strings.Builder) {
	base, query, _ := strings.Cut(u.Text, "?")
	fmt.Fprintf(b, "url\n  base %s\n", base)
	for item := range strings.SplitSeq(query, "&") {
		if item == "" || u.BizData != nil && strings.HasPrefix(item, itemData+"=") {
			continue
		}
		fmt.Fprintf(b, "  item %s\n", item)
	}
	if u.BizData != nil {
		b.WriteString("  bizData\n")
		u.BizData.lines(b, "    ")
	}
}

func (d Dict) lines(b *strings.Builder, indent string) {
	for _, f := range d {
		if nested, ok := f.Value.Dict(); ok && len(nested) > 0 {
			fmt.Fprintf(b, "%sfield %s\n", indent, f.Key)
			nested.lines(b, indent+"  ")
			continue
		}
		fmt.Fprintf(b, "%sfield %s %s\n", indent, f.Key, f.Value)
	}
}
