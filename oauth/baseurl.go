package oauth

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// DefaultBaseURL is where WeChat answers.
const DefaultBaseURL = "https://api.weixin.qq.com"

// publishedHosts are WeChat's API hosts: the usual one, the one for disaster
// recovery, and the regional ones (Interface field description, "API host").
var publishedHosts = []string{
	"api.weixin.qq.com",
	"api2.weixin.qq.com",
	"sh.api.weixin.qq.com",
	"sz.api.weixin.qq.com",
	"hk.api.weixin.qq.com",
}

// BaseURL is the checked address of a server of this protocol.
type BaseURL struct {
	url url.URL
}

// ParseBaseURL checks raw, for which "" means [DefaultBaseURL]: an http or
// https URL without user, query and fragment. Plain http is allowed only for
// this computer. The error's text quotes at most the host.
func ParseBaseURL(raw string) (BaseURL, error) {
	if raw == "" {
		raw = DefaultBaseURL
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil: // url.Parse's error repeats all of its input
		return BaseURL{}, errors.New("the base URL is not a URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return BaseURL{}, errors.New("the base URL has to start with https://")
	case u.Hostname() == "":
		return BaseURL{}, errors.New("the base URL names no host")
	case u.User != nil:
		return BaseURL{}, errors.New("the base URL must not hold a user or password")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return BaseURL{}, errors.New("the base URL must not have a query or fragment")
	}
	b := BaseURL{url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimRight(u.Path, "/")}}
	// url.Parse takes bytes in an address's zone that it refuses once they are
	// escaped, as they are when the URL is sent or printed.
	if _, err := url.Parse(b.String()); err != nil {
		return BaseURL{}, errors.New("the base URL is not a URL")
	}
	if u.Scheme == "http" && !b.Loopback() {
		return BaseURL{}, errors.New("plain http would expose the secret on the network: use https, or a server on this computer")
	}
	return b, nil
}

// String returns the URL without a slash at its end.
func (b BaseURL) String() string { return b.url.String() }

// Host returns the host name or address, in lower case, without the port.
func (b BaseURL) Host() string {
	return strings.TrimSuffix(strings.ToLower(b.url.Hostname()), ".")
}

// Published reports whether the host is one of WeChat's own.
func (b BaseURL) Published() bool { return slices.Contains(publishedHosts, b.Host()) }

// Loopback reports whether the host is this computer.
func (b BaseURL) Loopback() bool {
	host := b.Host()
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// resolve appends one of the API's paths.
func (b BaseURL) resolve(path string, query url.Values) *url.URL {
	u := b.url
	u.Path += path
	u.RawQuery = query.Encode()
	return &u
}

var errNotLoopback = errors.New("not a loopback address")

// onlyLoopback refuses to connect to anything else, so that a name such as
// localhost can't lead elsewhere.
func onlyLoopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return errNotLoopback
	}
	addr, err := netip.ParseAddr(host)
	if err != nil || !addr.Unmap().IsLoopback() {
		return errNotLoopback
	}
	return nil
}
