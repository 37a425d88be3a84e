package check

import (
	"net/url"
	"slices"
	"strings"
)

// maxQueries is how many of its query schemes iOS uses for an app linked for
// iOS 15 or newer (Apple, canOpenURL(_:)).
const maxQueries = 50

// queried returns the check for one scheme by which the SDK determines what
// WeChat supports (OpenSDK 2.0.0, checkUniversalLinkReady and canOpenURL).
func queried(scheme string, severity Status, without string) Check {
	return Check{
		ID: "app.queries." + strings.ToLower(scheme), Group: GroupApp, Severity: severity, Platform: "ios", Needs: []Need{NeedApp},
		Complaints: []int{11},
		Title:      scheme + " is not in LSApplicationQueriesSchemes",
		Good:       scheme + " is in LSApplicationQueriesSchemes",
		Why: "iOS answers the question whether a URL can be opened only for the schemes that the app lists, and heeds " +
			"the first 50. Without " + scheme + ", " + without + ".",
		Fix: "In Info.plist, add to the array LSApplicationQueriesSchemes: <string>" + scheme + "</string>.",
		Find: app(func(f *Facts) Result {
			at := slices.IndexFunc(f.App.QuerySchemes, func(s string) bool { return strings.EqualFold(s, scheme) })
			switch {
			case at < 0:
				return found("%s is not in LSApplicationQueriesSchemes: %s", scheme, without).seen("Info.plist",
					"LSApplicationQueriesSchemes: %s", orNone(f.App.QuerySchemes))
			case at >= maxQueries:
				return found("%s is number %d in LSApplicationQueriesSchemes, of which iOS heeds %d: %s", scheme, at+1, maxQueries, without).
					fixed("In Info.plist, move %s to the top of the array LSApplicationQueriesSchemes.", scheme)
			}
			return pass()
		}),
	}
}

func iosChecks() []Check {
	return slices.Concat([]Check{{
		ID: "app.scheme.appid", Group: GroupApp, Severity: Fail, Platform: "ios", Needs: []Need{NeedApp}, Complaints: []int{12},
		Title: "the AppID is not a URL scheme of the app",
		Good:  "the AppID is a URL scheme of the app",
		Why:   "WeChat calls the app back by universal link, and by <AppID>:// where that fails. Without the URL scheme the reply is lost.",
		Fix: "In Info.plist, add to CFBundleURLTypes an item with CFBundleURLName = weixin and CFBundleURLSchemes = " +
			"[the AppID, wx and 16 hex digits]. In Xcode: target > Info > URL Types.",
		Find: app(func(f *Facts) Result {
			declared, want := AppIDs(f.App.Schemes), f.Profile.AppID
			switch {
			case len(declared) == 0:
				return found("no URL scheme is an AppID: WeChat can't call the app back by scheme").seen("Info.plist", "CFBundleURLSchemes: %s",
					orNone(f.App.Schemes))
			case want != "" && !containsFold(declared, want):
				return found("the URL scheme is %s, but the registered AppID is %s: WeChat can't call the app back by "+
					"scheme", strings.Join(declared, ", "), want).
					seen("Info.plist", "CFBundleURLSchemes: %s", strings.Join(f.App.Schemes, ", ")).seen("profile "+f.Profile.Name, "app-id = %s", want).
					fixed("In Info.plist, CFBundleURLTypes > CFBundleURLSchemes, replace %s by %s.", strings.Join(declared, ", "), want)
			}
			return pass()
		}),
	}, {
		ID: "app.scheme.weixin", Group: GroupApp, Severity: Fail, Platform: "ios", Needs: []Need{NeedApp},
		Title: "the app registers WeChat's own URL scheme",
		Good:  "the app leaves WeChat's URL schemes to WeChat",
		Why: "weixin:// belongs to WeChat. If the app claims it, the SDK's registerApp returns NO, and iOS may open " +
			"the app in place of WeChat.",
		Fix: "In Info.plist, remove weixin… from CFBundleURLTypes. It belongs in LSApplicationQueriesSchemes.",
		Find: app(func(f *Facts) Result {
			for _, s := range f.App.Schemes {
				if strings.HasPrefix(strings.ToLower(s), "weixin") {
					return found("the app registers WeChat's own URL scheme %q: the SDK refuses to start, and WeChat's "+
						"requests may go to the app", s)
				}
			}
			return pass()
		}),
	}, {
		ID: "app.types", Group: GroupApp, Severity: Warn, Platform: "ios", Needs: []Need{NeedApp},
		Title: "a value in Info.plist or in the entitlements has the wrong type",
		Good:  "the values in Info.plist and in the entitlements have the right types",
		Why: "iOS and the SDK ignore a value of the wrong type, such as text where a list belongs. Some tools that " +
			"sign apps again write such values.",
		Fix: "In Info.plist, or in the entitlements file, give the value its right type. LSApplicationQueriesSchemes, " +
			"CFBundleURLSchemes and com.apple.developer.associated-domains are lists of text.",
		Find: app(func(f *Facts) Result {
			if len(f.App.Odd) == 0 {
				return pass()
			}
			r := found("a value has the wrong type and counts as absent: %s", f.App.Odd[0])
			for _, o := range f.App.Odd {
				r = r.seen(f.App.Source, "%s", o)
			}
			return r
		}),
	}}, []Check{
		queried("weixin", Fail, "the SDK takes WeChat for not installed"),
		queried("weixinULAPI", Fail, "the SDK never opens WeChat by universal link"),
		queried("weixinURLParamsAPI", Warn, "the SDK puts requests on the pasteboard, and iOS asks the user before WeChat reads it"),
	}, domainChecks(), provisioningChecks())
}

