package language

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestOf(t *testing.T) {
	tests := []struct {
		all, messages, lang string
		want                Language
	}{
		{"", "", "", English},
		{"", "", "zh_CN.UTF-8", Chinese},
		{"", "", "zh_CN.GB18030@pinyin", Chinese},
		{"", "", "zh", Chinese},
		{"", "", "zh-Hans", Chinese},
		{"", "zh_SG", "en_US.UTF-8", Chinese},
		{"C.UTF-8", "zh_CN.UTF-8", "zh_CN.UTF-8", English},
		{"POSIX", "", "zh_CN", English},
		{"", "", "zh_TW.UTF-8", English},
		{"", "", "zh_HK", English},
		{"", "en_GB.UTF-8", "zh_CN.UTF-8", English},
		{"", "", "de_DE.UTF-8", English},
	}
	for _, test := range tests {
		env := map[string]string{"LC_ALL": test.all, "LC_MESSAGES": test.messages, "LANG": test.lang}
		if got := Of(func(k string) string { return env[k] }); got != test.want {
			t.Errorf("%v: got %s, want %s", env, got, test.want)
		}
	}
}

func TestColumns(t *testing.T) {
	for text, want := range map[string]int{"": 0, "abc": 3, "手机": 4, "é": 1, "e\u0301": 1, "ｱ": 1, "（": 2, "👍": 2, "A手": 3} {
		if got := Columns(text); got != want {
			t.Errorf("%q: %d columns, want %d", text, got, want)
		}
	}
}

func TestCutAndPad(t *testing.T) {
	for _, test := range []struct {
		text string
		most int
		want string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"手机名称", 8, "手机名称"}, {"手机名称很长", 8, "手机名…"}, {"手机名称很长", 7, "手机名…"}, {"", 3, ""},
	} {
		if got := Cut(test.text, test.most); got != test.want {
			t.Errorf("%q in %d columns: got %q, want %q", test.text, test.most, got, test.want)
		}
	}
	if got := Pad("手机", 6); got != "手机  " {
		t.Errorf("got %q", got)
	}
}

