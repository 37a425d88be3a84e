package virtualandroid

import (
	"context"
	"strings"
	"sync"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/device/virtual/wechat"
)

// Maker describes how the phones of one maker differ from Android's own.
type Maker struct {
	// Name is the value of the option. Brings, Source and Unknown are for the
	// documentation: what the option does, who reported that about real phones,
	// and what is not known.
	Name, Brings, Source, Unknown string

	brand, model, device, product string
	properties                    map[string]string
	// clone is the Android user of cloned apps, and chooser the activity that
	// asks which of two apps to open.
	clone   phone.User
	chooser string
	// users exist on each phone, without WeChat and the app.
	users []phone.User
	// noInput: the shell may not press keys. quiet: the log drops what apps
	// write.
	noInput, quiet bool
}

// dumps is where the properties are from: owners of such phones published them.
const dumps = "properties: yuuouu/AndroidSystemPropertyCollect, "

const asks = "the phone asks which WeChat an app means"

// Makers lists the makers that a virtual phone can be of.
func Makers() []Maker {
	const profile = phone.UserInitialized | phone.UserProfile
	return []Maker{
		{
			Name:    "xiaomi",
			Brings:  `"USB debugging (Security settings)" is off: a computer may press no keys. ` + "With user 999, XSpace, " + asks,
			Source:  dumps + "Xiaomi 14; keys: DeviceFarmer/STFService.apk#144, Genymobile/scrcpy#4352; XSpace: oasisfeng/island#514",
			Unknown: "the exit code of `input` before Android 12; that `persist.security.adbinput` is that switch is a guess by its name",
			brand:   "Xiaomi", model: "23127PN0CC", device: "houji", product: "houji",
			properties: map[string]string{"ro.product.marketname": "Xiaomi 14", "ro.miui.ui.version.name": "V816",
				"ro.miui.ui.version.code": "816", "ro.mi.os.version.name": "OS2.0", "persist.security.adbinput": "0"},
			clone:   phone.User{ID: 999, Name: "XSpace", Flags: 0x801010},
			chooser: "com.miui.securitycore/com.miui.xspace.ui.activity.XSpaceResolveActivity",
			noInput: true,
		},
		{
			Name:    "huawei",
			Brings:  "what apps write into the log is lost. With user 999, " + asks,
			Source:  dumps + "HUAWEI nova 8; log: rovo89/XposedInstaller#415, rovo89/XposedBridge#176, JakeWharton/pidcat#139",
			Unknown: "which lines the log keeps on which version; the number of the clone's user",
			brand:   "HUAWEI", model: "ANG-AN00", device: "HWANG", product: "ANG-AN00",
			properties: map[string]string{"ro.config.marketing_name": "nova 8", "ro.build.version.emui": "EmotionUI_14.2.0",
				"ro.build.hw_emui_api_level": "31", "persist.log.tag": "M", "persist.sys.huawei.debug.on": "0"},
			clone:   phone.User{ID: 999, Name: "Clone", Flags: profile},
			chooser: "com.huawei.android.internal.app/com.huawei.android.internal.app.HwResolverActivity",
			quiet:   true,
		},
		{
			Name:    "honor",
			Brings:  "as huawei",
			Source:  dumps + "HONOR X30; log: JakeWharton/pidcat#139 (Honor 8)",
			Unknown: "as huawei; whether phones of the independent Honor lose the log as well",
			brand:   "HONOR", model: "ANY-AN00", device: "HNANY-Q", product: "ANY-AN00",
			properties: map[string]string{"ro.config.marketing_name": "荣耀X30", "ro.build.version.magic": "MagicOS_7.1.0",
				"ro.build.version.emui": "MagicOS_7.1.0", "persist.log.tag": "M", "persist.sys.huawei.debug.on": "0"},
			clone:   phone.User{ID: 999, Name: "Clone", Flags: profile},
			chooser: "com.hihonor.android.internal.app/com.hihonor.android.internal.app.HnResolverActivity",
			quiet:   true,
		},
		{
			Name:    "oppo",
			Brings:  "with user 999, " + asks,
			Source:  dumps + "OPPO Find X3 Pro; user 999: Tornaco/Thanox#52 (OnePlus 7 Pro)",
			Unknown: "the name of user 999; what else the shell may not do there besides writing settings (AirtestProject/AirtestIDE#781)",
			brand:   "OPPO", model: "PEEM00", device: "OP4E3F", product: "PEEM00",
			properties: map[string]string{"ro.vendor.oplus.market.name": "OPPO Find X3 Pro", "ro.build.version.oplusrom": "V14.0.0",
				"ro.build.version.oplusrom.display": "14.0"},
			clone:   phone.User{ID: 999, Name: "MultiApp", Flags: profile},
			chooser: "com.coloros.securitypermission/com.coloros.securitypermission.MultiAppChooser",
		},
		{
			Name:    "vivo",
			Brings:  `"USB simulated click" (USB模拟点击) is off: a computer may press no keys. ` + "With user 999, " + asks,
			Source:  dumps + "vivo X100s; keys: openatx/uiautomator2#330, openstf/stf#787",
			Unknown: "the name and number of the clone's user; which models have the switch; what they say (here what Android says)",
			brand:   "vivo", model: "V2359A", device: "PD2309", product: "PD2309M",
			properties: map[string]string{"ro.vivo.market.name": "vivo X100s", "ro.vivo.os.name": "Funtouch", "ro.vivo.os.version": "15.0",
				"ro.vivo.os.build.display.id": "OriginOS 5"},
			clone:   phone.User{ID: 999, Name: "Clone", Flags: profile},
			chooser: "com.vivo.doubleinstance/.DoubleAppResolverActivity",
			noInput: true,
		},
		{
			Name:    "samsung",
			Brings:  "a secure folder, user 150, which a computer may not enter. With user 95, " + asks,
			Source:  dumps + "Galaxy S24; user 150: mobile-dev-inc/Maestro#418, 0x192/universal-android-debloater#386",
			Unknown: "the name and number of the clone's user",
			brand:   "samsung", model: "SM-S9210", device: "e1q", product: "e1qzcx",
			properties: map[string]string{"ro.build.version.oneui": "60101", "ro.build.version.sep": "150500", "ro.config.knox": "v30"},
			clone:      phone.User{ID: 95, Name: "DUAL_APP", Flags: profile},
			chooser:    "com.samsung.android.da.daagent/com.samsung.android.da.daagent.activity.DualAppActivity",
			users:      []phone.User{{ID: 150, Name: "Secure Folder", Flags: profile | phone.UserManaged, NoShell: true}},
		},
	}
}

