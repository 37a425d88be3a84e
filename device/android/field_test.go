package android

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/fixtures/adbtest"
	"github.com/wxctl/wxctl/fixtures/wait"
)

// field is a folder of inputs that users of adb reported.
const field = "../../fixtures/field/adb"

func fieldFile(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(field, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestFieldLists: each reported list is read to its last phone; each phone is
// distinguished from the others and can be named.
func TestFieldLists(t *testing.T) {
	for name, tt := range map[string]struct {
		want   []string // ID, state, transport, USB path, the target, a selector
		unread int
	}{
		"adb-libusb-devpath.txt": {want: []string{"aa11bb22|ready|usb|3-1|aa11bb22|aa11bb22"}},
		"libusb-hub.txt": {want: []string{
			"aa11bb22|ready|usb|1-1.4.2|aa11bb22|aa11bb22", "bb22cc33|unauthorized|usb|20-7|bb22cc33|bb22cc33", "cc33dd44|offline|usb|2-1|cc33dd44|cc33dd44",
		}},
		"adb-same-serial2.txt": {want: []string{
			"SAMESER1|ready|usb|1-1|transport-id:56|usb:1-1", "SAMESER1|ready|usb|1-2|transport-id:57|usb:1-2",
		}},
		"same-serial3.txt": {want: []string{
			"0123456789ABCDEF|ready|usb|1-1|transport-id:1|usb:1-1", "0123456789ABCDEF|ready|usb|1-2|transport-id:2|usb:1-2",
			"0123456789ABCDEF|unauthorized|usb|1-3|transport-id:3|usb:1-3",
		}},
		"same-serial-nopath.txt": {want: []string{
			"0123456789ABCDEF|ready|usb||0123456789ABCDEF|transport-id:0", "0123456789ABCDEF|ready|usb||transport-id:9|transport-id:9",
		}},
		"adb-crlf-space.txt":    {want: []string{"ZUG 5S|ready|usb||ZUG 5S|ZUG 5S", "R5CX0000|ready|usb|1-1|R5CX0000|R5CX0000"}},
		"adb-leading-space.txt": {want: []string{" GS10120040|ready|usb||transport-id:1| GS10120040"}},
		"adb-twrp.txt":          {want: []string{"ZY3222AAAA|recovery|usb|337641472X|ZY3222AAAA|ZY3222AAAA"}},
		"adb-noperm.txt": {want: []string{
			"009d1cd696d50000|no permissions|usb|1-1|009d1cd696d50000|009d1cd696d50000", "????????????|no permissions|usb|1-3|usb:1-3|usb:1-3",
			"usb:1-4.4|no permissions|usb|1-4.4|usb:1-4.4|usb:1-4.4", "(no serial number)|no permissions|usb|3-5|transport-id:4|(no serial number)",
			"????????????|no permissions|usb||????????????|transport-id:0",
		}},
		"no-serials.txt": {want: []string{
			"????????????|no permissions|usb|1-3|????????????|????????????",
			"(no serial number)|ready|usb|1-4|transport-id:2|usb:1-4", "(no serial number)|ready|usb|1-5|transport-id:3|usb:1-5",
		}},
		"adb-net.txt": {want: []string{
			"adb-2233fd00-9mU6UL (2)._adb-tls-connect._tcp|ready|network||transport-id:2426|adb-2233fd00-9mU6UL (2)._adb-tls-connect._tcp",
			"192.168.0.104:40559|ready|network||192.168.0.104:40559|192.168.0.104:40559",
			"adb-R5CX00000-abc-DEF._adb-tls-connect._tcp.|offline|network||adb-R5CX00000-abc-DEF._adb-tls-connect._tcp.|adb-R5CX00000-abc-DEF._adb-tls-connect._tcp.",
			"[fe80::1ff:fe23:4567:890a%25eth2]:5555|ready|network||[fe80::1ff:fe23:4567:890a%25eth2]:5555|[fe80::1ff:fe23:4567:890a%25eth2]:5555",
			"[2001:db8::1]:5555|unauthorized|network||[2001:db8::1]:5555|[2001:db8::1]:5555", "localhost:5555|connecting|network||localhost:5555|localhost:5555",
		}},
		"odd-words.txt": {want: []string{"S1|ready|usb|3-1|S1|S1", "S2|ready|usb||S2|S2", "S3|ready|usb|3-2|S3|S3"}},
		"damaged.txt":   {want: []string{"S1|ready|usb|1-1|S1|S1", "S3|offline|usb||S3|S3"}, unread: 5},
	} {
		t.Run(name, func(t *testing.T) {
			entries, unread := parseList(fieldFile(t, name))
			var got []string
			var infos []device.Info
			for _, e := range entries {
				i := (&Backend{}).info(e)
				infos = append(infos, i)
				got = append(got, fmt.Sprintf("%s|%s|%s|%s|%s|%s", i.ID, i.State, i.Transport, i.USBPath, target(i), i.Selector()))
			}
			if !slices.Equal(got, tt.want) || len(unread) != tt.unread {
				t.Errorf("got\n%s\nwant\n%s\nunread %q", strings.Join(got, "\n"), strings.Join(tt.want, "\n"), unread)
			}
			if merged := device.Merge(infos); len(merged) != len(infos) {
				t.Errorf("%d phones became %d", len(infos), len(merged))
			}
			locks := map[string]bool{}
			for _, i := range infos {
				locks[i.LockKey()] = true
			}
			if len(locks) != len(infos) {
				t.Errorf("%d phones share %d locks", len(infos), len(locks))
			}
		})
	}
}

// damageList writes a list of 200 phones in which damage was applied to every
// tenth line.
func damageList(damage func(string) string) string {
	var b strings.Builder
	for i := range 200 {
		l := fmt.Sprintf("%-22s device usb:1-%d product:p model:M_%d device:d transport_id:%d", fmt.Sprintf("S%03d", i), i+1, i, i+1)
		if i%10 == 9 {
			l = damage(l)
		}
		b.WriteString(l + "\n")
	}
	return b.String()
}

var damages = map[string]func(string) string{
	"cut before the state": func(l string) string { return l[:20] },
	"cut in the state":     func(l string) string { return l[:26] },
	"an unknown state":     func(l string) string { return strings.Replace(l, " device ", " dev!ce ", 1) },
	"bytes":                func(string) string { return "\xff\x00\xfe device" },
	"words":                func(string) string { return "* daemon started successfully" },
	"a word of its own":    func(l string) string { return strings.Replace(l, "product:p", "product", 1) },
}

// TestDamagedList: a list of 200 phones with every tenth line damaged gives 180
// phones and 20 notes, for a list and for a watch.
func TestDamagedList(t *testing.T) {
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list := damageList(damage)
			s := script(t, func(c net.Conn) {
				request := readRequest(c)
				switch request {
				case "host:devices-l":
					fmt.Fprintf(c, "OKAY%04x%s", len(list), list)
				case "host:track-devices-l":
					fmt.Fprintf(c, "OKAY%04x%s%04x%s", len(list), list, len(list), list)
					io.Copy(io.Discard, c)
				}
			})
			var notes []string
			b := &Backend{Server: s, Note: func(n device.Note) { notes = append(notes, n.Message) }}
			infos, err := b.List(t.Context(), "")
			if err != nil || len(infos) != 180 || len(notes) != 20 {
				t.Errorf("%d phones, %d notes, %v", len(infos), len(notes), err)
			}
			for _, n := range notes {
				if !utf8.ValidString(n) || strings.Contains(n, "\uFFFD") {
					t.Errorf("%q", n)
				}
			}
			notes = nil
			ctx, cancel := context.WithTimeout(t.Context(), wait.Plenty)
			defer cancel()
			lists := 0
			b.Watch(ctx, func(infos []device.Info) {
				if lists++; len(infos) != 180 {
					t.Errorf("watching: %d phones", len(infos))
				}
				if lists == 2 {
					cancel()
				}
			})
			if lists != 2 || len(notes) != 20 {
				t.Errorf("watching: %d lists, %d notes", lists, len(notes))
			}
		})
	}
}

