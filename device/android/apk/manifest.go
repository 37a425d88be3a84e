package apk

import (
	"slices"
	"strings"
)

// Manifest is what is read from a compiled AndroidManifest.xml.
type Manifest struct {
	Package     string
	VersionName string
	VersionCode int64
	MinSDK      int
	TargetSDK   int
	Debuggable  bool
	// Split is the name of a split APK, "" for a base.
	Split      string
	Activities []Activity // aliases too
	Providers  []Provider
	// Schemes are the URL schemes of all intent filters of activities, sorted.
	Schemes []string
	// Queries is nil if there is no <queries>.
	Queries *Queries
	// SeesWeChat says what makes WeChat visible to the app on Android 11 and newer
	// besides a <package> in its <queries>; "" if nothing does.
	SeesWeChat string
	// Application is the class of the application, "" for Android's own.
	Application string
}

// Activity is an <activity> or <activity-alias>.
type Activity struct {
	Name       string // fully qualified
	Exported   bool
	Enabled    bool
	Permission string
	LaunchMode string
	Affinity   string
	Target     string // of an alias
	// NoTarget is set for an alias whose activity is not declared before it:
	// Android does not install such an app.
	NoTarget bool
}

// Provider is a <provider>.
type Provider struct {
	Name        string
	Authorities []string
	Exported    bool
	Enabled     bool
	Grants      bool // android:grantUriPermissions
}

// Queries is the manifest's <queries>: the packages that are visible to the app
// (API 30 and up).
type Queries struct {
	Packages    []string `json:"packages"`
	Authorities []string `json:"authorities"`
	// Schemes and Actions are those of the <intent> elements.
	Schemes []string `json:"schemes"`
	Actions []string `json:"actions"`
}

// intent is an <intent> in <queries>.
type intent struct {
	actions, categories, schemes []string
	typed                        bool // it names a MIME type
}

// within reports whether a list has nothing but what is allowed.
func within(list []string, allowed ...string) bool {
	return !slices.ContainsFunc(list, func(s string) bool { return !slices.Contains(allowed, s) })
}

// seesWeChat reports whether one of WeChat's activities accepts the intent: its
// icon, its page for ACTION_SEND, or that for links of the scheme weixin.
func (i *intent) seesWeChat() bool {
	const action, category = "android.intent.action.", "android.intent.category."
	plain := !i.typed && len(i.schemes) == 0
	switch {
	case len(i.actions) == 0:
		return false
	case within(i.actions, action+"MAIN", "*") && within(i.categories, category+"LAUNCHER") && plain,
		within(i.actions, action+"SEND", action+"SEND_MULTIPLE") && within(i.categories, category+"DEFAULT") &&
			within(i.schemes, "content", "file"):
		return true
	}
	return within(i.actions, action+"VIEW", "*") && within(i.categories, category+"DEFAULT", category+"BROWSABLE") &&
		slices.Contains(i.schemes, "weixin") && !i.typed
}

// entrySuffix is the name of the activity that WeChat calls back, after the
// package.
const entrySuffix = ".wxapi.WXEntryActivity"

// Entry returns the activity that WeChat calls back, nil if it is not
// declared.
func (m *Manifest) Entry() *Activity {
	for i := range m.Activities {
		if m.Activities[i].Name == m.Package+entrySuffix {
			return &m.Activities[i]
		}
	}
	return nil
}

// Entries are the names of all activities whose names end like the one that
// WeChat calls back, each as often as it is declared, without those of others
// that are disabled.
func (m *Manifest) Entries() []string {
	var out []string
	target := ""
	if e := m.Entry(); e != nil {
		target = e.Target // the same one, under another name
	}
	for _, a := range m.Activities {
		if strings.HasSuffix(a.Name, entrySuffix) && a.Name != target && (a.Enabled || a.Name == m.Package+entrySuffix) {
			out = append(out, a.Name)
		}
	}
	return out
}

// Similar are the names of activities that were probably meant to be the one that
// WeChat calls back, but are written in another case or not in wxapi.
func (m *Manifest) Similar() []string {
	var out []string
	for _, a := range m.Activities {
		if !strings.HasSuffix(a.Name, entrySuffix) && strings.HasSuffix(strings.ToLower(a.Name), ".wxentryactivity") {
			out = append(out, a.Name)
		}
	}
	return out
}

