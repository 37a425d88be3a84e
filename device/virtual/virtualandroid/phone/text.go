package phone

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// Flags of an Intent (android.content.Intent).
const (
	FlagClearTask      int32 = 0x00008000
	FlagReset          int32 = 0x00200000
	FlagExcludeRecents int32 = 0x00800000
	FlagClearTop       int32 = 0x04000000
	FlagMultipleTask   int32 = 0x08000000
	FlagNewTask        int32 = 0x10000000
	FlagSingleTop      int32 = 0x20000000
	FlagNoHistory      int32 = 0x40000000
)

// shortClass shortens a class name the way ComponentName.flattenToShortString
// does: a class in or below the package loses the package.
func shortClass(pkg, class string) string {
	if rest, ok := strings.CutPrefix(class, pkg); ok && strings.HasPrefix(rest, ".") {
		return rest
	}
	return class
}

// SplitComponent splits package/class and completes a class that starts with
// a dot, as ComponentName.unflattenFromString.
func SplitComponent(s string) (pkg, class string, ok bool) {
	pkg, class, ok = strings.Cut(s, "/")
	if !ok || class == "" {
		return "", "", false
	}
	if class[0] == '.' {
		class = pkg + class
	}
	return pkg, class, true
}

// ShortComponent flattens a component to its short form.
func ShortComponent(s string) string {
	pkg, class, ok := strings.Cut(s, "/")
	if !ok {
		return s
	}
	return pkg + "/" + shortClass(pkg, class)
}

// SafeURI is Uri.toSafeString of that API level: telephone-like schemes are
// masked; since 33 every other URI shows only its host, before that only web
// and streaming ones.
func SafeURI(api int, s string) string {
	scheme, ssp, ok := strings.Cut(s, ":")
	if !ok {
		if api >= 33 {
			return ""
		}
		ssp, _, _ = strings.Cut(s, "#")
		return unescape(ssp)
	}
	ssp, _, _ = strings.Cut(ssp, "#")
	switch l := strings.ToLower(scheme); {
	case l == "tel" || l == "sip" || l == "sms" || l == "smsto" || l == "mailto" || l == "nfc" && api >= 28:
		var b strings.Builder
		for _, c := range unescape(ssp) {
			if c != '-' && c != '@' && c != '.' {
				c = 'x'
			}
			b.WriteRune(c)
		}
		return scheme + ":" + b.String()
	case api >= 33, l == "http", l == "https", l == "ftp", l == "rtsp" && api >= 29:
		if api >= 33 && !strings.HasPrefix(ssp, "//") {
			if strings.HasPrefix(ssp, "/") {
				return scheme + ":/..."
			}
			return scheme + ":"
		}
		return scheme + "://" + unescape(hostPort(api, ssp)) + "/..."
	}
	return scheme + ":" + unescape(ssp)
}

// hostPort cuts host and port out of a scheme-specific part, empty if it has
// no authority. Uri looks for the last @ since 27, and recognizes the colons of
// an IPv6 address since 29.
func hostPort(api int, ssp string) string {
	rest, ok := strings.CutPrefix(ssp, "//")
	if !ok {
		return ""
	}
	if i := strings.IndexAny(rest, `/\?`); i >= 0 {
		rest = rest[:i]
	}
	if api >= 27 {
		rest = rest[strings.LastIndexByte(rest, '@')+1:]
	} else {
		rest = rest[strings.IndexByte(rest, '@')+1:]
	}
	colon := strings.IndexByte(rest, ':')
	if api >= 29 {
		colon = strings.LastIndexByte(rest, ':')
		if strings.HasSuffix(rest, "]") {
			colon = -1
		}
	}
	if colon < 0 {
		return rest
	}
	if _, err := strconv.Atoi(rest[colon+1:]); err != nil {
		return rest[:colon] // an invalid port counts as none
	}
	return rest
}

func unescape(s string) string {
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}

// describe prints an intent as Intent.toShortString does at that level,
// without the braces. Other flags, clip and extras are only printed if the
// caller requests them.
func describe(in Intent, api int, extended int, clip, extras bool) string {
	var parts []string
	add := func(f string, a ...any) { parts = append(parts, fmt.Sprintf(f, a...)) }
	if in.Action != "" {
		add("act=%s", in.Action)
	}
	if len(in.Categories) > 0 {
		add("cat=[%s]", strings.Join(in.Categories, ","))
	}
	if in.Data != "" {
		add("dat=%s", SafeURI(api, in.Data))
	}
	if in.Type != "" {
		add("typ=%s", in.Type)
	}
	if in.Flags != 0 {
		add("flg=0x%x", uint32(in.Flags))
	}
	if extended != 0 {
		add("xflg=0x%x", extended)
	}
	if in.Package != "" {
		add("pkg=%s", in.Package)
	}
	if in.Component != "" {
		add("cmp=%s", ShortComponent(in.Component))
	}
	if len(in.ClipData) > 0 && clip {
		add("clip={%s}", "U:"+SafeURI(api, in.ClipData[0]))
	}
	if len(in.Extras) > 0 && extras {
		add("(has extras)")
	}
	return strings.Join(parts, " ")
}

// IntentText is Intent.toString at that level.
func IntentText(api int, in Intent) string { return ExtendedIntentText(api, in, 0) }

// ExtendedIntentText is IntentText of an intent with extended flags.
func ExtendedIntentText(api int, in Intent, extended int) string {
	return "Intent { " + describe(in, api, extended, true, true) + " }"
}
