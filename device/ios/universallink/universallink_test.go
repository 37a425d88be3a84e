package universallink

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/device/check"
)

const app = "ABCDE12345.com.example.app"

var urls = check.LinkURLs("https://example.com/app/", "wx0123456789abcdef")

func TestOpens(t *testing.T) {
	for _, tt := range []struct {
		details string
		link    string
		want    bool
	}{
		{`[{"appID":"` + app + `","paths":["*"]}]`, "https://h/x", true},
		{`[{"appID":"` + app + `","paths":["/app/*"]}]`, "https://h/app/wx1/oauth?code=1", true},
		{`[{"appID":"` + app + `","paths":["NOT /app/wx*","/app/*"]}]`, "https://h/app/wx1/oauth", false},
		{`[{"appID":"` + app + `","paths":["/app/"]}]`, "https://h/app/wx1", false},
		{`[{"appID":"` + app + `","paths":["/a?p/*"]}]`, "https://h/app/x", true},
		{`[{"appID":"OTHER.x","paths":["*"]}]`, "https://h/app/x", false},
		{`{"` + app + `":{"paths":["*"]}}`, "https://h/app/x", true},
		{`[{"appIDs":["x","` + app + `"],"components":[{"/":"/app/*"}]}]`, "https://h/app/x", true},
		{`[{"appIDs":["` + app + `"],"components":[{"/":"/app/*","exclude":true},{"/":"*"}]}]`, "https://h/app/x", false},
		{`[{"appIDs":["` + app + `"],"components":[{"/":"/app/*","?":{"code":"?*"}}]}]`, "https://h/app/x?code=1", true},
		{`[{"appIDs":["` + app + `"],"components":[{"/":"/app/*","?":{"code":"?*"}}]}]`, "https://h/app/x", false},
		{`[{"appIDs":["` + app + `"],"components":[{"/":"/app/*","?":"*"}]}]`, "https://h/app/x?y", true},
		{`[{"appIDs":["` + app + `"],"components":[{"#":"nav*"}]}]`, "https://h/app/x", false},
		{`[{"appIDs":["` + app + `"],"components":[{"/":"/APP/*","caseSensitive":false}]}]`, "https://h/app/x", true},
		{`[{"appId":"` + app + `","paths":["*"]}]`, "https://h/app/x", false},
		{`[{"appID":"` + app + `","Paths":["*"]}]`, "https://h/app/x", false},
		{`[{"appIDs":["` + app + `"],"components":[{"/":"/app/*","Exclude":true}]}]`, "https://h/app/x", true},
		{`[{"appIDs":["` + app + `"],"components":[{"/":"/$(lang)/*"}]}]`, "https://h/en/x", true},
		{`[{"appIDs":["` + app + `"],"components":[{"/":"/$(ours)/*"}]}]`, "https://h/wx1/x", true},
		{`[{"appIDs":["` + app + `"],"components":[{"/":"/$(ours)/*"}]}]`, "https://h/wx2/x", false},
		{`[{"appIDs":["` + app + `"],"components":[{"/":"/$(none)/*"}]}]`, "https://h/wx2/x", false},
		{`[{"appIDs":["` + app + `"],"components":[{"/":"/$(ours)$(ours)$(ours)$(ours)$(ours)$(ours)$(ours)$(ours)$(ours)"}]}]`, "https://h/x", false},
		{`[{"appID":"` + app + `","paths":["app/*"]}]`, "https://h/app/x", false},
		{`[{"appIDs":["` + app + `"],"components":[{}]}]`, "https://h/app/x", true},
		{`[{"appID":"` + app + `","components":[{"/":"/app/*"}],"paths":["NOT *"]}]`, "https://h/app/x", true},
		{`[{"appIDs":["` + app + `"],"components":[]}]`, "https://h/app/x", false},
		{`[{"appIDs":["` + app + `"],"components":[{"/":"/a/***********************b"}]}]`, "https://h/a/" + strings.Repeat("a", 2000), false},
	} {
		a, err := Parse([]byte(`{"applinks":{"apps":[],"substitutionVariables":{"ours":["wx0","wx1"]},"details":` + tt.details + `}}`))
		if err != nil || a.Opens(app, tt.link) != tt.want {
			t.Errorf("%s of %s: %v, want %t", tt.link, tt.details, err, tt.want)
		}
	}
}

// TestSubstitution: variables that name themselves, grow, or have many values end.
func TestSubstitution(t *testing.T) {
	many := `"v0"`
	for i := range 400 {
		many += fmt.Sprintf(`,"v%d"`, i+1)
	}
	for _, tt := range []struct {
		values, path string
		opens        bool
	}{
		{`"$(a)"`, "/$(a)", false},
		{`"x$(a)"`, "/$(a)", false},
		{`"$(a)$(a)"`, "/$(a)", false},
		{many, "/$(a)", true},
		{many, "/v7$(none)/$(a)", false},
	} {
		a, err := Parse(fmt.Appendf(nil, `{"applinks":{"substitutionVariables":{"a":[%s]},"details":[{"appIDs":[%q],"components":[{"/":%q}]}]}}`,
			tt.values, app, tt.path))
		if err != nil || a.Opens(app, "https://h/v400") != tt.opens {
			t.Errorf("%.40s in %s: %v", tt.values, tt.path, err)
		}
	}
	for _, path := range []string{"/$(a)$(a)$(a)", "/$(a)$(a)" + strings.Repeat("x", 1000)} {
		if _, err := Parse(fmt.Appendf(nil, `{"applinks":{"substitutionVariables":{"a":[%s]},"details":[{"appIDs":[%q],"components":[{"/":%q}]}]}}`,
			many, app, path)); !errors.Is(err, errSubstituted) {
			t.Errorf("%.20s: %v", path, err)
		}
	}
}

