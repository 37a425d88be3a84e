package android

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const aosp = "../../fixtures/conformance/aosp/testdata/"

// TestShapesAreAOSPs compares the expected arguments of each event with those
// of AOSP's EventLogTags, level by level, and reads a line of each whose
// strings look like more arguments.
func TestShapesAreAOSPs(t *testing.T) {
	const component = "com.tencent.mm/.plugin.base.stub.WXEntryActivity"
	for api := 24; api <= 37; api++ {
		f, err := os.Open(fmt.Sprintf("%sevents-%d.txt", aosp, api))
		if err != nil {
			t.Fatal(err)
		}
		kinds := map[eventKind]bool{}
		for s := bufio.NewScanner(f); s.Scan(); {
			fields := strings.Fields(s.Text())
			tag, types := fields[1], fields[2:]
			sh, ok := shapes[tag]
			if !ok {
				continue
			}
			kinds[sh.kind] = true
			if first := slices.Index(types, "String"); first != sh.before || len(types)-first-1 != sh.after {
				t.Errorf("API %d: %s takes %v, read as %d before and %d after the component", api, tag, types, sh.before, sh.after)
			}
			var args []string
			seen := false
			for _, typ := range types {
				switch {
				case typ != "String":
					args = append(args, "10")
				case !seen:
					args = append(args, component)
					seen = true
				default:
					args = append(args, "a,b]c,com.other/.X")
				}
			}
			uid := "  1000"
			if api < 26 {
				uid = ""
			}
			line := fmt.Sprintf("         1732282655.123%s  1234  1250 I %s: [%s]", uid, tag, strings.Join(args, ","))
			e, ok := parseActivityEvent(line)
			if !ok || e.kind != sh.kind || e.user != 10 || e.component != "com.tencent.mm/com.tencent.mm.plugin.base.stub.WXEntryActivity" {
				t.Errorf("API %d: %q read as %+v, %v", api, line, e, ok)
			}
			if fake := strings.Replace(line, "  1000", "  10200", 1); uid != "" {
				if _, ok := parseActivityEvent(fake); ok {
					t.Errorf("API %d: %q was accepted, although an app wrote it", api, fake)
				}
			}
		}
		f.Close()
		for _, kind := range []eventKind{created, newIntent, resumed, finished} {
			if !kinds[kind] {
				t.Errorf("API %d: no event for kind %d", api, kind)
			}
		}
	}
}

// TestLogLines reads every line that AOSP's liblog prints in the form that the
// agent asks for.
func TestLogLines(t *testing.T) {
	data, err := os.ReadFile(aosp + "logcat.txt")
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for block := range strings.SplitSeq(string(data), "# ") {
		head, body, _ := strings.Cut(block, "\n")
		format, _, _ := strings.Cut(head, "\t")
		if !strings.HasPrefix(format, "threadtime") || !strings.Contains(format, "epoch") || strings.Contains(format, "usec") {
			continue
		}
		for line := range strings.Lines(body) {
			line = strings.TrimRight(line, "\n")
			if line == "" {
				continue
			}
			l, ok := parseLogLine(line)
			if !ok || l.tag == "" {
				t.Errorf("%q: %+v, %v", line, l, ok)
			}
			if want := strings.Contains(format, "uid"); want != (l.uid >= 0) {
				t.Errorf("%q: uid %d", line, l.uid)
			}
			read++
		}
	}
	if read < 2 {
		t.Errorf("only %d lines in that form", read)
	}
}

