package check

import (
	"slices"
	"strings"
)

// general are words that other libraries log, too: they count in lines of the SDK.
var general = []string{"is too long", "has been detached", "appId is null", "send fail, ex ="}

// logged is a check that is found by a line of the app's log.
type logged struct {
	Check
	contains []string
}

// logRows are the lines that the SDK writes when it refuses something: on
// Android with tags MicroMsg.SDK.*, on iOS only if the app prints what the
// SDK's startLogByLevel passes to it.
func logRows() []logged {
	row := func(id, platform string, severity Status, complaints []int, title, why, fix string, contains ...string) logged {
		return logged{Check{ID: "app.log." + id, Group: GroupApp, Severity: severity, Platform: platform, Needs: []Need{NeedLog},
			Complaints: complaints, Title: title, Why: why, Fix: fix}, contains}
	}
	return []logged{
		row("thumb", "android", Fail, []int{18}, "the thumb is missing or too large",
			"The SDK allows a thumb of 64 KB (128 KB for mini programs, where it is required). Beyond that sendReq "+
				"returns false, and nothing else happens.",
			"In the app, scale the thumb before it is set (setThumbImage makes a PNG of any size). `wxctl share webpage "+
				"--thumb FILE` shows how large it becomes.",
			"checkArgs fail, thumbData", "checkArgs fail: thumbData"),
		row("text", "android", Fail, []int{18}, "a title, description or text is too long",
			"The SDK allows 512 characters in a title, 1024 in a description. Beyond that sendReq returns false, and nothing else happens.",
			"In the app, shorten the text before it is sent. The log line names the field.",
			"checkArgs fail, title", "checkArgs fail, description", "is too long", "checkArgs fail, text"),
		row("arguments", "android", Fail, []int{18}, "the SDK refused the request before WeChat saw it",
			"The SDK checks a request itself. sendReq returns false, and WeChat is never opened.",
			"In the app, correct what the log line before this one names. `wxctl share … --dry-run` says what the SDK would refuse.",
			"checkArgs fail"),
		row("binder", "android", Fail, []int{19}, "the request is too large for Android",
			"Android hands at most about 1 MB from one app to another. A picture that is sent as bytes is larger than that.",
			"In the app, share the picture as a file: WXImageObject.imagePath with a content URI of a FileProvider.",
			"FAILED BINDER TRANSACTION", "TransactionTooLargeException", "sendUsingPendingIntent fail", "send fail, ex ="),
		row("file", "android", Fail, []int{20, 21}, "WeChat can't read the shared file",
			"A path or URI was shared that WeChat may not open: file:// since Android 7, other apps' folders since "+
				"Android 11, or a content URI without permission (\"获取资源失败\").",
			"In the app, share a content URI of a FileProvider, and call grantUriPermission(\"com.tencent.mm\", uri, "+
				"FLAG_GRANT_READ_URI_PERMISSION) before sendReq.",
			"FileUriExposedException", "Permission Denial: reading", "has no access to content://"),
		row("wechat", "android", Fail, []int{9, 10}, "the SDK does not find a WeChat that it trusts",
			"WeChat is not installed, not visible to the app (<queries>), or not the real one. The line \"check "+
				"signature:3082…\" speaks of WeChat's certificate, not the app's.",
			"In AndroidManifest.xml, inside <manifest>, add <queries><package android:name=\"com.tencent.mm\" "+
				"/></queries>. In the app, call registerApp before isWXAppInstalled and sendReq.",
			"failed for wechat app signature check failed", "open wx app failed, not installed or signature check failed"),
		row("register", "android", Fail, []int{10}, "the app used the SDK before it was registered, or after it was closed",
			"The API object was used without registerApp, or after detach. Install checks answer false, and requests are not sent.",
			"In the app, call WXAPIFactory.createWXAPI and registerApp once, in Application.onCreate, and never detach "+
				"while requests are sent.",
			"has been detached", "appId is null", "registerApp should be called"),
		row("sdk", "android", Fail, nil, "the app's OpenSDK does not know this request",
			"The SDK in the app is older than the kind of request.",
			"In build.gradle, set com.tencent.mm.opensdk:wechat-sdk-android to 6.8.0 or newer.",
			"this open sdk version not support the request type"),
		row("link", "ios", Fail, []int{16}, "WeChat was opened by scheme, since the universal link did not work",
			"The SDK's own check says that WeChat came back by <AppID>:// and not by universal link. The link is "+
				"registered, but iOS does not open it in the app.",
			"Run `wxctl doctor --online`: it compares the app's associated domains with the website. Then delete the "+
				"app from the iPhone and install it again.",
			"Universal Link check failed", "launched by WeChat via scheme", "resendContextReqByScheme"),
		row("register-ios", "ios", Fail, []int{10, 14}, "registerApp was called without AppID or universal link",
			"registerApp:universalLink: returned NO: the AppID or the link is nil. Requests are not sent.",
			"In the app, call [WXApi registerApp:@\"wx…\" universalLink:@\"https://HOST/PATH/\"] in "+
				"application:didFinishLaunchingWithOptions:.",
			"appId or universalLink is nil"),
	}
}

func logChecks() []Check {
	var out []Check
	for _, r := range logRows() {
		out = append(out, r.Check)
	}
	return out
}

// InLog returns the check that a log line belongs to; ok is false if there is
// none.
func InLog(platform, line string) (c Check, ok bool) {
	for _, r := range logRows() {
		if r.Platform != platform {
			continue
		}
		for _, part := range r.contains {
			if strings.Contains(line, part) && (!slices.Contains(general, part) || strings.Contains(line, "MicroMsg")) {
				return r.Check, true
			}
		}
	}
	return Check{}, false
}