func readRequest(c net.Conn) string {
	var digits [4]byte
	if _, err := io.ReadFull(c, digits[:]); err != nil {
		return ""
	}
	var n int
	fmt.Sscanf(string(digits[:]), "%04x", &n)
	request := make([]byte, n)
	io.ReadFull(c, request)
	return string(request)
}

// FuzzDamagedLine puts one wrong line into a valid list: the others are still read.
func FuzzDamagedLine(f *testing.F) {
	for _, damage := range damages {
		f.Add(damage("S009                   device usb:1-1 product:p model:M device:d transport_id:9"))
	}
	f.Add("S1 device usb:x")
	f.Fuzz(func(t *testing.T, line string) {
		line = strings.NewReplacer("\n", "", "\r", "").Replace(line)
		good := "GOOD1                  device usb:9-1 model:A transport_id:901\n" + line + "\nGOOD2                  offline 9-2 transport_id:902\n"
		entries, unread := parseList(good)
		if len(entries) < 2 || entries[0].serial != "GOOD1" || entries[0].id != 901 || entries[len(entries)-1].path != "9-2" || len(entries)+len(unread) > 3 {
			t.Errorf("%q: %+v, %q", line, entries, unread)
		}
		if e := entries[0]; e.model != "A" || e.path != "usb:9-1" || e.state != device.Ready {
			t.Errorf("%q: %+v", line, e)
		}
	})
}

