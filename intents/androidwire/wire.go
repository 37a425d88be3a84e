// Package androidwire converts requests and WeChat's replies to and from what
// the OpenSDK for Android hands to the system: an [Intent] or a [Query] of
// WeChat's ContentProvider.
//
// [Encode] returns all that an SDK version hands over, in its order, and
// [Decode] reads one of these. [EncodeReply] and [DecodeReply] do the same for
// replies, [EncodeSystem] for Android's own share route, which needs no SDK,
// and [Validate] says what an SDK version refuses.
package androidwire

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Names that both directions use.
const (
	// WeChat is the package name of WeChat for Android.
	WeChat = "com.tencent.mm"
	// EntryComponent is the activity of WeChat that takes requests.
	EntryComponent = WeChat + "/com.tencent.mm.plugin.base.stub.WXEntryActivity"
	// LauncherComponent is WeChat's main screen.
	LauncherComponent = WeChat + "/com.tencent.mm.ui.LauncherUI"
	// ProviderAuthority is WeChat's ContentProvider for OpenSDK requests.
	ProviderAuthority = "com.tencent.mm.sdk.comm.provider"
)

// Flags of an Intent (android.content.Intent).
const (
	FlagGrantRead    int32 = 0x00000001 // FLAG_GRANT_READ_URI_PERMISSION
	FlagMultipleTask int32 = 0x08000000 // FLAG_ACTIVITY_MULTIPLE_TASK
	FlagNewTask      int32 = 0x10000000 // FLAG_ACTIVITY_NEW_TASK
)

// Wire is one thing that is handed to Android: exactly one of the fields is
// not nil.
type Wire struct {
	Intent *Intent
	Query  *Query
}

// Intent is an android.content.Intent that starts an activity.
type Intent struct {
	// Component is package/class, both in full; "" for none.
	Component string
	// Package restricts an Intent to a package; "" for none.
	Package string
	// Action, Data (a URI) and Type (a MIME type) are "" for none.
	Action, Data, Type string
	// Flags is the bit set of Intent.getFlags.
	Flags int32
	// Categories are in alphabetical order.
	Categories []string
	// ClipData holds the URIs of the clip that carries read grants.
	ClipData []string
	// Extras are the typed values; no key occurs twice.
	Extras Extras
}

// Query is a ContentResolver.query.
type Query struct {
	// URI is the content URI.
	URI string
	// Projection, Selection and SortOrder are nil for null.
	Projection []string
	Selection  *string
	// Args are the selection arguments; an element may be null.
	Args      []*string
	SortOrder *string
}

// Extra is one extra of an Intent.
type Extra struct {
	Key   string
	Value Value
}

// Extras are the extras of an Intent. Their order has no meaning, as in a
// Bundle.
type Extras []Extra

// Get returns a key's value; null if the key is absent, as Bundle does.
func (e Extras) Get(key string) Value {
	for i := range e {
		if e[i].Key == key {
			return e[i].Value
		}
	}
	return Value{}
}

// Has reports whether the key is present.
func (e Extras) Has(key string) bool {
	return slices.ContainsFunc(e, func(x Extra) bool { return x.Key == key })
}

// Set puts a value under a key, in place of any that is there.
func (e *Extras) Set(key string, v Value) {
	for i := range *e {
		if (*e)[i].Key == key {
			(*e)[i].Value = v
			return
		}
	}
	*e = append(*e, Extra{key, v})
}

// Sorted returns the extras in the order of their keys.
func (e Extras) Sorted() Extras {
	sorted := slices.Clone(e)
	slices.SortFunc(sorted, byKey)
	return sorted
}

// MarshalJSON writes an object of the values, sorted by key.
func (e Extras) MarshalJSON() ([]byte, error) {
	m := make(map[string]Value, len(e))
	for _, x := range e {
		m[x.Key] = x.Value
	}
	return json.Marshal(m)
}

// maxExtras bounds what is read: a request of the richest kind has fewer than
// 48 extras.
const maxExtras = 1024