func TestParseStart(t *testing.T) {
	const entry = "com.tencent.mm/com.tencent.mm.plugin.base.stub.WXEntryActivity"
	for line, want := range map[string]activityEvent{
		"START u0 {flg=0x18000000 cmp=com.tencent.mm/.plugin.base.stub.WXEntryActivity (has extras)} from uid 2000 on display 0":                                                  {kind: started, component: entry, fromUID: 2000},
		"START u0 {flg=0x18000000 cmp=com.tencent.mm/.plugin.base.stub.WXEntryActivity (has extras)} from uid 2000":                                                               {kind: started, component: entry, fromUID: 2000},
		"START u999 {act=a} from uid 1 dat=b} cmp=com.tencent.mm/.plugin.base.stub.WXEntryActivity} from uid 2000":                                                                {kind: started, user: 999, component: entry, fromUID: 2000},
		"START u0 {cmp=com.tencent.mm/.plugin.base.stub.WXEntryActivity (has extras)} with LAUNCH_SINGLE_TOP from uid 2000 (BAL_ALLOW_PERMISSION) result code=0":                  {kind: started, component: entry, fromUID: 2000, hasResult: true},
		"START u0 {cmp=com.tencent.mm/.plugin.base.stub.WXEntryActivity} with LAUNCH_MULTIPLE from uid 10123 (realCallingUid=2000) (BAL_BLOCK) result code=102":                   {kind: started, component: entry, fromUID: 10123, result: 102, hasResult: true},
		"START u0 {xflg=0x4 cmp=com.tencent.mm/.plugin.base.stub.WXEntryActivity} with LAUNCH_MULTIPLE from uid 10123 (com.x) (sr=12) (BAL_ALLOW_VISIBLE_WINDOW) result code=-96": {kind: started, component: entry, fromUID: 10123, result: -96, hasResult: true},
	} {
		got, ok := parseActivityEvent("  1732282655.123  1000  1234  1250 I ActivityTaskManager: " + line)
		if !ok || got != want {
			t.Errorf("%q:\n got %+v, %v\nwant %+v", line, got, ok, want)
		}
	}
	for _, line := range []string{
		" result code=-92", "START u0 {act=x} from uid 2000", "START u0 {cmp=nonsense} from uid 2000", "Displayed a/.B: +1ms",
		"START u0 {dat=xcmp=com.tencent.mm/.plugin.base.stub.WXEntryActivity} from uid 2000",
	} {
		if e, ok := parseActivityEvent("  1732282655.123  1000  1234  1250 I ActivityTaskManager: " + line); ok {
			t.Errorf("%q was read as %+v", line, e)
		}
	}
}

func TestParseUID(t *testing.T) {
	for in, want := range map[string]int{"1000": 1000, "system": 1000, "shell": 2000, "root": 0, "u0_a123": 10123, "u999_a50": 99910050, "": -1, "radio": -1, "u1_a999999999999": -1} {
		if got := parseUID(in); got != want {
			t.Errorf("%q: %d, want %d", in, got, want)
		}
	}
}

func TestScreens(t *testing.T) {
	for component, want := range map[string]role{
		"com.tencent.mm/com.tencent.mm.plugin.base.stub.WXEntryActivity":               roleEntry,
		"com.tencent.mm/com.tencent.mm.ui.transmit.SelectConversationUI":               rolePicker,
		"com.tencent.mm/com.tencent.mm.plugin.sns.ui.SnsUploadUI":                      roleMoments,
		"com.tencent.mm/com.tencent.mm.plugin.webview.ui.tools.SDKOAuthUI":             roleConsent,
		"com.tencent.mm/com.tencent.mm.plugin.webview.ui.tools.SDKOAuthFriendUI":       roleConsent,
		"com.tencent.mm/com.tencent.mm.plugin.appbrand.ui.AppBrandUI3":                 roleMini,
		"com.tencent.mm/com.tencent.mm.plugin.account.ui.SimpleLoginUI":                roleLogin,
		"com.tencent.mm/com.tencent.mm.ui.account.LoginPasswordUI":                     roleLogin,
		"com.tencent.mm/com.tencent.mm.plugin.webview.ui.tools.WebViewUI":              rolePage,
		"com.tencent.mm/com.tencent.mm.plugin.new.ui.SomethingUI":                      roleStep,
		"android/com.android.internal.app.ResolverActivity":                            roleChooser,
		"com.android.intentresolver/com.android.intentresolver.ResolverActivity":       roleChooser,
		"com.miui.securitycore/com.miui.xspace.ui.activity.XSpaceResolveActivity":      roleChooser,
		"com.evil/com.tencent.mm.ui.transmit.SelectConversationUI":                     roleForeign,
		"com.evil/com.evil.com.tencent.mm.plugin.base.stub.WXEntryActivity":            roleForeign,
		"com.example.wxdemo/com.example.wxdemo.wxapi.WXEntryActivity":                  roleForeign,
		"com.tencent.mm.plugin/com.tencent.mm.plugin.ui.transmit.SelectConversationUI": roleForeign,
	} {
		if got := screenOf(component); got.role != want {
			t.Errorf("%s: role %d, want %d", component, got.role, want)
		}
	}
}