// TestFaults: a local website has one fault after another.
func TestFaults(t *testing.T) {
	const good = `{"applinks":{"details":[{"appID":"` + app + `","paths":["/app/*"]}]}}`
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	redirect := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
	}
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		want    check.LinkFault
	}{
		{"good", answer(200, good), check.LinkGood},
		{"at the root", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != oldPlace {
				http.NotFound(w, r)
				return
			}
			fmt.Fprint(w, good)
		}, check.LinkGood},
		{"redirected to www", redirect("https://www.example.com" + place), check.LinkRedirected},
		{"redirected to a login", redirect("/login"), check.LinkRedirected},
		{"not found", answer(404, "not found"), check.LinkAbsent},
		{"forbidden", answer(403, good), check.LinkAbsent},
		{"server error", answer(500, ""), check.LinkAbsent},
		{"a web page", answer(200, "<!doctype html><html></html>"), check.LinkBroken},
		{"cut JSON", answer(200, good[:40]), check.LinkBroken},
		{"empty", answer(200, ""), check.LinkBroken},
		{"a byte order mark", answer(200, "\xef\xbb\xbf"+good), check.LinkBroken},
		{"compressed twice", answer(200, "\x1f\x8b\x08\x00"), check.LinkBroken},
		{"compressed", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			zw := gzip.NewWriter(w)
			fmt.Fprint(zw, good)
			zw.Close()
		}, check.LinkGood},
		{"compressed, and large", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			zw := gzip.NewWriter(w)
			fmt.Fprint(zw, good+strings.Repeat(" ", 64*MaxSize))
			zw.Close()
		}, check.LinkBroken},
		{"the key in another case", answer(200, strings.Replace(good, "appID", "appId", 1)), check.LinkWithoutApp},
		{"applinks in another case", answer(200, strings.Replace(good, "applinks", "appLinks", 1)), check.LinkBroken},
		{"a path as text", answer(200, strings.Replace(good, `["/app/*"]`, `"/app/*"`, 1)), check.LinkBroken},
		{"a star for all apps of the team", answer(200, strings.Replace(good, "com.example.app", "*", 1)), check.LinkWithoutApp},
		{"redirected to itself", redirect(place), check.LinkRedirected},
		{"moved for good", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusPermanentRedirect) },
			check.LinkRedirected},
		{"nothing to say", answer(204, ""), check.LinkAbsent},
		{"too large", answer(200, good+strings.Repeat(" ", MaxSize)), check.LinkBroken},
		{"no applinks", answer(200, `{"webcredentials":{"apps":["x"]}}`), check.LinkBroken},
		{"signed", answer(200, "\x30\x82\x01\x00"), check.LinkBroken},
		{"another team", answer(200, strings.Replace(good, "ABCDE12345", "ZZZZZ12345", 1)), check.LinkWithoutApp},
		{"the bundle alone", answer(200, strings.Replace(good, "ABCDE12345.", "", 1)), check.LinkWithoutApp},
		{"another path", answer(200, strings.Replace(good, "/app/*", "/other/*", 1)), check.LinkOtherPaths},
		{"the folder alone", answer(200, strings.Replace(good, "/app/*", "/app/", 1)), check.LinkOtherPaths},
		{"hangs up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, check.LinkUnreachable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client := website(t, tt.handler)
			site, apple := Look(t.Context(), client, "example.com", app, urls)
			if site.Fault != tt.want || (site.Detail == "") != (tt.want == "") {
				t.Errorf("%q: %s", site.Fault, site.Detail)
			}
			if tt.name == "good" && apple.Fault != check.LinkGood {
				t.Errorf("Apple's: %q: %s", apple.Fault, apple.Detail)
			}
		})
	}
	// A certificate of an unknown authority.
	server := httptest.NewTLSServer(answer(200, good))
	defer server.Close()
	server.Config.ErrorLog = nil
	if site := Site(t.Context(), &http.Client{Transport: &http.Transport{DialContext: dialer(server)}}, "example.com", app, urls); site.Fault != check.LinkUnreachable {
		t.Errorf("unknown certificate: %+v", site)
	}
}

func dialer(server *httptest.Server) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}
}

// website is a client for which every host is one server.
func website(t *testing.T, h http.HandlerFunc) *http.Client {
	server := httptest.NewTLSServer(h)
	t.Cleanup(server.Close)
	transport := &http.Transport{DialContext: dialer(server), TLSClientConfig: server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()}
	transport.TLSClientConfig.ServerName = "example.com" // which its certificate is for
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"applinks":{"details":[{"appIDs":["a.b"],"components":[{"/":"/a/*","?":{"x":"?"}}]}]}}`), "https://h/a/b?x=1")
	f.Add([]byte(`{"applinks":{"substitutionVariables":{"a":["x$(a)","y"]},"details":[{"appIDs":["a.b"],"components":[{"/":"/$(a)$(a)"}]}]}}`), "https://h/y")
	f.Add([]byte(`{"applinks":{"details":{"a.b":{"paths":["NOT *","/"]}}}}`), "https://h/")
	f.Fuzz(func(_ *testing.T, data []byte, link string) {
		if a, err := Parse(data); err == nil {
			for _, id := range a.Apps() {
				a.Opens(id, link)
			}
		}
	})
}
