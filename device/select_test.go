package device

import (
	"errors"
	"strings"
	"testing"
)

func phone(id string, state State, transport Transport) Info {
	return Info{ID: id, Platform: Android, State: state, Transport: transport, Fix: FixFor(state)}
}

func lab() []Info {
	pixel := phone("2A111FDH200CY5", Ready, USB)
	pixel.Name, pixel.Model, pixel.OSVersion, pixel.Hardware = "Pixel 6", "Pixel 6", "14", "2A111FDH200CY5"
	pixelNet := phone("192.168.1.20:5555", Ready, Network)
	pixelNet.Name, pixelNet.Model, pixelNet.OSVersion, pixelNet.Hardware = "Pixel 6", "Pixel 6", "14", "2A111FDH200CY5"
	mi := phone("8c2d1f0a", Ready, USB)
	mi.Name, mi.Model, mi.OSVersion, mi.Hardware = "Mi 9", "MI 9", "11", "8c2d1f0a"
	iphone := Info{ID: "00008110-000A1C2E0C01801E", Platform: IOS, Name: "Anna", Model: "iPhone14,5", OSVersion: "17.5.1", State: Ready, Transport: USB}
	return []Info{pixelNet, phone("8c2dffff", Unauthorized, USB), mi, iphone, pixel, phone("emulator-5554", Offline, Emulator)}
}

func ids(infos []Info) string {
	var s []string
	for _, i := range infos {
		s = append(s, i.ID)
	}
	return strings.Join(s, " ")
}

func TestSelect(t *testing.T) {
	const pixel, pixelNet, mi, iphone = "2A111FDH200CY5", "192.168.1.20:5555", "8c2d1f0a", "00008110-000A1C2E0C01801E"
	for _, tt := range []struct {
		name, text string
		platform   Platform
		phones     []Info
		want       string
		code       Code
		message    string
		hint       string
	}{
		{name: "the only one", phones: lab()[2:3], want: mi},
		{name: "the only ready one among others", phones: []Info{phone("a", Offline, USB), phone("b", Ready, USB), phone("c", Unauthorized, USB)}, want: "b"},
		{name: "none at all", code: NoPhone, message: "no phone is connected", hint: "virtual:android"},
		{name: "no iPhone", phones: lab()[2:3], platform: IOS, code: NoPhone, message: "no iPhone is connected"},
		{name: "none ready", phones: []Info{phone("a", Unauthorized, USB)}, code: PhoneNotReady, message: `phone "a" is not ready: unauthorized`, hint: "Allow USB debugging"},
		{name: "none of two ready", phones: []Info{phone("a", Offline, USB), phone("b", Recovery, USB)}, code: PhoneNotReady, message: `none of 2 phones is ready; the first one, "a": offline`},
		{name: "several", phones: lab(), code: SeveralPhones, message: "3 phones are ready, but none was chosen", hint: "--device"},
		{name: "narrowed to one", phones: lab(), platform: IOS, want: iphone},
		{name: "exact serial", phones: lab(), text: mi, want: mi},
		{name: "exact serial of the other way", phones: lab(), text: pixelNet, want: pixelNet},
		{name: "exact UDID", phones: lab(), text: iphone, want: iphone},
		{name: "exact but not ready", phones: lab(), text: "8c2dffff", code: PhoneNotReady, message: `phone "8c2dffff" is not ready: unauthorized`},
		{name: "prefix", phones: lab(), text: "2A11", want: pixel},
		{name: "prefix of the other way", phones: lab(), text: "192.168.1.20", want: pixelNet},
		{name: "prefix that a not-ready phone has too", phones: lab(), text: "8c2d", want: mi},
		{name: "prefix of several", phones: []Info{phone("ab1", Ready, USB), phone("ab2", Ready, USB)}, text: "ab", code: SeveralPhones, message: `--device "ab" matches 2 phones`, hint: "--device ab1"},
		{name: "name", phones: lab(), text: "Mi 9", want: mi},
		{name: "unknown serial", phones: lab(), text: "nope", code: NoPhone, message: `no phone matches --device "nope"`, hint: "wxctl devices"},
		{name: "hostile serial", phones: lab(), text: "a\x1b[31m", code: NoPhone, message: `no phone matches --device "a\x1b[31m"`},
		{name: "conditions", phones: lab(), text: "platform=android,os>=12", want: pixel},
		{name: "conditions of the minor version", phones: lab(), text: "os=17", want: iphone},
		{name: "conditions that fit several", phones: lab(), text: "platform=android", code: SeveralPhones, message: `--device "platform=android" matches 2 phones`},
		{name: "conditions that fit none", phones: lab(), text: "os<9", code: NoPhone, message: `no phone matches --device "os<9"`},
		{name: "all", phones: lab(), text: "all", want: iphone + " " + pixel + " " + mi},
		{name: "all of one platform", phones: lab(), text: "all", platform: Android, want: pixel + " " + mi},
		{name: "all of none ready", phones: lab()[1:2], text: "all", code: PhoneNotReady, message: "is not ready"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sel, err := ChooseSelector(tt.text, func(string) string { return "" }, "", tt.platform)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Select(tt.phones, sel)
			if tt.code == "" {
				if err != nil {
					t.Fatal(err)
				}
				if !sameSet(ids(got.Phones), tt.want) {
					t.Fatalf("chose %s, want %s", ids(got.Phones), tt.want)
				}
				return
			}
			var e *Error
			if !errors.As(err, &e) || e.Code != tt.code {
				t.Fatalf("error %v, want code %s", err, tt.code)
			}
			if !strings.Contains(e.Message, tt.message) || !strings.Contains(e.Hint, tt.hint) {
				t.Errorf("says %q, hint %q; want %q, %q", e.Message, e.Hint, tt.message, tt.hint)
			}
			if strings.ContainsRune(e.Message+e.Hint, '\x1b') {
				t.Error("an escape sequence got through")
			}
		})
	}
}

