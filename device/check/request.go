package check

// requestChecks are what is known of a request before or after it is sent; the
// commands that send requests say them.
func requestChecks() []Check {
	row := func(id, platform string, severity Status, complaints []int, title, why, fix string) Check {
		return Check{ID: id, Group: GroupRequest, Severity: severity, Platform: platform, Needs: []Need{NeedRequest}, Complaints: complaints, Title: title, Why: why, Fix: fix}
	}
	return []Check{
		row("request.favorite", "", Warn, nil, "WeChat saves favorites without a question on the phone",
			"A share to favorites is stored at once, without a screen that could be cancelled.",
			"Share to a chat instead: `--scene session`."),
		row("request.wechat-too-old", "", Warn, []int{29}, "this WeChat is too old for the request",
			"WeChat's level is below what the request needs. The SDK refuses it, or sends something simpler.",
			"Update WeChat on the phone, or send it all the same with `--raw`."),
		row("request.hd-image", "android", Warn, []int{27}, "--hd-image is not sent on Android",
			"Only the iOS SDK has a large picture for mini programs. Android shows the thumb.",
			"Omit `--hd-image`, and give the picture as `--thumb`."),
		row("request.probe", "", Fail, []int{17}, "the app did not get WeChat's reply",
			"doctor opened the app as WeChat would with a reply, and the app's onResp was not called. The app's delegate, a SceneDelegate, or another library took the link and did not hand it to the SDK.",
			"Android: in WXEntryActivity, call api.handleIntent(getIntent(), this) in onCreate and onNewIntent. iOS: in SceneDelegate (or AppDelegate without scenes), call [WXApi handleOpenUniversalLink:] in scene:continueUserActivity: and in scene:willConnectToSession:, and [WXApi handleOpenURL:] in scene:openURLContexts:."),
		row("request.no-reply", "", Warn, []int{23}, "the user stayed in WeChat, so no reply came",
			"After a share WeChat asks whether to return. Who chooses to stay in WeChat leaves the app without a reply, for ever.",
			"In the app, don't wait for onResp without a limit: reset the screen when the app comes to the front."),
		row("request.login", "", Warn, []int{24}, "WeChat is not logged in",
			"WeChat shows its login screen in place of the request, and answers nothing.",
			"Log in to WeChat on the phone, and send the request again."),
		row("request.program", "", Warn, []int{27, 28}, "the mini program may not open",
			"A mini program's id begins with gh_. Trial and development versions open only for their testers; others see \"尚未发布\".",
			"Take the original id (gh_…) from mp.weixin.qq.com > Settings, and share with `--type release`."),
	}
}
