package wechat

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// CodesFrom returns a Code for [Options] that asks the virtual OAuth server at
// base for codes, so that the server knows them.
func CodesFrom(base string) func(openID, scope string) (string, error) {
	return func(openID, scope string) (string, error) {
		client := http.Client{
			Timeout:       5 * time.Second,
			Transport:     &http.Transport{DisableKeepAlives: true}, // and no proxy: it is on this machine
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		resp, err := client.Get(base + "/virtual/code?" + url.Values{"openid": {openID}, "scope": {scope}}.Encode())
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		code, err := io.ReadAll(io.LimitReader(resp.Body, 1024))
		if err != nil || resp.StatusCode != http.StatusOK {
			return "", fmt.Errorf("the virtual OAuth server answered %s, %v", resp.Status, err)
		}
		return strings.TrimSpace(string(code)), nil
	}
}