func sameSet(a, b string) bool {
	x, y := strings.Fields(a), strings.Fields(b)
	if len(x) != len(y) {
		return false
	}
	seen := map[string]int{}
	for i := range x {
		seen[x[i]]++
		seen[y[i]]--
	}
	for _, n := range seen {
		if n != 0 {
			return false
		}
	}
	return true
}

func TestSelectCandidates(t *testing.T) {
	_, err := Select(lab(), Selector{})
	e := AsError(err)
	if len(e.Candidates) != 5 {
		t.Fatalf("%d candidates, want 5: the Pixel was seen twice and is one", len(e.Candidates))
	}
	for _, c := range e.Candidates {
		if c.Matched != (c.State == Ready) {
			t.Errorf("%s (%s): matched %v", c.ID, c.State, c.Matched)
		}
	}
}

func TestChooseSelector(t *testing.T) {
	for _, tt := range []struct {
		name, flag, profile string
		env                 map[string]string
		platform            Platform
		text, from          string
		code                Code
	}{
		{name: "flag wins", flag: "f", profile: "p", env: map[string]string{"WXCTL_DEVICE": "w", "ANDROID_SERIAL": "a"}, text: "f", from: "--device"},
		{name: "WXCTL_DEVICE", profile: "p", env: map[string]string{"WXCTL_DEVICE": "w", "ANDROID_SERIAL": "a", "GO_IOS_UDID": "u"}, text: "w", from: "WXCTL_DEVICE"},
		{name: "ANDROID_SERIAL", profile: "p", env: map[string]string{"ANDROID_SERIAL": "a"}, text: "a", from: "ANDROID_SERIAL"},
		{name: "GO_IOS_UDID", env: map[string]string{"GO_IOS_UDID": "u"}, text: "u", from: "GO_IOS_UDID"},
		{name: "both", env: map[string]string{"ANDROID_SERIAL": "a", "GO_IOS_UDID": "u"}, code: SeveralPhones},
		{name: "both, narrowed", platform: IOS, env: map[string]string{"ANDROID_SERIAL": "a", "GO_IOS_UDID": "u"}, text: "u", from: "GO_IOS_UDID"},
		{name: "profile", profile: "p", text: "p", from: "the profile's device"},
		{name: "a serial in the environment is a serial", env: map[string]string{"ANDROID_SERIAL": "all"}, text: "all", from: "ANDROID_SERIAL"},
		{name: "nothing"},
		{name: "virtual", flag: "virtual:android?api=33&answer=cancel", text: "virtual:android?api=33&answer=cancel", from: "--device"},
		{name: "virtual of the other platform", flag: "virtual:ios", platform: Android, code: Usage},
		{name: "virtual nothing", flag: "virtual:", code: Usage},
		{name: "virtual nonsense", flag: "virtual:android?%zz", code: Usage},
		{name: "bad version", flag: "os>=x", code: Usage},
		{name: "bad platform", flag: "platform=symbian", code: Usage},
		{name: "bad operator", flag: "model>=x", code: Usage},
		{name: "empty value", flag: "model=", code: Usage},
		{name: "bad part", flag: "os>=12,foo", code: Usage},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sel, err := ChooseSelector(tt.flag, func(k string) string { return tt.env[k] }, tt.profile, tt.platform)
			if tt.code != "" {
				if e := AsError(err); e == nil || e.Code != tt.code {
					t.Fatalf("error %v, want %s", err, tt.code)
				}
				return
			}
			if err != nil || sel.Text != tt.text || sel.From != tt.from {
				t.Errorf("got %q from %q, %v; want %q from %q", sel.Text, sel.From, err, tt.text, tt.from)
			}
		})
	}
	sel, err := ParseSelector("virtual:android?api=33&answer=cancel", "--device")
	if err != nil || sel.Virtual == nil || sel.Virtual.Options.Get("api") != "33" || sel.Virtual.Options.Get("answer") != "cancel" {
		t.Errorf("virtual: %+v, %v", sel.Virtual, err)
	}
}