func FuzzParseActivityEvent(f *testing.F) {
	f.Add("         1732282655.123  1000  1234  1250 I wm_create_activity: [0,123456789,42,com.tencent.mm/.ui.LauncherUI,android.intent.action.MAIN,,weixin://dl/a,b]c,270532608]")
	f.Add("1732282655.123  1234  1250 I am_finish_activity: [0,1,42,com.tencent.mm/.ui.LauncherUI,app-request]")
	f.Add("1732282655.123  1000  1234  1250 I ActivityTaskManager: START u0 {cmp=a.b/.C} with LAUNCH_MULTIPLE from uid 10123 (BAL_BLOCK) result code=102")
	f.Fuzz(func(t *testing.T, line string) {
		e, ok := parseActivityEvent(line)
		if !ok {
			return
		}
		if again, ok := fullComponent(e.component); !ok || again != e.component {
			t.Errorf("%q: component %q", line, e.component)
		}
		if s := shortComponent(e.component); strings.ContainsAny(s, " \n,") {
			t.Errorf("%q: component %q", line, s)
		}
	})
}

// Names of packages and classes are accepted exactly as by the regular expressions.
func FuzzNames(f *testing.F) {
	packages := regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*$`)
	classes := regexp.MustCompile(`^[\pL_$][\pL\pN_$]*(\.[\pL_$][\pL\pN_$]*)*$`)
	for _, s := range []string{"", "a", "A.1", "1.a", "a.", ".a", "a..b", "_a", "a._", "a$b.微信2", "é", "$", "a\xff", "a b", "Ⅷ", "aⅧ.½", "a\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := isPackage(s), packages.MatchString(s); got != want {
			t.Errorf("package %q: %v", s, got)
		}
		if got, want := isClass(s), classes.MatchString(s); got != want {
			t.Errorf("class %q: %v", s, got)
		}
	})
}

// Lists of phones are read exactly as by the regular expressions.
func FuzzEntry(f *testing.F) {
	state := regexp.MustCompile(`\s(device|offline|unauthorized|authorizing|connecting|recovery|rescue|sideload|bootloader|host|detached|unknown|` +
		`no permissions(?: \([^)]*\))?(?:;? see \[[^\]]*\])?)(?:\s|$)`)
	none := regexp.MustCompile(`^(\?+|\(no serial number\)|usb:.*|0+|\s*)$`)
	address := regexp.MustCompile(`^\S+:\d{1,5}$`)
	for _, s := range []string{"", "a device", "a  device b", "device", " host", "x no permissions", "x no permissions (a b); see [c d] usb:1", "x no permissions (a", "x no permissions (a)b", "no", " no",
		"x devices device\t", "?????", "0000", "usb:1-1", "(no serial number)", "127.0.0.1:5555", ":1", "a:123456", "a:", "a b:1", "[::1]:5555"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsAny(s, "\n") {
			return // lines have none
		}
		start, end, ok := findState(s)
		if m := state.FindStringSubmatchIndex(s); ok != (m != nil) || ok && (start != m[2] || end != m[3]) {
			t.Errorf("state in %q: %d to %d, %v, want %v", s, start, end, ok, m)
		}
		if got, want := noSerial(s), none.MatchString(s); got != want {
			t.Errorf("no serial number %q: %v", s, got)
		}
		if got, want := isHostPort(s), address.MatchString(s); got != want {
			t.Errorf("address %q: %v", s, got)
		}
	})
}
