package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/wxctl/wxctl/device/check"
)

// The page of checks is generated from the table that the program uses, too.
// Each check has an anchor with its id, to which findings link.
const doctorIntro = `# Why does my WeChat integration not work?

` + "`wxctl doctor`" + ` looks for the faults below. It looks at this computer, the phone, its WeChat, the app, the universal link, what
is registered, and WeChat's server. It opens and changes nothing on the phone unless you ask for it.

` + "```" + `
wxctl doctor                       # the app of the profile, on the phone
wxctl doctor com.example.app       # this app
wxctl doctor app.apk               # a file, without a phone; also .ipa .apks .xapk .apkm
wxctl doctor app.ipa --device ID   # a file, compared with what is installed
wxctl doctor --online              # also the website of the universal link, and WeChat's server
wxctl doctor --watch               # also what the app logs while you use it
wxctl doctor --probe               # also: does the app take WeChat's reply? Opens the app.
wxctl doctor --list                # all checks
` + "```" + `

Tell wxctl what is registered at the Open Platform, so that it can compare:

` + "```" + `
wxctl config init --from app.apk --app-id wx0123456789abcdef
wxctl config set android-md5 0123456789abcdef0123456789abcdef
wxctl config set team-id ABCDE12345
wxctl config set universal-link https://example.com/app/
` + "```" + `

The exit code is 0 if nothing is wrong, 5 if a check failed (with ` + "`--strict`" + ` also for a warning), 10 to 12 if there was no phone
to ask. A check that is wrong for your app is ignored with a reason in the profile (` + "`config.toml`" + `):

` + "```toml" + `
[profiles.default.doctor.ignore]
"app.provider" = "we share text only"
` + "```" + `

Checks are: **pass**, **warn**, **fail**, **skip** (does not apply here, or was not asked for) or **unknown** (could not be seen).
`

const doctorSite = `
### The association file of a website

iOS reads ` + "`https://HOST/.well-known/apple-app-site-association`" + ` and no other place first. For the universal link
` + "`https://example.com/app/`" + `, the team ` + "`ABCDE12345`" + ` and the bundle id ` + "`com.example.app`" + ` the file is:

` + "```json" + `
{
  "applinks": {
    "details": [
      {"appIDs": ["ABCDE12345.com.example.app"], "components": [{"/": "/app/*"}]}
    ]
  }
}
` + "```" + `
`

// doctorWords are the words of the page that the table of checks does not have.
type doctorWords struct {
	intro, site string
	complaints  string // the heading and the head of their table
	fix         string
	groups      map[check.Group]string
	needs       map[check.Need]string
	separator   string
	// in translates what the table has.
	in func(string) string
}

func englishDoctor() doctorWords {
	return doctorWords{
		intro: doctorIntro, site: doctorSite, separator: "; ", fix: "**Fix:** ",
		complaints: "## What users say\n\n| | complaint | checks |\n|---|---|---|\n",
		groups: map[check.Group]string{
			check.GroupHost: "This computer", check.GroupPhone: "The phone", check.GroupWeChat: "WeChat", check.GroupApp: "The app",
			check.GroupLink:    "The universal link",
			check.GroupProfile: "What is registered", check.GroupCloud: "WeChat's server", check.GroupRequest: "Requests",
		},
		needs: map[check.Need]string{
			check.NeedHost: "looks at this computer", check.NeedPhone: "needs a phone", check.NeedApp: "looks at the app or its file",
			check.NeedProfile: "compares with the profile",
			check.NeedWeb:     "needs `--online`", check.NeedCloud: "needs `--online`", check.NeedLog: "needs `--watch`",
			check.NeedProbe:   "needs `--probe`",
			check.NeedRequest: "said by the commands that send a request",
		},
		in: func(text string) string { return text },
	}
}

// doctorPage is docs/doctor.md, in a language.
func doctorPage(w doctorWords) string {
	var b strings.Builder
	b.WriteString(w.intro)
	b.WriteString("\n" + w.complaints)
	for _, c := range check.Complaints() {
		var links []string
		for _, id := range c.Checks() {
			links = append(links, fmt.Sprintf("[%s](#%s)", id, id))
		}
		fmt.Fprintf(&b, "| %d | %s | %s |\n", c.Number, w.in(c.Text), strings.Join(links, ", "))
	}
	for _, g := range check.Groups() {
		fmt.Fprintf(&b, "\n## %s\n", w.groups[g])
		if g == check.GroupLink {
			b.WriteString(w.site)
		}
		for _, c := range check.Table() {
			if c.Group == g {
				doctorCheck(&b, w, &c)
			}
		}
	}
	return b.String()
}

func doctorCheck(b *strings.Builder, w doctorWords, c *check.Check) {
	fmt.Fprintf(b, "\n<a id=\"%s\"></a>\n### %s: %s\n\n", c.ID, c.ID, w.in(c.Title))
	facts := []string{w.in(string(c.Severity))}
	switch c.Platform {
	case "android":
		facts = append(facts, "Android")
	case "ios":
		facts = append(facts, "iOS")
	}
	for _, n := range c.Needs {
		facts = append(facts, w.needs[n])
	}
	fmt.Fprintf(b, "*%s*\n\n%s\n\n%s%s\n", strings.Join(facts, w.separator), angles(w.in(c.Why)), w.fix, angles(w.in(c.Fix)))
	if c.Command != "" {
		fmt.Fprintf(b, "\n```\n%s\n```\n", c.Command)
	}
}

// angles keeps what is in angle brackets from being taken for HTML.
func angles(s string) string {
	parts := strings.Split(s, "`")
	for i := 0; i < len(parts); i += 2 {
		parts[i] = strings.NewReplacer("<", "&lt;", ">", "&gt;", "*", `\*`).Replace(parts[i])
	}
	return strings.Join(parts, "`")
}

// writeDoctor writes the page in both languages.
func writeDoctor(docs string) error {
	chinese, err := chineseDoctor()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(docs, "zh-CN"), 0o755); err != nil {
		return err
	}
	return cmp.Or(
		os.WriteFile(filepath.Join(docs, "doctor.md"), []byte(doctorPage(englishDoctor())), 0o644),
		os.WriteFile(filepath.Join(docs, "zh-CN", "doctor.md"), []byte(doctorPage(chinese)), 0o644))
}
