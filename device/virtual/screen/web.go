package screen

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"html"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/wxctl/wxctl/device/virtual/local"
)

// Shown is a phone whose screen is shown in a browser.
type Shown struct {
	Name string
	PNG  func() []byte
}

//go:embed web.html
var webPage string

// Web serves the phones' screens to a browser: a page at /TOKEN/, and a PNG of
// each phone below it, which the page polls. Requests without the token, or
// from another site, are refused.
func Web(token string, phones []Shown) http.Handler {
	page := strings.Replace(webPage, "{{phones}}", figures(phones), 1)
	return local.Only(local.Behind(token, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			http.Error(w, "use GET", http.StatusMethodNotAllowed)
			return
		}
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; img-src 'self' blob:; connect-src 'self'; "+
			"script-src 'unsafe-inline'; style-src 'unsafe-inline'; frame-ancestors 'none'")
		rest := r.URL.Path[1:]
		if rest == "" {
			h.Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, page) // the browser disconnected
			return
		}
		n, err := strconv.Atoi(strings.TrimSuffix(rest, ".png"))
		if err != nil || n < 0 || n >= len(phones) || !strings.HasSuffix(rest, ".png") {
			http.NotFound(w, r)
			return
		}
		servePicture(w, r, phones[n].PNG())
	})))
}

// figures is the page's HTML of the phones. (Not html/template: see
// report.HTML.)
func figures(phones []Shown) string {
	if len(phones) == 0 {
		return "<p>There is no phone.</p>"
	}
	var b strings.Builder
	for i, p := range phones {
		fmt.Fprintf(&b, `<figure><img alt="the screen of %[1]s" src="%[2]d.png" data-n="%[2]d"><figcaption>%[1]s</figcaption></figure>`+"\n",
			html.EscapeString(p.Name), i)
	}
	return b.String()
}

// servePicture sends a picture that the browser does not have yet.
func servePicture(w http.ResponseWriter, r *http.Request, picture []byte) {
	sum := sha256.Sum256(picture)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	w.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	_, _ = w.Write(picture) // the browser disconnected
}