// entitled runs a check only on an app whose entitlements are known.
func entitled(find func(*Facts) Result) func(*Facts) Result {
	return app(func(f *Facts) Result {
		if f.App.NoEntitlements != "" {
			return unknown("the entitlements could not be read: %s", f.App.NoEntitlements)
		}
		return find(f)
	})
}

func domainChecks() []Check {
	const place = "In Xcode, target > Signing & Capabilities > Associated Domains, add applinks:HOST, where HOST is the " +
		"host of the universal link. Then build with a provisioning profile that has Associated Domains."
	return []Check{{
		ID: "app.domains", Group: GroupApp, Severity: Fail, Platform: "ios", Needs: []Need{NeedApp}, Complaints: []int{14},
		Title: "the app has no associated domain for universal links",
		Good:  "the app has an associated domain for universal links",
		Why: "iOS opens a universal link in the app only if the app is signed with applinks:HOST in its entitlement " +
			"com.apple.developer.associated-domains. WeChat then says \"由于应用 universal link 校验不通过\".",
		Fix: place,
		Find: entitled(func(f *Facts) Result {
			if len(LinkHosts(f.App.Domains)) > 0 {
				return pass()
			}
			if p := f.App.Provisioning; p != nil && len(p.Domains) > 0 && len(f.App.Domains) == 0 {
				return skip("see app.domains.signed")
			}
			return found("no associated domain is an applinks: one: WeChat can't call the app back by universal link").
				seen("entitlements", "com.apple.developer.associated-domains: %s", orNone(f.App.Domains))
		}),
	}, {
		ID: "app.domains.signed", Group: GroupApp, Severity: Fail, Platform: "ios", Needs: []Need{NeedApp}, Complaints: []int{14},
		Title: "the app was signed again without its associated domains",
		Good:  "the app is signed with what its provisioning profile allows",
		Why: "The provisioning profile allows associated domains, but the signature of the app does not have them: a " +
			"tool that signs an .ipa again dropped the entitlement. Universal links then open Safari.",
		Fix: "Sign the app with its entitlements: `codesign -f -s IDENTITY --entitlements app.entitlements " +
			"Payload/APP.app`, where app.entitlements has com.apple.developer.associated-domains.",
		Find: entitled(func(f *Facts) Result {
			p := f.App.Provisioning
			switch {
			case p == nil:
				return skip("the app has no provisioning profile to compare with")
			case len(p.Domains) == 0 || len(f.App.Domains) > 0:
				return pass()
			}
			return found("the provisioning profile allows associated domains, but the app is signed without any").
				seen("embedded.mobileprovision", "associated-domains: %s", strings.Join(p.Domains, ", ")).
				seen("signature", "associated-domains: %s", orNone(f.App.Domains))
		}),
	}, {
		ID: "app.domains.link", Group: GroupApp, Severity: Fail, Platform: "ios", Needs: []Need{NeedApp, NeedProfile}, Complaints: []int{14},
		Title: "the host of the universal link is not an associated domain of the app",
		Good:  "the host of the universal link is an associated domain of the app",
		Why:   "iOS opens the registered link in this app only if the link's host is among the app's associated domains.",
		Fix:   place,
		Find: entitled(func(f *Facts) Result {
			u, err := url.Parse(f.Profile.UniversalLink)
			hosts := LinkHosts(f.App.Domains)
			switch {
			case f.Profile.UniversalLink == "":
				return skip("the profile has no universal-link")
			case err != nil || u.Hostname() == "":
				return skip("see profile.link.form")
			case len(hosts) == 0:
				return skip("see app.domains")
			case slices.ContainsFunc(hosts, func(h string) bool { return hostFits(h, u.Hostname()) }):
				return pass()
			}
			return found("the universal link is at %s, but the app's associated domains are for %s", u.Hostname(), strings.Join(hosts, ", ")).
				seen("entitlements", "%s", strings.Join(f.App.Domains, ", ")).seen("profile "+f.Profile.Name, "universal-link = %s",
				f.Profile.UniversalLink).
				fixed("In Xcode, target > Signing & Capabilities > Associated Domains, add applinks:%s.", u.Hostname())
		}),
	}}
}

