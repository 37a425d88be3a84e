package universallink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/check"
)

const (
	place    = "/.well-known/apple-app-site-association"
	oldPlace = "/apple-app-site-association"
	// appleCDN is the host that iPhones ask instead of the website (Apple,
	// "Supporting associated domains").
	appleCDN = "app-site-association.cdn-apple.com"
)

// Site checks whether a website's own file assigns all URLs to the app.
func Site(ctx context.Context, client *http.Client, host, app string, urls []string) check.Association {
	a := look(ctx, client, (&url.URL{Scheme: "https", Host: host, Path: place}).String(), app, urls)
	if a.Fault == check.LinkAbsent {
		if old := look(ctx, client, (&url.URL{Scheme: "https", Host: host, Path: oldPlace}).String(), app, urls); old.Fault != check.LinkAbsent {
			return old
		}
	}
	return a
}

// Apple checks Apple's copy of a website's file.
func Apple(ctx context.Context, client *http.Client, host, app string, urls []string) check.Association {
	return look(ctx, client, (&url.URL{Scheme: "https", Host: appleCDN, Path: "/a/v1/" + host}).String(), app, urls)
}

func look(ctx context.Context, client *http.Client, link, app string, urls []string) check.Association {
	a := check.Association{URL: link}
	fault := func(f check.LinkFault, format string, args ...any) check.Association {
		a.Fault, a.Detail = f, device.Printable(fmt.Sprintf(format, args...))
		return a
	}
	body, head, status, err := get(ctx, client, link)
	switch {
	case err != nil:
		return fault(check.LinkUnreachable, "%s can't be read: %s", link, reason(err))
	case status >= 300 && status < 400:
		return fault(check.LinkRedirected, "%s is redirected to %q", link, head.Get("Location"))
	case status != http.StatusOK:
		return fault(check.LinkAbsent, "%s answers with HTTP status %d", link, status)
	}
	if at, err := http.ParseTime(head.Get("Last-Modified")); err == nil {
		a.At = at
	}
	if a.Type, _, err = mime.ParseMediaType(head.Get("Content-Type")); err != nil {
		a.Type = ""
	}
	a.Type = device.Printable(a.Type)
	file, err := Parse(body)
	switch {
	case err != nil:
		return fault(check.LinkBroken, "%s can't be used: %v", link, err)
	case !file.Names(app) && file.misspeltName() != "":
		return fault(check.LinkWithoutApp, "%s does not name the app %s: its key %q has the wrong case", link, app, file.misspeltName())
	case !file.Names(app):
		return fault(check.LinkWithoutApp, "%s does not name the app %s; it names %q", link, app, file.Apps())
	}
	for _, u := range urls {
		if !file.Opens(app, u) {
			a.Missed = u
			return fault(check.LinkOtherPaths, "%s does not give %s to the app", link, u)
		}
	}
	return a
}

// get reads at most MaxSize bytes, and one more to detect a larger file,
// without following redirects.
func get(ctx context.Context, client *http.Client, link string) (body []byte, head http.Header, status int, err error) {
	once := *client
	once.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	once.Timeout = 0 // ctx has the deadline
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	if err != nil {
		return nil, nil, 0, err
	}
	resp, err := once.Do(req)
	if err != nil {
		return nil, nil, 0, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, MaxSize+1))
	return body, resp.Header, resp.StatusCode, err
}

// reason is an error's text without the URL, which the sentence already has.
func reason(err error) string {
	var whole *url.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.As(err, &whole):
		return whole.Err.Error()
	}
	return err.Error()
}

// Look asks the website and Apple in parallel.
func Look(ctx context.Context, client *http.Client, host, app string, urls []string) (site, apple check.Association) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		apple = Apple(ctx, client, host, app, urls)
	}()
	site = Site(ctx, client, host, app, urls)
	<-done
	return site, apple
}

// Patience limits the time for websites.
const Patience = 8 * time.Second