// seesWeChat finds [Manifest.SeesWeChat].
func (m *manifestReader) seesWeChat() string {
	switch {
	case m.queryAll:
		return "the permission QUERY_ALL_PACKAGES"
	case m.Queries == nil:
		return ""
	}
	for _, one := range m.intents {
		switch {
		case !one.seesWeChat():
		case slices.Contains(one.schemes, "weixin"):
			return "the scheme weixin in <queries>"
		default:
			return "the action " + one.actions[0] + " in <queries>"
		}
	}
	for _, a := range m.Queries.Authorities {
		if strings.HasPrefix(a, "com.tencent.mm.") {
			return "the provider " + a + " in <queries>"
		}
	}
	return ""
}

// entryClass is the class that must be in the code.
func (m *Manifest) entryClass() string {
	e := m.Entry()
	switch {
	case e == nil:
		return m.Package + entrySuffix
	case e.Target != "":
		return e.Target
	}
	return e.Name
}

// packers are the application classes that services put into an app when they
// encrypt its code: the app's classes are not in the APK then, and are loaded
// into memory when it runs.
var packers = []string{
	"com.stub.StubApp", "com.qihoo.util.", // 360
	"com.tencent.StubShell.", "com.wrapper.proxyapplication.", // Tencent
	"com.secneo.apkwrapper.", "com.SecShell.SecShell.", // Bangcle
	"s.h.e.l.l.", "com.shell.NativeApplication", // Ijiami
	"com.ali.mobisecenhance.", "com.baidu.protect.", "com.netease.nis.wrapper.", "com.payegis.",
}

// Packed reports whether a service has encrypted the app's code.
func (m *Manifest) Packed() bool {
	return slices.ContainsFunc(packers, func(p string) bool { return strings.HasPrefix(m.Application, p) })
}

// Resource ids of the attributes that are read (AOSP public.xml). Build tools
// may strip the names of attributes from a manifest, but not the ids.
const (
	attrName        = 0x01010003
	attrPermission  = 0x01010006
	attrEnabled     = 0x0101000e
	attrDebuggable  = 0x0101000f
	attrExported    = 0x01010010
	attrAffinity    = 0x01010012
	attrAuthorities = 0x01010018
	attrGrants      = 0x0101001b
	attrLaunchMode  = 0x0101001d
	attrMimeType    = 0x01010026
	attrScheme      = 0x01010027
	attrTarget      = 0x01010202
	attrMinSDK      = 0x0101020c
	attrVersionCode = 0x0101021b
	attrVersionName = 0x0101021c
	attrTargetSDK   = 0x01010270
	attrMaxSDK      = 0x01010271
	attrVersionHigh = 0x01010576 // versionCodeMajor
)

// launchModes by their values (android.content.pm.ActivityInfo).
var launchModes = [...]string{"standard", "singleTop", "singleTask", "singleInstance", "singleInstancePerTask"}

// manifestReader builds a Manifest from the elements as they are read.
type manifestReader struct {
	Manifest
	path       []string
	appEnabled bool
	appPerm    string
	exported   bool     // it declares whether it is exported
	queryAll   bool     // the permission QUERY_ALL_PACKAGES is requested
	intents    []intent // in <queries>
	// implied are the activities that are exported only because of their intent
	// filters.
	implied []int
}

// ParseManifest reads a compiled manifest.
func ParseManifest(data []byte) (*Manifest, error) {
	m := &manifestReader{appEnabled: true}
	if err := parseXML(data, m); err != nil {
		return nil, err
	}
	if m.TargetSDK == 0 {
		m.TargetSDK = max(m.MinSDK, 1) // Android's default
	}
	if q := m.Queries; q != nil {
		for _, list := range []*[]string{&q.Packages, &q.Authorities, &q.Schemes, &q.Actions} {
			sortCompact(list)
		}
	}
	// Android 12 and newer refuse to install an app for API 31 with such
	// activities.
	for _, i := range m.implied {
		m.Activities[i].Exported = m.TargetSDK < 31
	}
	sortCompact(&m.Schemes)
	m.SeesWeChat = m.seesWeChat()
	for i := range m.Activities {
		m.Activities[i].Enabled = m.Activities[i].Enabled && m.appEnabled
	}
	return &m.Manifest, nil
}

func sortCompact(list *[]string) {
	slices.Sort(*list)
	*list = slices.Compact(*list)
}

