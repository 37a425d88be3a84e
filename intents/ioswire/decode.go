package ioswire

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/wxctl/wxctl/intents"
)

// Errors of Decode and DecodeReply, for errors.Is.
var (
	// ErrMalformed is a URL or a property list that no SDK sends.
	ErrMalformed = errors.New("malformed")
	// ErrNoRequest is a URL of the SDK that is none of this package's requests,
	// or does not carry one.
	ErrNoRequest = errors.New("not a request")
)

// Envelope is who a request says it comes from.
type Envelope struct {
	// AppID is the sender's id.
	AppID string
	// SDK is the sender's SDK version, empty if there is no payload.
	SDK Version
	// BundleID is the sender's CFBundleIdentifier, empty if it is not told.
	BundleID string
	// UniversalLink is the one that the sender registered with, empty if none.
	UniversalLink string
	// ContextID is the request's wechat_auth_context_id, Token the sender's
	// wechat_auth_token; empty if absent.
	ContextID, Token string
	// Link says that the request came as a universal link, not by the scheme;
	// Degraded that the universal link had not opened.
	Link, Degraded bool
	// Erased says that the SDK left a field out of the URL; the pasteboard has it.
	Erased bool
	// Resent says that the SDK sent the request again by itself.
	Resent bool
}

// query is a URL's query: the items by name, percent escapes still in them; of
// a doubled name the last one, and of a value what stands before a second =.
type query map[string]string

func parseQuery(text string) query {
	q := query{}
	for item := range strings.SplitSeq(text, "&") {
		name, value, ok := strings.Cut(item, "=")
		if !ok {
			continue
		}
		value, _, _ = strings.Cut(value, "=")
		q[name] = value
	}
	return q
}

// text is an item without its percent escapes, "" if it is absent.
func (q query) text(name string) (string, error) {
	text, ok := unescape(q[name])
	if !ok {
		return "", fmt.Errorf("%w: the item %s is no escaped text: %s", ErrMalformed, name, clip(q[name]))
	}
	return text, nil
}

// pointer is an item without its percent escapes, nil if it is absent.
func (q query) pointer(name string) (*string, error) {
	if _, ok := q[name]; !ok {
		return nil, nil
	}
	text, err := q.text(name)
	return &text, err
}

// bizDataOf is the payload that a URL carries, nil if none.
func bizDataOf(url string) (Dict, error) {
	_, text, _ := strings.Cut(url, "?")
	return parseQuery(text).payload()
}

func (q query) payload() (Dict, error) {
	escaped, ok := q[itemData]
	if !ok {
		return nil, nil
	}
	text, ok := unescape(escaped)
	if !ok {
		return nil, fmt.Errorf("%w: the payload is no escaped text", ErrMalformed)
	}
	if length := q[itemLength]; length != strconv.Itoa(len(text)) {
		return nil, fmt.Errorf("%w: the payload has %d characters, not the %s announced", ErrMalformed, len(text), clip(length))
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%w: the payload is no base64", ErrMalformed)
	}
	plist, err := DecodePlist(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: the payload: %w", ErrMalformed, err)
	}
	return plist, nil
}

var _ = intents.Share{}
