// Package local serves the connections of virtual phones, and protects their
// HTTP servers, and the stand-in for WeChat, from web pages: only programs on
// this computer may use them, and a page in a browser is refused, whatever host
// name it uses for the address.
package local

import (
	"crypto/subtle"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
)

// Only passes on requests that address a loopback host by name, come from no
// other site, and whose body has one of the types.
//
// A DNS rebinding attack can't forge the Host header; browsers report a foreign
// page by Origin and Sec-Fetch-Site; and an HTML form can't send a body of
// these types (except text/plain, for which the Origin is checked).
func Only(h http.Handler, types ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !loopback(r.Host):
			refuse(w, http.StatusMisdirectedRequest, "the Host %q is not this server's", r.Host)
		case foreign(r):
			refuse(w, http.StatusForbidden, "a request of another site (Origin %q)", r.Header.Get("Origin"))
		case hasBody(r) && !slices.Contains(types, mediaType(r)):
			refuse(w, http.StatusUnsupportedMediaType, "the Content-Type %q is not taken here; send %q", r.Header.Get("Content-Type"), types)
		default:
			h.ServeHTTP(w, r)
		}
	})
}

// Behind passes on requests whose path begins with the token, and removes it
// from the path.
func Behind(token string, h http.Handler) http.Handler {
	base := "/" + token + "/"
	within := http.StripPrefix("/"+token, h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.URL.Path) < len(base) || subtle.ConstantTimeCompare([]byte(r.URL.Path[:len(base)]), []byte(base)) != 1 {
			http.Error(w, "open the URL that wxctl printed, with its token", http.StatusNotFound)
			return
		}
		within.ServeHTTP(w, r)
	})
}

func refuse(w http.ResponseWriter, status int, format string, args ...any) {
	http.Error(w, fmt.Sprintf(format, args...), status)
}

// loopback reports whether a Host header names this computer.
func loopback(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	if name == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(trimBrackets(name))
	return err == nil && addr.IsLoopback()
}

func trimBrackets(name string) string {
	if n := len(name); n > 2 && name[0] == '[' && name[n-1] == ']' {
		return name[1 : n-1]
	}
	return name
}

// foreign reports whether a browser says that the request comes from another
// site's page.
func foreign(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
	default:
		return true
	}
	for _, origin := range r.Header.Values("Origin") {
		if u, err := url.Parse(origin); err != nil || u.Host != r.Host {
			return true
		}
	}
	return false
}

func hasBody(r *http.Request) bool { return r.ContentLength != 0 }

func mediaType(r *http.Request) string {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return t
}