// LinkHosts are the hosts of the applinks: domains.
func LinkHosts(domains []string) []string {
	var out []string
	for _, d := range domains {
		if host, ok := strings.CutPrefix(d, "applinks:"); ok {
			host, _, _ = strings.Cut(host, "?") // ?mode=developer
			out = append(out, host)
		}
	}
	return out
}

// hostFits reports whether an associated domain covers a host; *.example.com
// covers all hosts below example.com.
func hostFits(domain, host string) bool {
	if parent, ok := strings.CutPrefix(domain, "*"); ok && strings.HasPrefix(parent, ".") {
		return strings.HasSuffix(strings.ToLower(host), strings.ToLower(parent)) && len(host) > len(parent)
	}
	return strings.EqualFold(domain, host)
}

func provisioningChecks() []Check {
	provisioned := func(find func(f *Facts, p *Provisioning) Result) func(*Facts) Result {
		return app(func(f *Facts) Result {
			switch {
			case f.App.NoProvisioning != "":
				return unknown("the provisioning profile could not be read: %s", f.App.NoProvisioning)
			case f.App.Provisioning == nil:
				return skip("the app has no provisioning profile that can be read (apps from the App Store have none)")
			}
			return find(f, f.App.Provisioning)
		})
	}
	return []Check{{
		ID: "app.provisioning.expired", Group: GroupApp, Severity: Fail, Platform: "ios", Needs: []Need{NeedApp},
		Title: "the provisioning profile has expired",
		Good:  "the provisioning profile is valid",
		Why:   "iOS does not start an app whose provisioning profile is over. WeChat's reply then opens nothing.",
		Fix: "At developer.apple.com, Certificates, Identifiers & Profiles > Profiles, renew the profile. Then build " +
			"and install the app again.",
		Find: provisioned(func(f *Facts, p *Provisioning) Result {
			if p.Now.Before(p.Expires) {
				return pass()
			}
			return found("the provisioning profile %q expired on %s", p.Name, p.Expires.Format("2006-01-02")).
				seen("embedded.mobileprovision", "ExpirationDate %s", p.Expires.Format("2006-01-02"))
		}),
	}, {
		ID: "app.provisioning.device", Group: GroupApp, Severity: Fail, Platform: "ios", Needs: []Need{NeedApp, NeedPhone},
		Title: "the provisioning profile is not for this iPhone",
		Good:  "the provisioning profile is for this iPhone",
		Why: "A development or ad hoc profile lists the iPhones that may run the app. This one is not among them, so " +
			"the app can't be installed.",
		Fix: "At developer.apple.com, Certificates, Identifiers & Profiles > Devices, add the UDID of the iPhone " +
			"(`wxctl devices` prints it). Renew the profile, and build again.",
		Find: provisioned(func(f *Facts, p *Provisioning) Result {
			if p.Devices == nil || containsFold(p.Devices, f.Phone.UDID) {
				return pass()
			}
			return found("the provisioning profile %q is for %d iPhones, and not for this one", p.Name, len(p.Devices)).seen("the phone",
				"UDID %s", f.Phone.UDID)
		}),
	}, {
		ID: "app.team.registered", Group: GroupApp, Severity: Fail, Platform: "ios", Needs: []Need{NeedApp}, Complaints: []int{14},
		Title: "the app is signed by another team than the registered one",
		Good:  "the app is signed by the registered team",
		Why: "The association file of the website names TEAM.BUNDLE. An app signed by another team does not fit it, " +
			"and universal links open Safari.",
		Fix: "Build with the registered team (Xcode, target > Signing & Capabilities > Team). Or add TEAM.BUNDLE of " +
			"this build to apple-app-site-association on the website.",
		Find: app(func(f *Facts) Result {
			p := f.App.Provisioning
			switch {
			case p != nil && p.OtherTeam != "":
				return found("the app is signed by team %s, but its provisioning profile is of team %s: iOS does not install it",
					f.App.Team, p.OtherTeam).
					seen("signature", "team %s", f.App.Team).seen("embedded.mobileprovision", "team %s", p.OtherTeam).
					fixed("Build with a provisioning profile of the team that signs the app (Xcode, target > Signing & Capabilities > Team).")
			case f.Profile.Team == "":
				return skip("the profile has no team-id")
			case f.App.Team == "":
				return unknown("the team that signed the app is not known")
			case f.App.Team == f.Profile.Team:
				return pass()
			}
			return found("the app is signed by team %s, but %s is registered", f.App.Team, f.Profile.Team).
				seen(f.App.Source, "team %s", f.App.Team).seen("profile "+f.Profile.Name, "team-id = %s", f.Profile.Team)
		}),
	}}
}
