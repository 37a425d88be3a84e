package main

import (
	"strings"

	"github.com/wxctl/wxctl/cmd"
	"github.com/wxctl/wxctl/device/check"
)

// What the Chinese page of checks says besides the table. Text in the style of
// Go's raw strings, with ' for the backquote of Markdown.
const doctorIntroChinese = `# 我的微信接入为什么不工作？

'wxctl doctor' 逐项查找下面的问题。它检查这台电脑、手机、手机上的微信、App、通用链接、登记的信息，以及微信的服务器。除非你要求，
它不会在手机上打开或改动任何东西。

'''
wxctl doctor                       # 配置里的 App，在手机上
wxctl doctor com.example.app       # 这个 App
wxctl doctor app.apk               # 一个文件，不需要手机；也可以是 .ipa .apks .xapk .apkm
wxctl doctor app.ipa --device ID   # 一个文件，与手机上安装的比较
wxctl doctor --online              # 还检查通用链接的网站和微信的服务器
wxctl doctor --watch               # 还解释你使用 App 时它写的日志
wxctl doctor --probe               # 还检查 App 是否收下微信的回调；会打开 App
wxctl doctor --list                # 列出所有检查
'''

把开放平台登记的信息告诉 wxctl，它就能比较：

'''
wxctl config init --from app.apk --app-id wx0123456789abcdef
wxctl config set android-md5 0123456789abcdef0123456789abcdef
wxctl config set team-id ABCDE12345
wxctl config set universal-link https://example.com/app/
'''

没有问题时退出码为 0；有检查未通过时为 5（加上 '--strict' 时有警告也是 5）；没有可以查询的手机时为 10 到 12。对你的 App
不适用的检查，可以在配置（'config.toml'）里写明原因后忽略：

'''toml
[profiles.default.doctor.ignore]
"app.provider" = "我们只分享文本"
'''

检查的结果有：**pass**（通过）、**warn**（警告）、**fail**（失败）、**skip**（不适用，或没有要求检查）和
**unknown**（看不到）。
`

const doctorSiteChinese = `
### 网站的关联文件

iOS 首先且只读取 'https://HOST/.well-known/apple-app-site-association'。对于通用链接 'https://example.com/app/'、Team ID
'ABCDE12345' 和 Bundle ID 'com.example.app'，文件内容是：

'''json
{
  "applinks": {
    "details": [
      {"appIDs": ["ABCDE12345.com.example.app"], "components": [{"/": "/app/*"}]}
    ]
  }
}
'''
`

// chineseDoctor is the page for docs/zh-CN.
func chineseDoctor() (doctorWords, error) {
	in, err := cmd.Chinese()
	backquotes := func(text string) string { return strings.ReplaceAll(text, "'", "`") }
	return doctorWords{
		intro: backquotes(doctorIntroChinese), site: backquotes(doctorSiteChinese), separator: "；", fix: "**处理：**",
		complaints: "## 用户怎么说\n\n| | 现象 | 检查 |\n|---|---|---|\n",
		groups: map[check.Group]string{
			check.GroupHost: "这台电脑", check.GroupPhone: "手机", check.GroupWeChat: "微信", check.GroupApp: "App",
			check.GroupLink:    "通用链接",
			check.GroupProfile: "登记的信息", check.GroupCloud: "微信的服务器", check.GroupRequest: "请求",
		},
		needs: map[check.Need]string{
			check.NeedHost: "检查这台电脑", check.NeedPhone: "需要手机", check.NeedApp: "检查 App 或它的文件",
			check.NeedProfile: "与配置比较",
			check.NeedWeb:     "需要 `--online`", check.NeedCloud: "需要 `--online`", check.NeedLog: "需要 `--watch`",
			check.NeedProbe:   "需要 `--probe`",
			check.NeedRequest: "由发送请求的命令提示",
		},
		in: in,
	}, err
}