// makerNames lists the values of the option.
func makerNames() string {
	names := []string{"none"}
	for _, m := range Makers() {
		names = append(names, m.Name)
	}
	return strings.Join(names, ", ")
}

// maker returns the maker of that name, or the zero value.
func maker(name string) Maker {
	for _, m := range Makers() {
		if m.Name == name {
			return m
		}
	}
	return Maker{}
}

// describe adds what the maker changes to the options of a phone.
func (m Maker) describe(o phone.Options) phone.Options {
	o.Brand, o.Model, o.Device, o.Product = m.brand, m.model, m.device, m.product
	o.Properties, o.NoInput, o.Quiet = m.properties, m.noInput, m.quiet
	for i, u := range o.Users {
		if u.ID == m.clone.ID && m.clone.ID != 0 {
			o.Users[i] = m.clone
		}
	}
	o.Users = append(o.Users, m.users...)
	return o
}

// finish makes the remaining changes once the phone has its apps.
func (m Maker) finish(p *phone.Phone, o Options) {
	for _, u := range m.users {
		for _, pkg := range []string{wechat.PackageName, DemoPackage} {
			p.SetPackageState(pkg, u.ID, phone.PackageState{})
		}
	}
	if _, cloned := p.User(m.clone.ID); !cloned || m.clone.ID == 0 || o.Without {
		return
	}
	pkg, class, _ := phone.SplitComponent(m.chooser)
	c := &chooser{think: wechat.NewThink(o.Think, o.ThinkMost), nobody: o.Answer == wechat.Stay}
	page := activity(class, true)
	page.NoRecents = true
	p.Install(&phone.Package{Name: pkg, VersionName: "1", VersionCode: 1, MinSDK: p.API, TargetSDK: p.API, AppID: phone.SystemUID,
		System: true, Path: "/system/app/" + pkg + "/base.apk", Components: []phone.Component{page}}, c)
	p.SetChooser(pkg+"/"+class, c.asks)
}

// chooser is the code of the page that asks which of two WeChats to open. The
// user chooses the first one.
type chooser struct {
	think  wechat.Think
	nobody bool // chooses

	mu    sync.Mutex
	asked phone.Intent
}

// asks reports whether the page comes up: when another app starts WeChat. It is
// called with the phone's mutex held.
func (c *chooser) asks(q phone.StartRequest, pkg string) bool {
	if pkg != wechat.PackageName || q.Package == pkg || q.UID < phone.FirstAppUID || q.User != 0 {
		return false
	}
	c.mu.Lock()
	c.asked = q.Intent
	c.mu.Unlock()
	return true
}

// Launched implements phone.App.
func (c *chooser) Launched(_ context.Context, p *phone.Phone, act phone.Activity, _ phone.Intent) {
	if c.nobody {
		return
	}
	c.mu.Lock()
	in := c.asked
	c.mu.Unlock()
	p.After(c.think.Time(), func(ctx context.Context) {
		if _, there := p.Activity(act.Token); !there {
			return
		}
		_, _ = p.StartActivity(ctx, phone.StartRequest{UID: phone.SystemUID, Package: "android", Intent: in}) // it may have ended
		p.Finish(act.Token)
	})
}
