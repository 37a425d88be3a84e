package local

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestOnly(t *testing.T) {
	h := Only(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), "application/json")
	for _, tt := range []struct {
		host, method, body string
		header             map[string]string
		want               int
	}{
		{"127.0.0.1:8100", "GET", "", nil, 200},
		{"localhost:8100", "GET", "", nil, 200},
		{"[::1]:8100", "GET", "", nil, 200},
		{"[::1]", "GET", "", nil, 200},
		{"127.0.0.1", "DELETE", "", nil, 200},
		{"evil.example:8100", "GET", "", nil, 421},
		{"localhost.evil.example", "GET", "", nil, 421},
		{"127.0.0.1.evil.example:8100", "GET", "", nil, 421},
		{"10.0.0.1:8100", "GET", "", nil, 421},
		{"", "GET", "", nil, 421},
		{"127.0.0.1:8100", "GET", "", map[string]string{"Origin": "https://evil.example"}, 403},
		{"127.0.0.1:8100", "GET", "", map[string]string{"Origin": "null"}, 403},
		{"127.0.0.1:8100", "GET", "", map[string]string{"Origin": "http://127.0.0.1:9999"}, 403},
		{"127.0.0.1:8100", "GET", "", map[string]string{"Origin": "http://127.0.0.1:8100"}, 200},
		{"127.0.0.1:8100", "GET", "", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"127.0.0.1:8100", "GET", "", map[string]string{"Sec-Fetch-Site": "none"}, 200},
		{"127.0.0.1:8100", "POST", "", nil, 200},
		{"127.0.0.1:8100", "POST", "{}", map[string]string{"Content-Type": "application/json; charset=utf-8"}, 200},
		{"127.0.0.1:8100", "POST", "{}", nil, 415},
		{"127.0.0.1:8100", "POST", "{}", map[string]string{"Content-Type": "text/plain"}, 415},
		{"127.0.0.1:8100", "POST", "{}", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, 415},
	} {
		r := httptest.NewRequest(tt.method, "/x", strings.NewReader(tt.body))
		r.Host = tt.host
		for k, v := range tt.header {
			r.Header.Set(k, v)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%s %q %v, body %q: %d, want %d", tt.method, tt.host, tt.header, tt.body, w.Code, tt.want)
		}
	}
}
