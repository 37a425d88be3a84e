package check

import "slices"

// Table returns all checks, in the order in which they are shown.
func Table() []Check {
	return slices.Concat(hostChecks(), phoneChecks(), wechatChecks(), wechatVersionChecks(), appChecks(), appFileChecks(), sdkChecks(),
		entryChecks(), entryClassChecks(), manifestChecks(), signatureChecks(), registeredChecks(), iosChecks(), logChecks(), linkChecks(),
		profileChecks(), cloudChecks(), requestChecks())
}

func hostChecks() []Check {
	return []Check{{
		ID: "host.server", Group: GroupHost, Severity: Fail, Needs: []Need{NeedHost},
		Title: "a server for phones does not answer",
		Good:  "a server for phones answers",
		Why:   "Android phones are reached by the adb server, iPhones by usbmuxd. Without the server no phone of that kind is seen.",
		Fix: "For Android phones, start the adb server. For iPhones on Linux, start usbmuxd; on macOS and Windows, " +
			"connect the iPhone and open Finder or iTunes once.",
		Find: func(f *Facts) Result {
			if f.Phone.State != "" || len(f.Host.Absent) == 0 {
				return pass()
			}
			r := found("%s", f.Host.Absent[0].Message).fixed("%s", f.Host.Absent[0].Hint)
			for _, a := range f.Host.Absent {
				r = r.seen("this computer", "%s", a.Message)
			}
			return r
		},
	}}
}

func phoneChecks() []Check {
	return []Check{{
		ID: "phone.ready", Group: GroupPhone, Severity: Fail, Needs: []Need{NeedHost},
		Title: "the phone is not ready",
		Good:  "the phone is ready",
		Why: "The phone is connected, but it does not allow this computer to use it: it was not trusted yet, is " +
			"locked, or developer mode is off.",
		Fix: "Run `wxctl devices`: its column \"fix\" says what to do on the phone.",
		Find: func(f *Facts) Result {
			switch f.Phone.State {
			case "":
				return skip("no phone was chosen")
			case "ready":
				return pass()
			}
			return found("the phone is not ready: %s", f.Phone.State).fixed("%s", f.Phone.Fix)
		},
	}, {
		ID: "phone.screen", Group: GroupPhone, Severity: Warn, Platform: "android", Needs: []Need{NeedPhone},
		Title: "the phone is locked, or its screen is off",
		Good:  "the screen is on and unlocked",
		Why:   "WeChat shows its screens behind the lock screen, and nobody can answer them.",
		Fix:   "Wake the phone and unlock it by hand.",
		Find: func(f *Facts) Result {
			switch {
			case f.Phone.Locked:
				return found("the phone is locked")
			case f.Phone.ScreenOff:
				r := found("the screen is off").by("wxctl doctor --fix=phone.screen")
				r.Fix.Text, r.Fix.Auto = "Wake the phone.", true
				return r
			}
			return pass()
		},
	}, {
		ID: "phone.work-profile", Group: GroupPhone, Severity: Warn, Platform: "android", Needs: []Need{NeedPhone}, Complaints: []int{26},
		Title: "the phone has a work profile",
		Good:  "the phone has no work profile",
		Why: "Apps in a work profile and apps outside it can't read each other's files. If the app is on one side and " +
			"WeChat on the other, WeChat says that it can't load the picture.",
		Fix: "Install the app on the same side as WeChat. Say which side wxctl means with `--android-user N`; `wxctl " +
			"installed --json` lists the numbers.",
		Find: func(f *Facts) Result {
			if len(f.Phone.Profiles) == 0 {
				return pass()
			}
			r := Result{}
			for _, u := range f.Phone.Profiles {
				r = r.seen("users of the phone", "%s", u)
			}
			return r
		},
	}}
}

func wechatChecks() []Check {
	return []Check{{
		ID: "wechat.installed", Group: GroupWeChat, Severity: Fail, Needs: []Need{NeedPhone},
		Title: "WeChat is not installed",
		Good:  "WeChat is installed",
		Why:   "The SDK finds no WeChat, and every request fails at once.",
		Fix:   "Install WeChat on the phone from the app store, or from weixin.qq.com.",
		Find: func(f *Facts) Result {
			if f.WeChat.Installed {
				return pass().seen("the phone", "WeChat %s", f.WeChat.Version)
			}
			if f.Platform == "android" {
				return found("WeChat is not installed for this Android user")
			}
			return found("WeChat (com.tencent.xin) is not installed on this phone")
		},
	}, {
		ID: "wechat.enabled", Group: GroupWeChat, Severity: Fail, Platform: "android", Needs: []Need{NeedPhone},
		Title: "WeChat is disabled or suspended",
		Good:  "WeChat is enabled",
		Why:   "WeChat is on the phone, but switched off by its user, an app timer or the work profile. Nothing can open it.",
		Fix: "Enable WeChat: on the phone, Settings > Apps > WeChat > Enable. If it is paused, end the app timer or " +
			"turn the work profile on.",
		Find: func(f *Facts) Result {
			switch {
			case !f.WeChat.Installed:
				return skip("WeChat is not installed")
			case f.WeChat.Disabled:
				r := found("WeChat is disabled or suspended for this Android user").by("wxctl doctor --fix=wechat.enabled")
				r.Fix.Auto = true
				return r
			case f.WeChat.Suspended:
				return found("WeChat is disabled or suspended for this Android user")
			}
			return pass()
		},
	}}
}

