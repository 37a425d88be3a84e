package check

import "slices"

// Complaint is a problem that users have reported for ten years in the issues
// of the SDK's wrappers.
type Complaint struct {
	Number int
	Text   string
}

// Checks returns the ids of the checks that find it.
func (c Complaint) Checks() []string {
	var ids []string
	for _, row := range Table() {
		if slices.Contains(row.Complaints, c.Number) {
			ids = append(ids, row.ID)
		}
	}
	return ids
}

// Complaints lists what users complain about.
func Complaints() []Complaint {
	return []Complaint{
		{Number: 1, Text: "WeChat shows \"loading\" and closes; the reply is -6"},
		{Number: 2, Text: "the reply is -6, although the signature at the Open Platform looks right (upper case, colons)"},
		{Number: 3, Text: "the release build works, the debug build does not"},
		{Number: 4, Text: "the APK works, the app from Google Play does not"},
		{Number: 5, Text: "the reply is still -6 after the signature was corrected"},
		{Number: 6, Text: "package name or bundle id is not the registered one"},
		{Number: 7, Text: "onResp is never called: WXEntryActivity is missing or in another package"},
		{Number: 8, Text: "onResp is never called: WXEntryActivity is not exported"},
		{Number: 9, Text: "isWXAppInstalled is false on Android 11 and newer"},
		{Number: 10, Text: "isWXAppInstalled is false: registerApp was not called before"},
		{Number: 11, Text: "isWXAppInstalled is false on an iPhone"},
		{Number: 12, Text: "WeChat does not come back to the app on an iPhone: no URL scheme"},
		{Number: 13, Text: "WeChat comes back to another app"},
		{Number: 14, Text: "\"由于应用 universal link 校验不通过\"; registerApp returns NO"},
		{Number: 15, Text: "the universal link has no slash at its end, or no https"},
		{Number: 16, Text: "the SDK's self-check says \"launched by WeChat via scheme\""},
		{Number: 17, Text: "WeChat comes back to the app, and onResp is not called (SceneDelegate, another library)"},
		{Number: 18, Text: "share does nothing: the thumb is too large, sendReq is false"},
		{Number: 19, Text: "share does nothing: the picture is too large (binder transaction)"},
		{Number: 20, Text: "\"需要使用 FileProvider 方式分享\""},
		{Number: 21, Text: "\"获取资源失败\": WeChat can't read the file"},
		{Number: 22, Text: "a cancelled share comes back as success"},
		{Number: 23, Text: "no reply: the user stayed in WeChat"},
		{Number: 24, Text: "no reply: WeChat is not logged in"},
		{Number: 25, Text: "a chooser with two WeChats comes up; one of them says that the signature is wrong"},
		{Number: 26, Text: "the file can't be loaded: work profile"},
		{Number: 27, Text: "a mini program can't be shared (thumb, gh_ id, bad_param)"},
		{Number: 28, Text: "a mini program says \"尚未发布\""},
		{Number: 29, Text: "several pictures can't be shared to Moments"},
		{Number: 30, Text: "subscribe message: \"应用访问参数错误\", 48001"},
		{Number: 31, Text: "login: 40029 invalid code, 40163 code been used, 40125 invalid appsecret"},
		{Number: 32, Text: "no reply in the release build only (obfuscation)"},
		{Number: 33, Text: "two share libraries, and one gets no reply"},
		{Number: 34, Text: "the SDK says that arguments were changed on the way"},
		{Number: 35, Text: "\"未验证应用\" is shown to who gets the message"},
	}
}
