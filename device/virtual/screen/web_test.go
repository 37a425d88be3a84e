package screen

import (
	"image/png"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestWeb(t *testing.T) {
	picture := func() []byte { return PNG(Page{Kind: Lock}, Glass{36, 80, 1, false}) }
	handler := Web("secret", []Shown{{"one <b>", picture}, {"two", picture}})
	ask := func(change func(*http.Request), method, path string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "http://127.0.0.1:8080"+path, nil)
		if change != nil {
			change(r)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	tests := []struct {
		name, method, path string
		change             func(*http.Request)
		code               int
	}{
		{"the page", "GET", "/secret/", nil, 200},
		{"a picture", "GET", "/secret/1.png", nil, 200},
		{"no token", "GET", "/", nil, 404},
		{"another token", "GET", "/secreT/", nil, 404},
		{"no such phone", "GET", "/secret/2.png", nil, 404},
		{"no number", "GET", "/secret/-1.png", nil, 404},
		{"a method that changes something", "POST", "/secret/", nil, 405},
		{"another host", "GET", "/secret/", func(r *http.Request) { r.Host = "evil.example" }, 421},
		{"another site", "GET", "/secret/0.png", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, 403},
		{"its own site", "GET", "/secret/0.png", func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:8080") }, 200},
		{"localhost", "GET", "/secret/0.png", func(r *http.Request) { r.Host = "localhost:8080" }, 200},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := ask(test.change, test.method, test.path).Code; got != test.code {
				t.Errorf("%d, want %d", got, test.code)
			}
		})
	}
	if body := ask(nil, "GET", "/secret/").Body.String(); !strings.Contains(body, "one &lt;b&gt;") || strings.Contains(body, "<b>") {
		t.Error("a phone's name is not escaped")
	}
	first := ask(nil, "GET", "/secret/0.png")
	if _, err := png.Decode(first.Body); err != nil {
		t.Error(err)
	}
	again := ask(func(r *http.Request) { r.Header.Set("If-None-Match", first.Header().Get("ETag")) }, "GET", "/secret/0.png")
	if again.Code != http.StatusNotModified || again.Body.Len() > 0 {
		t.Errorf("a picture that is still the same: %d, %d bytes", again.Code, again.Body.Len())
	}
}
