package check

// requestChecks are the known problems of a request before or after it is sent;
// they are reported by the commands that send requests.
func requestChecks() []Check {
	row := func(id, platform string, severity Status, complaints []int, title, why, fix string) Check {
		return Check{ID: id, Group: GroupRequest, Severity: severity, Platform: platform, Needs: []Need{NeedRequest},
			Complaints: complaints, Title: title, Why: why, Fix: fix}
	}
	return []Check{
		row("request.favorite", "", Warn, nil, "WeChat saves favorites without asking on the phone",
			"A share to favorites is stored at once, without a screen that could be cancelled.",
			"Share to a chat instead: `--scene session`."),
		row("request.wechat-too-old", "", Warn, []int{29}, "this WeChat is too old for the request",
			"WeChat's level is below what the request needs. The SDK refuses it, or sends something simpler.",
			"Update WeChat on the phone, or send it anyway with `--raw`."),
		row("request.hd-image", "android", Warn, []int{27}, "--hd-image is not sent on Android",
			"Only the iOS SDK has a large picture for mini programs. Android shows the thumb.",
			"Omit `--hd-image`, and give the picture as `--thumb`."),
		row("request.limit", "", Warn, nil, "a field is larger than the documents allow",
			"The SDK sends it, but the documents name a lower bound: an old WeChat may cut it or show nothing. With "+
				"--raw this is also said of what the SDK would refuse.",
			"Make the field smaller."),
		row("request.unsent", "", Warn, nil, "the SDK has no key for a field",
			"The SDK of this version leaves the field out, so WeChat never sees it.",
			"Omit the flag, or name a newer SDK: `--sdk-version`."),
		row("request.scene", "", Warn, []int{27}, "WeChat does not send this to the scene",
			"WeChat sends mini programs into chats only, whatever the app asks for, and posts no files and no stickers to Moments.",
			"Use `--scene session`."),
		row("request.user-name", "", Warn, []int{27}, "the name of a mini program is not its original id",
			"WeChat finds a mini program by its original id, which begins with gh_, not by its AppID or its name.",
			"Look it up in the mini program's console (Settings, Account information), and give it as `--user-name gh_…`."),
		row("request.too-many-images", "", Warn, nil, "more pictures than WeChat takes at once",
			"WeChat takes nine pictures at once, and drops or refuses more.",
			"Share nine at most."),
		row("request.music-data-url", "", Warn, nil, "the address of the audio file is longer than the documents allow",
			"The SDK for Android does not check it, the one for iOS refuses it, and the module's documents allow 10 KB.",
			"Use a shorter `--data-url`."),
		row("request.refused", "", Warn, nil, "a phone would refuse the request",
			"A dry run shows the wire form of a request that a phone would not be sent, because the route can't carry it.",
			"Use another `--route`, or `--scene session`."),
		row("request.path.second-question-mark", "android", Warn, nil, "the path of a mini program is cut at its second question mark",
			"The Android SDK splits the path at question marks and keeps two parts. A URL inside a parameter loses its query.",
			"Write %3F for a question mark within a parameter."),
		row("request.path.html-suffix", "android", Warn, nil, "the path of a mini program gets its suffix twice",
			"The Android SDK adds .html to the page. A path that was copied from WeChat's menu has the suffix already, "+
				"and the page is not found.",
			"Omit .html from `--path`."),
		row("request.picture.not-picture", "", Warn, nil, "a file that is sent as a picture is none",
			"The file's bytes are not a picture in a known format, but for example a web page, a text or an empty file. WeChat shows "+
				"nothing, or says that the file is damaged.",
			"Give a JPEG or PNG file."),
		row("request.picture.not-read", "", Warn, nil, "a picture is of a type that not every WeChat shows",
			"HEIC, AVIF, JPEG XL and SVG pictures, and rare kinds of others, are shown by some phones only.",
			"Convert it to JPEG: `sips -s format jpeg IN --out OUT.jpg` on macOS, `magick IN OUT.jpg` elsewhere."),
		row("request.picture.flawed", "", Warn, nil, "a picture is damaged",
			"The picture's end is missing, its checksums are wrong, or its colours are stored in a rare way. Some "+
				"readers forgive that, others show nothing.",
			"Save it again with an image editor, or convert it: `magick IN OUT.jpg`."),
		row("request.picture.turned", "", Warn, nil, "a thumb is turned by EXIF alone",
			"A camera stores how the phone was held instead of turning the pixels. Thumbs are shown without regard to that.",
			"Turn the pixels: `magick IN -auto-orient OUT.jpg`."),
		row("request.picture.animated", "", Warn, nil, "a GIF that is shared as an image does not move",
			"WeChat shows the first frame of an image. Stickers move.",
			"Share it as a sticker: `wxctl share emoji`."),
		row("request.file.nameless", "android", Warn, nil, "a shared file has no name",
			"On Android WeChat shows the title as the file's name. Without one the receiver sees a file without a name, "+
				"which nothing opens.",
			"Give the name with its extension: `--title report.pdf`."),
		row("request.file.no-extension", "", Warn, nil, "a shared file has no extension",
			"WeChat opens files by the extension of their name.",
			"End the title (Android) or the file's name (iOS) with the extension."),
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