// TestSameSerial: two phones with one serial number are each reached, for a
// command and for a file.
func TestSameSerial(t *testing.T) {
	one, two := adbtest.NewPhone("0123456789ABCDEF"), adbtest.NewPhone("0123456789ABCDEF")
	for path, p := range map[string]*adbtest.Phone{"usb:1-1": one, "usb:1-2": two} {
		p.Ident.DevPath = path
		p.Commands = map[string]adbtest.Command{"getprop": getprop(map[string]string{
			"ro.serialno": "0123456789ABCDEF", "ro.product.model": "at " + path, "ro.build.version.release": "9",
		})}
	}
	b := &Backend{Server: serve(t, adbtest.NewServer(t, one, two))}
	infos, err := b.List(t.Context(), "")
	if err != nil || len(infos) != 2 || len(device.Merge(infos)) != 2 {
		t.Fatalf("%+v, %v", infos, err)
	}
	if infos[0].LockKey() == infos[1].LockKey() {
		t.Errorf("both are locked as %q", infos[0].LockKey())
	}
	for _, i := range infos {
		if i.Model != "at usb:"+i.USBPath {
			t.Errorf("%q was asked for %q", i.Model, i.USBPath)
		}
		for _, text := range []string{"usb:" + i.USBPath, fmt.Sprint("transport-id:", i.TransportID), "model:at usb:" + i.USBPath} {
			sel, err := device.ParseSelector(text, "--device")
			if err != nil {
				t.Fatal(err)
			}
			chosen, err := device.Select(infos, sel)
			if err != nil || len(chosen.Phones) != 1 || chosen.Phones[0].USBPath != i.USBPath {
				t.Errorf("%s: %+v, %v", text, chosen, err)
			}
		}
	}
	_, err = device.Select(infos, device.Selector{Text: "0123456789ABCDEF", From: "--device"})
	if e := device.AsError(err); e == nil || e.Code != device.SeveralPhones || !strings.Contains(e.Hint, "--device usb:1-") {
		t.Errorf("%v", err)
	}
}

// TestMarketNames: the name that a phone is sold under is its name, whichever
// property its maker uses for it.
func TestMarketNames(t *testing.T) {
	for maker, tt := range map[string]struct{ props, name string }{
		"Xiaomi":                               {"[ro.product.marketname]: [Xiaomi Pad 5]\n[ro.product.model]: [21051182C]\n", "Xiaomi Pad 5"},
		"Redmi":                                {"[ro.product.odm.marketname]: [Redmi K70]\n[ro.product.model]: [23113RKC6C]\n", "Redmi K70"},
		"Huawei":                               {"[ro.config.marketing_name]: [HUAWEI P20]\n[ro.product.model]: [EML-AL00]\n", "HUAWEI P20"},
		"Honor":                                {"[ro.config.marketing_name]: [HONOR Magic5]\n[ro.product.model]: [PGT-AN00]\n", "HONOR Magic5"},
		"OPPO":                                 {"[ro.oppo.market.name]: [OPPO K3]\n[ro.product.model]: [PCGM00]\n", "OPPO K3"},
		"OnePlus":                              {"[ro.vendor.oplus.market.enname]: [OnePlus Ace 5 Pro]\n[ro.vendor.oplus.market.name]: [一加 Ace 5 Pro]\n[ro.product.model]: [PKR110]\n", "一加 Ace 5 Pro"},
		"OnePlus6":                             {"[ro.display.series]: [OnePlus 6T]\n[ro.product.model]: [ONEPLUS A6010]\n", "OnePlus 6T"},
		"realme":                               {"[ro.vendor.oplus.market.enname]: [realme GT6]\n[ro.product.model]: [RMX3800]\n", "realme GT6"},
		"vivo":                                 {"[ro.vivo.market.name]: [iQOO Neo 855版]\n[ro.vivo.internet.name]: [iQOO Neo 855]\n[ro.product.model]: [V1936A]\n", "iQOO Neo 855版"},
		"ZTE":                                  {"[ro.vendor.product.ztename]: [ZTE Axon 20 5G]\n[ro.product.model]: [ZTE A2121]\n", "ZTE Axon 20 5G"},
		"nubia":                                {"[persist.sys.devicename]: [nubia X]\n[ro.product.model]: [NX616J]\n", "nubia X"},
		"Lenovo":                               {"[ro.zuk.product.market]: [拯救者电竞手机2 Pro]\n[ro.product.en.display]: [Legion Phone2 Pro]\n[ro.product.model]: [Lenovo L70081]\n", "拯救者电竞手机2 Pro"},
		"Motorola":                             {"[ro.product.display]: [moto g(7) power]\n[ro.product.model]: [XT1955]\n", "moto g(7) power"},
		"Asus":                                 {"[ro.vendor.asus.product.mkt_name]: [ROG Phone 5]\n[ro.product.model]: [ASUS_I005DA]\n", "ROG Phone 5"},
		"Tecno":                                {"[ro.product.product.tran.device.name.default]: [TECNO CAMON 20]\n[ro.product.model]: [TECNO CK6]\n", "TECNO CAMON 20"},
		"Meizu":                                {"[ro.product.model]: [MEIZU 20 Pro]\n", "MEIZU 20 Pro"},
		"Samsung":                              {"[ro.product.model]: [SM-S9280]\n[ro.product.marketname]: []\n", "SM-S9280"},
		"unknown":                              {"[ro.product.marketname]: [unknown]\n[ro.product.model]: [M1]\n", "M1"},
		"two lines, ideographic blank, joiner": {"[a]: [x\n[b\n]]\r\n[ro.product.model]: [红米\u3000Note\u200d 9]\r\n[c]: [", "红米\u3000Note\u200d 9"},
	} {
		t.Run(maker, func(t *testing.T) {
			p := adbtest.NewPhone("S1")
			p.Commands = map[string]adbtest.Command{"getprop": func(_ context.Context, _ []string, _ io.Reader, out, _ io.Writer) int {
				io.WriteString(out, tt.props)
				return 0
			}}
			infos, err := (&Backend{Server: serve(t, adbtest.NewServer(t, p))}).List(t.Context(), "")
			if err != nil || len(infos) != 1 || infos[0].Name != tt.name {
				t.Errorf("%+v, %v", infos, err)
			}
		})
	}
}

