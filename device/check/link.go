package check

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// Web is what websites say about the app's universal link.
type Web struct {
	// AppID is TEAM.BUNDLE, as association files name the app; URLs are those
	// that WeChat will open.
	AppID string
	URLs  []string
	// Site is the website's own association file, Apple the copy that iPhones
	// use.
	Site, Apple Association
}

// Association is an apple-app-site-association file, or why there is none.
type Association struct {
	URL   string
	Fault LinkFault
	// Detail describes it in words.
	Detail string
	// Type is the media type that the server names, such as "application/json".
	Type string
	// Missed is a URL that the file does not assign to the app.
	Missed string
	At     time.Time // of Apple's copy
}

// LinkFault is what is wrong with an association file.
type LinkFault string

// The faults, in the order in which they are checked.
const (
	LinkGood        LinkFault = ""
	LinkUnreachable LinkFault = "unreachable" // no answer, or no valid certificate
	LinkRedirected  LinkFault = "redirected"
	LinkAbsent      LinkFault = "absent" // an HTTP status other than 200
	LinkBroken      LinkFault = "broken" // too large, not JSON, no applinks
	LinkWithoutApp  LinkFault = "without-app"
	LinkOtherPaths  LinkFault = "other-paths"
)

// LinkURLs are the URLs that WeChat opens to answer an app (OpenSDK for iOS:
// the link, the AppID as a folder, the command).
func LinkURLs(link, appID string) []string {
	if !strings.HasSuffix(link, "/") {
		link += "/"
	}
	var out []string
	for _, command := range []string{"oauth?code=0&state=0", "refreshToken?wechat_auth_token=0"} {
		out = append(out, link+appID+"/"+command)
	}
	return out
}

func findLinkForm(f *Facts) Result {
	link := f.Profile.UniversalLink
	u, err := url.Parse(link)
	source := "profile " + f.Profile.Name
	wrong := func(sentence, want string) Result {
		r := found("%s", sentence).seen(source, "universal-link = %s", link)
		if want == "" {
			return r
		}
		return r.fixed("Write %s: at open.weixin.qq.com, in the app's registerApp call, and in the profile.", want).
			by("wxctl config set universal-link %s", want)
	}
	trimmed := strings.Join(strings.Fields(link), "")
	switch {
	case link == "":
		return skip("the profile has no universal-link")
	case trimmed != link:
		return wrong("the universal link has a blank in it", strings.TrimSuffix(trimmed, "/")+"/")
	case strings.Contains(link, "*"):
		before, _, _ := strings.Cut(link, "*")
		return wrong("the universal link has a *: that belongs in the association file only", strings.TrimSuffix(before, "/")+"/")
	case err != nil || u.Host == "":
		return wrong("the universal link can't be read", "")
	case u.Scheme != "https":
		return wrong("the universal link does not begin with https://", "https://"+u.Host+strings.TrimSuffix(u.Path, "/")+"/")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return wrong("the universal link has a ? or #", "https://"+u.Host+strings.TrimSuffix(u.Path, "/")+"/")
	case !strings.HasSuffix(link, "/"):
		return wrong("the universal link does not end with /", link+"/")
	}
	return pass().seen(source, "%s", link)
}

// jsonType reports whether a media type says nothing against JSON: servers that don't
// know the file, which has no extension, send the others.
func jsonType(s string) bool {
	return slices.Contains([]string{"", "application/json", "text/json", "application/pkcs7-mime",
		"application/octet-stream", "text/plain"}, s)
}

func findLinkType(f *Facts) Result {
	a := f.Web.Site
	switch {
	case a.Fault != LinkGood:
		return skip("the file has another fault")
	case jsonType(a.Type):
		return pass()
	}
	return found("the association file is served as %s, not as application/json", a.Type).seen(a.URL, "Content-Type: %s", a.Type)
}

func findLinkApple(f *Facts) Result {
	a := f.Web.Apple
	switch {
	case f.Web.Site.Fault != LinkGood:
		return skip("the website's own file is wrong")
	case a.Fault == LinkGood:
		return pass().seen(a.URL, "fits %s", f.Web.AppID)
	case a.Fault == LinkUnreachable:
		return unknown("Apple's copy could not be read: %s", a.Detail)
	}
	r := found("the website's file is right, but Apple's copy is not: %s", a.Detail)
	if !a.At.IsZero() {
		r = found("the website's file is right, but Apple's copy of %s is not: %s", a.At.UTC().Format("2006-01-02 15:04 MST"), a.Detail)
	}
	return r.seen(a.URL, "%s", a.Detail)
}