func wechatVersionChecks() []Check {
	return []Check{{
		ID: "wechat.version", Group: GroupWeChat, Severity: Warn, Needs: []Need{NeedPhone},
		Title: "this WeChat is too old for some requests",
		Good:  "this WeChat knows all requests",
		Why:   "WeChat tells the SDK its level. The SDK refuses, or changes, requests that need a higher one.",
		Fix:   "Update WeChat on the phone.",
		Find: func(f *Facts) Result {
			if !f.WeChat.Installed {
				return skip("WeChat is not installed")
			}
			if len(f.WeChat.Refused) == 0 {
				return pass().seen("the phone", "WeChat %s", f.WeChat.Version)
			}
			r := found("%s", f.WeChat.Refused[0])
			for _, what := range f.WeChat.Refused {
				r = r.seen("WeChat "+f.WeChat.Version, "%s", what)
			}
			return r
		},
	}, {
		ID: "wechat.dual", Group: GroupWeChat, Severity: Warn, Platform: "android", Needs: []Need{NeedPhone}, Complaints: []int{25},
		Title: "the phone has two copies of WeChat",
		Good:  "the phone has one WeChat",
		Why: "The phone clones apps. It asks which WeChat to open, and one of the two often says that the signature " +
			"is wrong or does not share.",
		Fix: "Turn the clone off in the phone's settings (Dual apps, App twin, App clone). Or say which one wxctl " +
			"means with `--android-user N`.",
		Find: func(f *Facts) Result {
			if len(f.WeChat.Users) < 2 {
				return pass()
			}
			r := found("%d Android users of the phone have a WeChat", len(f.WeChat.Users))
			for _, u := range f.WeChat.Users {
				r = r.seen("users of the phone", "WeChat for %s", u)
			}
			return r
		},
	}, {
		ID: "wechat.moments-images", Group: GroupWeChat, Severity: Warn, Platform: "android", Needs: []Need{NeedRequest}, Complaints: []int{29},
		Title: "this WeChat does not take several pictures for Moments",
		Why: "Up to 6.7 WeChat took several pictures for Moments from other apps. Since 7.0 its Moments screen takes " +
			"one; given several it shows a message and closes.",
		Fix: "Share one picture: `wxctl share image FILE --scene timeline`. For several, let the user choose them in " +
			"WeChat, or send them to a chat with `--scene session`.",
	}, {
		ID: "wechat.signature-cache", Group: GroupWeChat, Severity: Warn, Platform: "android", Needs: []Need{NeedPhone}, Complaints: []int{5},
		Title: "WeChat may remember an old signature of the app",
		Good:  "WeChat remembers no old signature",
		Why: "WeChat keeps what its server said of an app. After the signature was changed at the Open Platform, or another " +
			"build was installed, it may answer -6 for up to a day. From outside this can't be seen: if app.signature.registered " +
			"passes and WeChat still answers -6, this is the likely reason.",
		Fix: "Stop WeChat and try again: `wxctl doctor --fix=wechat.signature-cache`. If that does not help, uninstall the app, " +
			"install it again, and restart the phone.",
		Command: "adb shell am force-stop com.tencent.mm",
		Find: func(f *Facts) Result {
			if !f.WeChat.Installed {
				return skip("WeChat is not installed")
			}
			return unknown("whether WeChat remembers an old signature can't be seen; if it answers -6 though the signature is right: " +
				"wxctl doctor --fix=wechat.signature-cache")
		},
	}}
}

