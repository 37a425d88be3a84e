package device

import (
	"cmp"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Selector says which phones are meant. The zero value means the only ready
// phone.
type Selector struct {
	Text string // as the user wrote it; empty: the only ready phone
	From string // where it was written: "--device", "WXCTL_DEVICE", "profile"

	// Platform narrows the selection; empty: both.
	Platform Platform

	All        bool        // every ready phone that matches
	Single     bool        // what is done takes one phone; hints don't offer All
	Conditions []Condition // every one must hold: platform=android,os>=12
	// Virtual is set for virtual:PLATFORM?OPTIONS, a phone that runs in this
	// process; it is started and not looked up.
	Virtual *VirtualSpec
}

// VirtualSpec is the content of virtual:android?api=33&answer=cancel. The
// virtual phone defines which options exist.
type VirtualSpec struct {
	Platform Platform
	Options  url.Values
	// More are further phones of the platform, at the same server.
	More []url.Values
}

// Condition is one comparison of a selector such as os>=12.
type Condition struct {
	Key   string // platform, os, model, name or transport
	Op    string // = != < <= > >=
	Value string
}

var condition = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(platform|os|model|name|transport|id|agent|label)(>=|<=|!=|=|<|>)(.*)$`)
})

// ParseSelector reads a selector as --device takes it: a serial or UDID, a
// unique prefix of one, a name, platform=android,os>=12, all, or
// virtual:android?api=33. from names the place it comes from, for messages.
func ParseSelector(text, from string) (Selector, error) {
	sel := Selector{Text: text, From: from}
	switch {
	case text == "":
		return sel, nil
	case text == "all":
		return Selector{All: true, From: from}, nil
	case text == "virtual" || strings.HasPrefix(text, "virtual:"):
		return parseVirtual(sel)
	case !condition().MatchString(text):
		return sel, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		m := condition().FindStringSubmatch(strings.TrimSpace(part))
		if m == nil {
			return sel, Errorf(Usage, "%s %q: invalid condition %q", from, text, part).
				WithHint("write conditions as platform=android,os>=12; keys: platform, os, model, name, transport, id, agent, label")
		}
		c := Condition{Key: m[1], Op: m[2], Value: m[3]}
		if err := c.check(); err != nil {
			return sel, err
		}
		sel.Conditions = append(sel.Conditions, c)
	}
	return sel, nil
}

func parseVirtual(sel Selector) (Selector, error) {
	spec, query, _ := strings.Cut(strings.TrimPrefix(sel.Text, "virtual:"), "?")
	options, err := url.ParseQuery(query)
	if err != nil {
		return sel, Errorf(Usage, "%s %q: its options can't be read", sel.From, sel.Text).
			WithHint("write them as virtual:android?api=33&answer=cancel")
	}
	switch p := Platform(spec); p {
	case Android, IOS:
		sel.Virtual = &VirtualSpec{Platform: p, Options: options}
		return sel, nil
	}
	unknown := Errorf(Usage, "invalid %s %q: unknown kind of virtual phone", sel.From, sel.Text)
	if kind, rest := cutAny(spec, ",;&:/ "); (kind == string(Android) || kind == string(IOS)) && strings.Contains(rest, "=") {
		return sel, unknown.WithHint("write its options after a ?, with & between them: %q",
			"virtual:"+kind+"?"+strings.NewReplacer(",", "&", ";", "&").Replace(rest))
	}
	return sel, unknown.WithHint("use virtual:android or virtual:ios")
}

// cutAny cuts a text at the first of some characters.
func cutAny(s, chars string) (before, after string) {
	if i := strings.IndexAny(s, chars); i >= 0 {
		return s[:i], s[i+1:]
	}
	return s, ""
}

func (c Condition) check() error {
	ordered := c.Op != "=" && c.Op != "!="
	switch {
	case c.Value == "":
		return Errorf(Usage, "the condition %q has no value", c.Key+c.Op)
	case c.Key == "os" && !isVersion(c.Value):
		return Errorf(Usage, "invalid version %q: use a number, as in os>=12 or os=17.5", c.Value)
	case c.Key != "os" && ordered:
		return Errorf(Usage, "%s can't be compared with %s", c.Key, c.Op).WithHint("only os has an order; use = or !=")
	case c.Key == "platform" && c.Value != string(Android) && c.Value != string(IOS):
		return Errorf(Usage, "invalid platform %q: use platform=android or platform=ios", c.Value)
	case c.Key == "transport" && !slices.Contains([]Transport{USB, Network, Emulator, Virtual}, Transport(c.Value)):
		return Errorf(Usage, "invalid transport %q: use transport=usb, network, emulator or virtual", c.Value)
	}
	return nil
}

// holds reports whether the condition holds for a phone. A condition about
// something unknown (the version of a phone that isn't ready) does not hold.
func (c Condition) holds(i Info) bool {
	var value string
	switch c.Key {
	case "platform":
		value = string(i.Platform)
	case "model":
		value = i.Model
	case "name":
		value = i.Name
	case "transport":
		value = string(i.Transport)
	case "id":
		value = i.ID
	case "agent":
		value = i.Agent
	case "label":
		return slices.Contains(i.Labels, c.Value) == (c.Op == "=")
	case "os":
		if i.OSVersion == "" {
			return false
		}
		// os=17 means 17 and every 17.x; os<=17 likewise.
		n := CompareVersions(i.OSVersion, c.Value)
		within := n == 0 || strings.HasPrefix(i.OSVersion, c.Value+".")
		switch c.Op {
		case "=":
			return within
		case "!=":
			return !within
		case "<":
			return n < 0 && !within
		case "<=":
			return n < 0 || within
		case ">":
			return n > 0 && !within
		default:
			return n >= 0 || within
		}
	}
	if c.Op == "!=" {
		return value != c.Value
	}
	return value == c.Value
}

// unknown reports whether the condition is about something that is unknown
// because the phone isn't ready.
func (c Condition) unknown(i Info) bool {
	return i.State != Ready && (c.Key == "os" && i.OSVersion == "" || c.Key == "model" && i.Model == "" || c.Key == "name" && i.Name == "")
}

func isVersion(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if _, err := strconv.ParseUint(part, 10, 32); err != nil {
			return false
		}
	}
	return true
}

// CompareVersions compares dotted numbers part by part: -1, 0 or 1. A missing
// part and a part that is not a number count as 0 ("14-beta" never panics).
func CompareVersions(a, b string) int {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(as), len(bs)) {
		if c := cmp.Compare(part(as, i), part(bs, i)); c != 0 {
			return c
		}
	}
	return 0
}

func part(parts []string, i int) uint64 {
	if i >= len(parts) {
		return 0
	}
	n, _ := strconv.ParseUint(parts[i], 10, 32)
	return n
}

// ChooseSelector applies the order of precedence: the flag, then WXCTL_DEVICE,
// then ANDROID_SERIAL and GO_IOS_UDID (each for its platform), then the
// profile's device, then the only ready phone. platform restricts it; empty is
// both.
func ChooseSelector(flag string, getenv func(string) string, profile string, platform Platform) (Selector, error) {
	serial, udid := getenv("ANDROID_SERIAL"), getenv("GO_IOS_UDID")
	switch platform {
	case Android:
		udid = ""
	case IOS:
		serial = ""
	}
	var text, from string
	narrowed := platform
	switch {
	case flag != "":
		text, from = flag, "--device"
	case getenv("WXCTL_DEVICE") != "":
		text, from = getenv("WXCTL_DEVICE"), "WXCTL_DEVICE"
	case serial != "" && udid != "":
		return Selector{}, Errorf(SeveralPhones, "both ANDROID_SERIAL (%q) and GO_IOS_UDID (%q) are set", serial, udid).
			WithHint("choose one with --device, or narrow it with --platform android or --platform ios")
	case serial != "":
		// A serial from the environment is never parsed as a condition.
		return Selector{Text: serial, From: "ANDROID_SERIAL", Platform: Android}, nil
	case udid != "":
		return Selector{Text: udid, From: "GO_IOS_UDID", Platform: IOS}, nil
	case profile != "":
		text, from = profile, "the profile's device"
	}
	sel, err := ParseSelector(text, from)
	if err != nil {
		return sel, err
	}
	sel.Platform = narrowed
	if sel.Virtual != nil && narrowed != "" && sel.Virtual.Platform != narrowed {
		return sel, Errorf(Usage, "%s %q is not on the platform %s", from, text, narrowed).
			WithHint("omit --platform, or use --device virtual:%s", narrowed)
	}
	return sel, nil
}