// start is called at each start tag.
func (m *manifestReader) start(name string, a attributes) {
	m.path = append(m.path, name)
	switch where := strings.Join(m.path, "/"); where {
	case "manifest":
		m.Package, m.Split = a.named("package"), a.named("split")
		m.VersionName = a.text(attrVersionName)
		m.VersionCode = int64(uint32(a.number(attrVersionCode, 0))) | int64(uint32(a.number(attrVersionHigh, 0)))<<32
	case "manifest/uses-sdk":
		m.MinSDK, m.TargetSDK = a.sdk(attrMinSDK, 1), a.sdk(attrTargetSDK, 0)
	case "manifest/uses-permission", "manifest/uses-permission-sdk-23":
		m.queryAll = m.queryAll || a.text(attrName) == "android.permission.QUERY_ALL_PACKAGES" && a.number(attrMaxSDK, 30) >= 30
	case "manifest/queries":
		if m.Queries == nil {
			m.Queries = new(Queries)
		}
	case "manifest/application":
		m.Application = m.class(a.text(attrName))
		m.appEnabled, m.Debuggable, m.appPerm = a.is(attrEnabled, true), a.is(attrDebuggable, false), a.text(attrPermission)
	case "manifest/application/activity", "manifest/application/activity-alias":
		m.activity(a)
	case "manifest/application/provider":
		m.Providers = append(m.Providers, Provider{
			Name: m.class(a.text(attrName)), Authorities: strings.Split(a.text(attrAuthorities), ";"), Exported: a.is(attrExported, false),
			Enabled: a.is(attrEnabled, true), Grants: a.is(attrGrants, false),
		})
	case "manifest/application/provider/grant-uri-permission":
		if n := len(m.Providers); n > 0 {
			m.Providers[n-1].Grants = true // for the paths that it names
		}
	case "manifest/application/activity/intent-filter", "manifest/application/activity-alias/intent-filter":
		if n := len(m.Activities); n > 0 && !m.exported {
			m.Activities[n-1].Exported = true // the default before Android 12
			m.implied = append(m.implied, n-1)
		}
	case "manifest/application/activity/intent-filter/data", "manifest/application/activity-alias/intent-filter/data":
		if s := a.text(attrScheme); s != "" {
			m.Schemes = append(m.Schemes, s)
		}
	default:
		if m.Queries != nil && strings.HasPrefix(where, "manifest/queries/") {
			m.query(name, a)
		}
	}
}

// end is called at each end tag.
func (m *manifestReader) end() {
	if len(m.path) > 0 {
		m.path = m.path[:len(m.path)-1]
	}
}

func (m *manifestReader) activity(a attributes) {
	act := Activity{
		Name: m.class(a.text(attrName)), Exported: a.is(attrExported, false), Enabled: a.is(attrEnabled, true),
		Permission: a.text(attrPermission), Affinity: a.text(attrAffinity), LaunchMode: "standard",
	}
	if n := a.number(attrLaunchMode, 0); n > 0 && n < len(launchModes) {
		act.LaunchMode = launchModes[n]
	}
	target := a.text(attrTarget)
	switch {
	case target == "" && !a.has(attrPermission):
		act.Permission = m.appPerm
	case target != "": // which has a permission of its own or none (AOSP ParsedActivityUtils.parseActivityOrAlias)
		act.Target, act.NoTarget = m.class(target), true
		// An alias has the launch mode of its target.
		for _, other := range m.Activities {
			if other.Name == act.Target {
				act.LaunchMode, act.NoTarget = other.LaunchMode, false
			}
		}
	}
	m.exported = a.has(attrExported)
	m.Activities = append(m.Activities, act)
}

// class returns the fully qualified name of a class in a manifest.
func (m *manifestReader) class(name string) string {
	switch {
	case strings.HasPrefix(name, "."):
		return m.Package + name
	case name != "" && !strings.Contains(name, "."):
		return m.Package + "." + name
	}
	return name
}

// query adds an element below <queries>.
func (m *manifestReader) query(element string, a attributes) {
	q, in := m.Queries, new(intent)
	if n := len(m.intents); n > 0 && slices.Contains(m.path, "intent") {
		in = &m.intents[n-1]
	}
	add := func(list *[]string, values ...string) {
		for _, v := range values {
			if v != "" {
				*list = append(*list, v)
			}
		}
	}
	switch element {
	case "intent":
		m.intents = append(m.intents, intent{})
	case "package":
		add(&q.Packages, a.text(attrName))
	case "provider":
		add(&q.Authorities, strings.Split(a.text(attrAuthorities), ";")...)
	case "action":
		add(&q.Actions, a.text(attrName))
		add(&in.actions, a.text(attrName))
	case "category":
		add(&in.categories, a.text(attrName))
	case "data":
		add(&q.Schemes, a.text(attrScheme))
		add(&in.schemes, a.text(attrScheme))
		in.typed = in.typed || a.has(attrMimeType)
	}
}