// site returns a check for faults in the website's own file.
func site(c Check, faults ...LinkFault) Check {
	c.Group, c.Severity, c.Platform, c.Needs = GroupLink, Fail, "ios", []Need{NeedWeb}
	c.Complaints = []int{14}
	c.Find = func(f *Facts) Result {
		switch s := f.Web.Site; {
		case slices.Contains(faults, s.Fault):
			return found("%s", s.Detail).seen(s.URL, "%s", s.Detail)
		case s.Fault == LinkGood:
			return pass().seen(s.URL, "fits %s", f.Web.AppID)
		default:
			return skip("the file has another fault")
		}
	}
	return c
}

func linkChecks() []Check {
	return []Check{
		site(Check{
			ID:    "link.reachable",
			Title: "the website of the universal link can't be reached",
			Good:  "the website of the universal link can be reached",
			Why: "iOS learns from the file apple-app-site-association of the website which app a link belongs to. It " +
				"reads it by HTTPS with a valid certificate, without a proxy or login.",
			Fix: "Make https://HOST/.well-known/apple-app-site-association answer on the public internet, with a " +
				"certificate that browsers accept.",
		}, LinkUnreachable),
		site(Check{
			ID:    "link.redirect",
			Title: "the association file is redirected",
			Good:  "the association file is not redirected",
			Why:   "iOS does not follow redirects for this file: not to www, not from one path to another, not to a login page.",
			Fix: "In the web server's configuration, serve /.well-known/apple-app-site-association itself with status " +
				"200, before any rule that redirects.",
		}, LinkRedirected),
		site(Check{
			ID:    "link.file",
			Title: "the website has no association file",
			Good:  "the website has an association file",
			Why: "Without the file iOS does not know that the link belongs to the app, and opens it in Safari. WeChat " +
				"says \"由于应用 universal link 校验不通过\".",
			Fix: "Put the file apple-app-site-association (no extension) into the folder .well-known of the website. " +
				"See the example in docs/doctor.md.",
		}, LinkAbsent),
		site(Check{
			ID:    "link.format",
			Title: "the association file can't be read",
			Good:  "the association file can be read",
			Why:   "The file must be JSON with an object \"applinks\", of at most 128 KB, and not HTML.",
			Fix: "Correct the file /.well-known/apple-app-site-association; `python3 -m json.tool FILE` shows where " +
				"it is wrong. See the example in docs/doctor.md.",
		}, LinkBroken),
		site(Check{
			ID:    "link.app",
			Title: "the association file does not name the app",
			Good:  "the association file names the app",
			Why:   "The file must name the app as TEAM.BUNDLE: the team id of ten letters and digits, a dot, and the bundle id.",
			Fix:   "In /.well-known/apple-app-site-association, applinks > details, add TEAM.BUNDLE to \"appIDs\" (or \"appID\").",
		}, LinkWithoutApp),
		site(Check{
			ID:    "link.paths",
			Title: "the association file does not give WeChat's paths to the app",
			Good:  "the association file gives WeChat's paths to the app",
			Why:   "WeChat opens LINK/<AppID>/oauth?… and LINK/<AppID>/refreshToken?…. The file allows other paths, or excludes these.",
			Fix: "In /.well-known/apple-app-site-association, at the app's \"paths\" or \"components\", allow the " +
				"path of the link and all below it: \"/PATH/*\".",
		}, LinkOtherPaths),
		{
			ID: "link.type", Group: GroupLink, Severity: Warn, Platform: "ios", Needs: []Need{NeedWeb}, Complaints: []int{14},
			Title: "the association file is served with another type than JSON",
			Good:  "the association file is served as JSON",
			Why: "The file has no extension, so web servers guess its type. Apple asks for application/json; with the type " +
				"of a web page or a picture, a proxy or a CDN on the way may change it.",
			Fix: "In the web server's configuration, send Content-Type: application/json for " +
				"/.well-known/apple-app-site-association.",
			Find: findLinkType,
		},
		{
			ID: "link.apple", Group: GroupLink, Severity: Warn, Platform: "ios", Needs: []Need{NeedWeb}, Complaints: []int{14},
			Title: "Apple's copy of the association file differs",
			Good:  "Apple's copy of the association file fits, too",
			Why: "iPhones don't ask the website, but Apple's copy of the file. Apple fetches it within a day, iPhones " +
				"ask again about once a week, and when an app is installed.",
			Fix: "Wait up to a day, then delete the app from the iPhone and install it again. While developing, use " +
				"applinks:HOST?mode=developer and turn on Settings > Developer > Associated Domains Development.",
			Find: findLinkApple,
		},
	}
}

// Cloud is what WeChat's OAuth server answered to an invalid code.
type Cloud struct {
	Source  string
	ErrCode int
	Message string
}