func TestMerge(t *testing.T) {
	hw := func(i Info, h string) Info { i.Hardware = h; return i }
	for _, tt := range []struct {
		name string
		in   []Info
		want string
	}{
		{"usb before network", []Info{hw(phone("10.0.0.1:5555", Ready, Network), "A"), hw(phone("A", Ready, USB), "A")}, "A"},
		{"ready before usb", []Info{hw(phone("10.0.0.1:5555", Ready, Network), "A"), hw(phone("A", Unauthorized, USB), "A")}, "10.0.0.1:5555"},
		{"two on usb with one number", []Info{hw(phone("x", Ready, USB), "0123"), hw(phone("y", Ready, USB), "0123")}, "x y"},
		{"unknown hardware", []Info{phone("x", Ready, Network), phone("y", Ready, Network)}, "x y"},
		{"emulator by both names", []Info{phone("emulator-5554", Ready, Emulator), phone("127.0.0.1:5555", Ready, Network), phone("127.0.0.1:5557", Ready, Network)}, "127.0.0.1:5557 emulator-5554"},
	} {
		if got := ids(Merge(tt.in)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	// Phones that share an ID have one order, whatever the server's is.
	on := func(path string, id int) Info {
		i := phone("0123456789ABCDEF", Ready, USB)
		i.USBPath, i.TransportID, i.SharedID = path, id, true
		return i
	}
	got := Merge([]Info{on("1-2", 1), on("1-1", 3), on("1-1", 2)})
	if len(got) != 3 || got[0].TransportID != 2 || got[1].TransportID != 3 || got[2].TransportID != 1 {
		t.Errorf("phones that share an ID: %+v", got)
	}
}

func FuzzParseSelector(f *testing.F) {
	for _, s := range []string{"", "all", "virtual:android?api=33", "platform=android,os>=12", "os>=", "a=b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		sel, err := ParseSelector(s, "--device")
		if err != nil {
			return
		}
		for _, infos := range [][]Info{nil, lab()} {
			if got, err := Select(infos, sel); err == nil && !sel.All && len(got.Phones) != 1 {
				t.Errorf("%q chose %d phones", s, len(got.Phones))
			}
		}
	})
}

// TestSelectUDID: a UDID may be written without its dash, in upper or lower
// case, and shortened; an adb serial may not.
func TestSelectUDID(t *testing.T) {
	phones := []Info{
		{ID: "00008110-000A1B2C3D4E5F60", Platform: IOS, State: Ready, Transport: USB},
		{ID: "0123456789abcdef0123456789abcdef01234567", Platform: IOS, State: Ready, Transport: USB},
		{ID: "0000-ABCD", Platform: Android, State: Ready, Transport: USB},
	}
	for text, want := range map[string]string{
		"00008110-000A1B2C3D4E5F60":                phones[0].ID,
		"00008110000A1B2C3D4E5F60":                 phones[0].ID,
		"00008110-000a1b2c3d4e5f60":                phones[0].ID,
		"00008110000a":                             phones[0].ID,
		"0123456789ABCDEF0123456789ABCDEF01234567": phones[1].ID,
		"0000-A":   phones[2].ID,
		"0000ABCD": "",
		"0000-abc": "",
		"-":        "",
	} {
		got, err := Select(phones, Selector{Text: text})
		switch {
		case want == "" && err == nil:
			t.Errorf("%q chose %v", text, got)
		case want != "" && (err != nil || len(got.Phones) != 1 || got.Phones[0].ID != want):
			t.Errorf("%q chose %v, %v", text, got, err)
		}
	}
}