// UnmarshalJSON reads an object of values; they are sorted by key. It refuses
// a key that occurs twice and more than 1024 extras.
func (e *Extras) UnmarshalJSON(data []byte) error {
	*e = nil
	var out Extras
	err := members(data, func(key string, value []byte) error {
		if len(out) == maxExtras {
			return fmt.Errorf("more than %d extras", maxExtras)
		}
		x := Extra{Key: key}
		if err := x.Value.UnmarshalJSON(value); err != nil {
			return fmt.Errorf("extra %q: %w", key, err)
		}
		out = append(out, x)
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(out, byKey)
	for i := 1; i < len(out); i++ {
		if out[i].Key == out[i-1].Key {
			return fmt.Errorf("extra %q occurs twice", out[i].Key)
		}
	}
	*e = out
	return nil
}

func byKey(a, b Extra) int { return strings.Compare(a.Key, b.Key) }

// wireJSON is the lossless JSON form; what is absent is null.
type wireJSON struct {
	Form string `json:"form"`
	intentJSON
	queryJSON
}

type intentJSON struct {
	Component  *string  `json:"component"`
	Package    *string  `json:"package,omitempty"`
	Action     *string  `json:"action"`
	Data       *string  `json:"data"`
	Type       *string  `json:"type"`
	Flags      int32    `json:"flags"`
	Categories []string `json:"categories"`
	ClipData   []string `json:"clipData"`
	Extras     Extras   `json:"extras"`
}

type queryJSON struct {
	URI        string    `json:"uri"`
	Projection []string  `json:"projection"`
	Selection  *string   `json:"selection"`
	Args       []*string `json:"args"`
	SortOrder  *string   `json:"sortOrder"`
}

// The forms of a Wire in JSON.
const (
	formIntent = "intent"
	formQuery  = "query"
)

// MarshalJSON writes the Intent or the Query.
func (w Wire) MarshalJSON() ([]byte, error) {
	switch {
	case w.Intent != nil:
		return w.Intent.MarshalJSON()
	case w.Query != nil:
		return w.Query.MarshalJSON()
	}
	return []byte("null"), nil
}

// UnmarshalJSON reads an Intent or a Query by its "form".
func (w *Wire) UnmarshalJSON(data []byte) error {
	var j wireJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*w = Wire{}
	switch j.Form {
	case formIntent:
		w.Intent = j.intent()
	case formQuery:
		w.Query = j.query()
	default:
		return fmt.Errorf("reading a wire form: unknown form %q", j.Form)
	}
	return nil
}

// MarshalJSON writes the Intent without loss: what is absent is null, and a
// byte[] is base64 whatever its length.
func (i Intent) MarshalJSON() ([]byte, error) {
	extras := i.Extras
	if extras == nil {
		extras = Extras{}
	}
	return json.Marshal(struct {
		Form string `json:"form"`
		intentJSON
	}{formIntent, intentJSON{
		Component: orNull(i.Component), Package: orNull(i.Package), Action: orNull(i.Action), Data: orNull(i.Data), Type: orNull(i.Type),
		Flags: i.Flags, Categories: i.Categories, ClipData: i.ClipData, Extras: extras,
	}})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (i *Intent) UnmarshalJSON(data []byte) error {
	var j wireJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*i = *j.intent()
	return nil
}

// MarshalJSON writes the Query; what is absent is null.
func (q Query) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Form string `json:"form"`
		queryJSON
	}{formQuery, queryJSON(q)})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (q *Query) UnmarshalJSON(data []byte) error {
	var j wireJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*q = *j.query()
	return nil
}

func (j *wireJSON) intent() *Intent {
	return &Intent{
		Component: text(j.Component), Package: text(j.Package), Action: text(j.Action), Data: text(j.Data), Type: text(j.intentJSON.Type),
		Flags: j.Flags, Categories: j.Categories, ClipData: j.ClipData, Extras: j.Extras,
	}
}

func (j *wireJSON) query() *Query {
	q := Query(j.queryJSON)
	return &q
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