func profileChecks() []Check {
	return []Check{{
		ID: "profile.md5.form", Group: GroupProfile, Severity: Fail, Platform: "android", Needs: []Need{NeedProfile}, Complaints: []int{2},
		Title: "the registered signature is not in the form that the Open Platform wants",
		Good:  "the registered signature is 32 lower-case hex digits",
		Why: "The Open Platform compares the text: 32 hex digits, lower case, no colons. keytool prints them in upper " +
			"case and with colons, and entered so they never fit: WeChat answers -6.",
		Fix: "At open.weixin.qq.com, Management Center > your app > Android, enter the signature in lower case and without colons.",
		Find: func(f *Facts) Result {
			switch normal := NormalMD5(f.Profile.MD5); {
			case f.Profile.MD5 == "":
				return skip("the profile has no android-md5")
			case !isMD5(normal):
				r := found("the registered signature is not an MD5: it is not 32 hex digits, but %d characters", len(normal)).
					seen("profile "+f.Profile.Name, "android-md5 = %s", f.Profile.MD5).
					fixed("Take the MD5 of the certificate, not its SHA-1 or SHA-256: `wxctl inspect` or `wxctl doctor FILE.apk -v` " +
						"prints it. Enter it at open.weixin.qq.com, Management Center > your app > Android, and in the profile.")
				return r
			case normal != f.Profile.MD5:
				r := found("the registered signature is written with upper case, colons or spaces: the Open Platform wants %s", normal).
					seen("profile "+f.Profile.Name, "android-md5 = %s", f.Profile.MD5).
					fixed("At open.weixin.qq.com, Management Center > your app > Android, enter %s. Then set the same "+
						"in the profile.", normal).
					by("wxctl config set android-md5 %s", normal)
				r.Fix.Auto = true
				return r
			}
			return pass()
		},
	}, {
		ID: "profile.link.form", Group: GroupProfile, Severity: Fail, Platform: "ios", Needs: []Need{NeedProfile}, Complaints: []int{15},
		Title: "the universal link is not in the form that WeChat wants",
		Good:  "the universal link begins with https:// and ends with /",
		Why: "WeChat puts <AppID>/oauth?… behind the link. Without a slash at the end that makes another path, with ? " +
			"or # no path at all; links without https are never opened by iOS. registerApp returns NO, or WeChat says " +
			"that the universal link check failed.",
		Fix: "Write the link as https://HOST/PATH/ in three places: at open.weixin.qq.com, in the app's registerApp " +
			"call, and in the profile.",
		Find: findLinkForm,
	}}
}

func cloudChecks() []Check {
	return []Check{{
		ID: "cloud.credentials", Group: GroupCloud, Severity: Fail, Needs: []Need{NeedCloud}, Complaints: []int{31},
		Title: "WeChat's server does not accept the AppID and its secret",
		Good:  "WeChat's server knows the AppID and the secret",
		Why: "With a wrong AppID or secret no login can be finished. doctor asks WeChat's server to exchange a " +
			"made-up code: if it complains of the code alone, AppID and secret are right.",
		Fix: "At open.weixin.qq.com, Management Center > your app, compare the AppID, and set a new AppSecret if it " +
			"was lost. Give the secret in the variable WXCTL_APP_SECRET.",
		Find: func(f *Facts) Result {
			c := f.Cloud
			switch c.ErrCode {
			case 40029: // invalid code
				return pass().seen(c.Source, "it answers %d to a made-up code", c.ErrCode)
			case 40013:
				return found("WeChat's server does not know the AppID %s", f.Profile.AppID).seen(c.Source, "errcode 40013: %s", c.Message)
			case 40125, 40001:
				return found("WeChat's server does not accept the secret of %s", f.Profile.AppID).seen(c.Source, "errcode %d: %s", c.ErrCode,
					c.Message)
			}
			return unknown("WeChat's server answered errcode %d, which says nothing about the AppID and the secret", c.ErrCode).seen(c.Source,
				"%s", c.Message)
		},
	}, {
		ID: "cloud.cancel", Group: GroupCloud, Severity: Warn, Complaints: []int{22},
		Title: "whether the user shared or cancelled",
		Why:   "Since 2018 WeChat answers 0 (success) when the user cancels a share. No tool can tell the two apart.",
		Fix:   "Don't give a reward for a share. Look at the chat on the phone: `wxctl screenshot FILE`.",
		Find: func(*Facts) Result {
			return unknown("whether a share was sent or cancelled can't be seen: WeChat answers success to both; look at the chat itself")
		},
	}, {
		ID: "cloud.permissions", Group: GroupCloud, Severity: Warn, Complaints: []int{30},
		Title: "which permissions the Open Platform gave the app",
		Why: "Login, subscribe messages and sharing are granted per app (48001, \"应用访问参数错误\"). Only the Open " +
			"Platform's own pages show it.",
		Fix: "Look at open.weixin.qq.com, Management Center > your app > Permissions.",
		Find: func(*Facts) Result {
			return unknown("the permissions of the app can't be seen from outside; look at open.weixin.qq.com, " +
				"Management Center > your app > Permissions")
		},
	}, {
		ID: "app.arguments", Group: GroupApp, Severity: Warn, Platform: "ios", Complaints: []int{34},
		Title: "whether code in the app changes URLs",
		Why:   "Some libraries replace methods of NSURL in the app. The SDK notices that its URL was changed and refuses to go on.",
		Fix: "In Xcode, set a breakpoint on -[NSURL initWithString:] and look which library implements it. Remove " +
			"that library, or tell it to leave WeChat's URLs alone.",
		Find: func(*Facts) Result {
			return unknown("whether a library in the app changes URLs can't be seen from outside; in Xcode, set a " +
				"breakpoint on -[NSURL initWithString:]")
		},
	}}
}