// FuzzParseProperties puts one odd line into a valid answer: the properties
// before and after it are still read.
func FuzzParseProperties(f *testing.F) {
	f.Add("[ro.x]: [")
	f.Add("WARNING: linker: unused DT entry")
	f.Add("[]: []")
	f.Add("\xff\xfe")
	f.Fuzz(func(t *testing.T, odd string) {
		odd = strings.NewReplacer("\n", " ", "\r", " ", "]", ")").Replace(odd)
		props := parseProperties("[ro.serialno]: [S1]\n" + odd + "\n[ro.product.model]: [M]\n")
		if strings.HasPrefix(odd, "[") {
			return // it begins a value that continues
		}
		if props["ro.serialno"] != "S1" || props["ro.product.model"] != "M" {
			t.Errorf("%q: %q", odd, props)
		}
		for _, v := range props {
			if !utf8.ValidString(v) {
				t.Errorf("%q is not UTF-8", v)
			}
		}
	})
}

// TestChoosers: the screens in which phones of each maker ask which of two
// WeChats should handle a request, as in logs of such phones.
func TestChoosers(t *testing.T) {
	for component, want := range map[string]bool{
		"android/com.android.internal.app.ResolverActivity":                                      true,
		"android/com.android.internal.app.ChooserActivity":                                       true,
		"android/com.android.internal.app.MiuiResolverActivity":                                  true,
		"com.android.intentresolver/.ChooserActivity":                                            true,
		"com.miui.securitycore/com.miui.xspace.ui.activity.XSpaceResolveActivity":                true,
		"com.miui.securitycore/com.miui.xspace.ui.activity.XSpaceSettingActivity":                false,
		"com.huawei.android.internal.app/.HwResolverActivity":                                    true,
		"com.huawei.android.internal.app/com.huawei.android.internal.app.HwResolverActivity":     true,
		"com.hihonor.android.internal.app/com.hihonor.android.internal.app.HnResolverActivity":   true,
		"com.oplus.multiapp/.ui.entry.ActivityMainActivity":                                      true,
		"com.coloros.securitypermission/com.coloros.securitypermission.MultiAppChooser":          true,
		"com.vivo.doubleinstance/.DoubleAppResolverActivity":                                     true,
		"com.samsung.android.da.daagent/com.samsung.android.da.daagent.activity.DualAppActivity": true,
		"com.example.app/.ImageChooserActivity":                                                  false,
		"com.tencent.mm/com.tencent.mm.ui.transmit.SelectConversationUI":                         false,
	} {
		if got := screenOf(component).role == roleChooser; got != want {
			t.Errorf("%s: chooser %t", component, got)
		}
	}
}