func catalogue(t *testing.T, pairs ...string) *Catalogue {
	t.Helper()
	messages := ""
	for i := 0; i < len(pairs); i += 2 {
		if i > 0 {
			messages += ","
		}
		messages += fmt.Sprintf(`{"id":%q,"translation":%q}`, pairs[i], pairs[i+1])
	}
	c, err := parse([]byte(`{"messages":[` + messages + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestText(t *testing.T) {
	c := catalogue(t,
		"no answer in time", "没有及时收到应答",
		"phone %s is not ready: %s", "手机 %s 未就绪：%s",
		"phone %q is not ready", "手机 %q 未就绪",
		"locked", "已锁屏",
		"%s from %s", "来自 %[2]s 的 %[1]s",
		"%d phones are ready, but none was chosen", "有 %d 台手机就绪，但没有选定",
		"the list can't be read: %w", "无法读取列表：%s",
		"Share a text of %d characters.", "分享 %d 个字符的文本。",
		"Share a text.", "分享文本。",
		"TEXT may be - for stdin.", "TEXT 写成 - 表示从标准输入读取。",
		"the state was seen", "看到了所要的状态",
		"address of the page", "网页地址",
		"in a language that is long", "一种很长的语言",
		"is required", "是必填的",
		"%s needs %s", "%s需要%s",
		"It says that it has room: it needs TEXT.", "它说有空间：它需要 TEXT。",
		"is a file of the type %s, not a picture", "是类型为 %s 的文件，不是图片",
		"%s %s: WeChat may show nothing", "%s%s：微信可能什么也不显示",
		"the picture", "图片",
	)
	tests := []struct{ name, english, want string }{
		{"a sentence", "no answer in time", "没有及时收到应答"},
		{"one that nobody knows", "hello there", "hello there"},
		{"spaces stay", "  no answer in time ", "  没有及时收到应答 "},
		{"values", `phone "Pixel 7" (abc) is not ready: locked`, `手机 "Pixel 7" (abc) 未就绪：已锁屏`},
		{"a quoted value is not translated", `phone "locked" is not ready`, `手机 "locked" 未就绪`},
		{"a quoted value with quotes", `phone "a\" is not ready" is not ready`, `手机 "a\" is not ready" 未就绪`},
		{"a number", "12 phones are ready, but none was chosen", "有 12 台手机就绪，但没有选定"},
		{"causes", "the list can't be read: no answer in time", "无法读取列表：没有及时收到应答"},
		{"too few words to be known by", "Tom from Paris", "Tom from Paris"},
		{"two sentences", "Share a text. TEXT may be - for stdin.", "分享文本。TEXT 写成 - 表示从标准输入读取。"},
		{"joined", "no answer in time; locked", "没有及时收到应答；已锁屏"},
		{"joined with what nobody knows", "adb: no answer in time", "adb：没有及时收到应答"},
		{"a sentence that looks like a value", "Share a text. It says that it has room: it needs TEXT.", "分享文本。它说有空间：它需要 TEXT。"},
		{"a place in a file", "a.yaml:3:7: locked", "a.yaml:3:7: 已锁屏"},
		{"of something with a name", "message.object.text is required (OpenSDK 6.8.34)", "message.object.text 是必填的（OpenSDK 6.8.34）"},
		{"two values beside each other", "the picture is a file of the type HTML, not a picture: WeChat may show nothing",
			"图片是类型为 HTML 的文件，不是图片：微信可能什么也不显示"},
		{"a paragraph over lines", "Share\na text.\n\nEXIT\n    0  the state was seen\n", "分享文本。\n\nEXIT\n    0  看到了所要的状态\n"},
		{"a list with a row of two lines", "List:\n  --url  address\n         of the page", "List:\n  --url  网页地址"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := c.Text(test.english); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestFormat(t *testing.T) {
	c := catalogue(t,
		"locked", "已锁屏",
		"%s from %s", "来自 %[2]s 的 %[1]s",
		"%-8s|", "%s|",
		"%s of %q: %v", "%[2]s 的 %[1]s：%[3]s",
		"nothing", "没有",
	)
	tests := []struct {
		format string
		args   []any
		want   string
	}{
		{"%s from %s", []any{"Tom", "Paris"}, "来自 Paris 的 Tom"},
		{"%-8s|", []any{"locked"}, "已锁屏  |"},
		{"%8s|", []any{"locked"}, "  已锁屏|"},
		{"%s of %q: %v", []any{"a", "locked", errors.New("locked")}, `"locked" 的 a：已锁屏`},
		{"unknown %s %d", []any{"locked", 3}, "unknown 已锁屏 3"},
		{"nothing", nil, "没有"},
		{"100%%", nil, "100%"},
		{"%s", nil, "%!s(MISSING)"},
	}
	for _, test := range tests {
		if got := c.Format(test.format, test.args...); got != test.want {
			t.Errorf("%q %v: got %q, want %q", test.format, test.args, got, test.want)
		}
	}
}

func TestWrap(t *testing.T) {
	tests := []struct {
		text  string
		limit int
		want  string
	}{
		{"打开手机上的微信，然后重试。", 12, "打开手机上的\n微信，然后重\n试。"},
		{"打开手机上的，微信", 12, "打开手机上\n的，微信"},
		{"run wxctl devices 查看手机", 12, "run wxctl\ndevices 查看\n手机"},
		{"averylongword 手机", 8, "averylongword\n手机"},
	}
	for _, test := range tests {
		if got := Wrap(test.text, test.limit, 0); got != test.want {
			t.Errorf("%q: got %q, want %q", test.text, got, test.want)
		}
	}
}

// TestLongText: a text from outside with a thousand joints is translated
// quickly; without the cache it would take forever.
func TestLongText(t *testing.T) {
	c, err := Load(Chinese)
	if err != nil {
		t.Fatal(err)
	}
	for _, joint := range []string{"; ", ": ", ", and ", " ", ". A", " ("} {
		text := strings.Repeat("a"+joint, longest)[:longest-1]
		if got := c.Text(text); len(got) < len(text)/2 {
			t.Errorf("%q: of %d bytes %d are left", joint, len(text), len(got))
		}
	}
}

// FuzzText: of whatever comes from outside, nothing is lost, and the work is
// limited.
func FuzzText(f *testing.F) {
	f.Add("phone \"x\" is not ready: locked")
	f.Add("a\n  b  c\n     d")
	c, err := Load(Chinese)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(_ *testing.T, text string) { c.Text(text) })
}
