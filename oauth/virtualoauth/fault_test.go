package virtualoauth

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseFault(t *testing.T) {
	for text, want := range map[string]Fault{
		"40163":            {Kind: "errcode", Code: 40163},
		"exchange=40163":   {Op: "exchange", Kind: "errcode", Code: 40163},
		"refresh=-1*2":     {Op: "refresh", Kind: "errcode", Code: -1, Times: 2},
		"errcode:7":        {Kind: "errcode", Code: 7},
		"userinfo=slow:2s": {Op: "userinfo", Kind: "slow", Delay: 2 * time.Second},
		"status:502":       {Kind: "status", Code: 502},
		"redirect":         {Kind: "redirect", Code: 302},
		"check=hangup*1":   {Op: "check", Kind: "hangup", Times: 1},
	} {
		if got, err := ParseFault(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"":             "no such kind",
		"login=40163":  "it is one of exchange, refresh, check, userinfo",
		"explode":      "no such kind",
		"slow":         "slow:2s",
		"slow:-1s":     "slow:2s",
		"status:9":     "status:500",
		"redirect:200": "300 to 399",
		"hangup:now":   "takes no argument",
		"40163*0":      "1 or more",
		"40163*x":      "1 or more",
	} {
		if _, err := ParseFault(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
}

func TestFaultsWearOff(t *testing.T) {
	s := New(Options{Faults: []Fault{{Op: "check", Kind: "hangup", Times: 2}, {Kind: "empty", Times: 1}}})
	var kinds []string
	for _, op := range []string{"check", "userinfo", "check", "check", "userinfo"} {
		f, _ := s.fault(op)
		kinds = append(kinds, f.Kind)
	}
	if want := []string{"hangup", "empty", "hangup", "", ""}; !slices.Equal(kinds, want) {
		t.Errorf("%q, want %q", kinds, want)
	}
}

func TestEveryKindIsDescribed(t *testing.T) {
	for _, kind := range slices.Sorted(maps.Keys(FaultKinds())) {
		text := kind
		switch kind {
		case "slow":
			text += ":1s"
		case "errcode", "status":
			text += ":500"
		}
		if _, err := ParseFault(text); err != nil || FaultKinds()[kind] == "" {
			t.Errorf("%s: %v, described as %q", kind, err, FaultKinds()[kind])
		}
	}
}

// Codes and tokens have the lengths and characters that WeChat's have.
func TestShapes(t *testing.T) {
	s := New(Options{})
	code := s.IssueCode(DefaultUser(), "")
	a, no := s.exchange(func(key string) string {
		return map[string]string{"appid": DefaultAppID, "secret": DefaultSecret, "code": code, "grant_type": "authorization_code"}[key]
	})
	if no != nil {
		t.Fatal(no)
	}
	if access := a["access_token"].(string); len(code) != 32 || len(access) < 88 || len(access) > 107 || len(DefaultOpenID) != 28 {
		t.Errorf("code %d, access token %d, openid %d characters", len(code), len(access), len(DefaultOpenID))
	}
}

// Any text is an error, or a fault of a known kind.
func FuzzParseFault(f *testing.F) {
	for _, seed := range []string{"exchange=40163*2", "slow:2s", "status:502", "redirect:307", "-1", "*", "=", "check=slow:1ns*9"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fault, err := ParseFault(text)
		if err != nil {
			return
		}
		if _, known := FaultKinds()[fault.Kind]; !known || fault.Times < 0 || fault.Delay < 0 {
			t.Errorf("%q: %+v", text, fault)
		}
	})
}
