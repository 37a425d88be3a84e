package cmd

import (
	"encoding/json"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/wxctl/wxctl/fixtures/oauthtest"
	"github.com/wxctl/wxctl/oauth/virtualoauth"
)

// answered are the parts of an answer that the page mentions.
type answered struct {
	Err *struct{ Code int }
}

// codeRow is a row of the page that says how to get a number.
var codeRow = regexp.MustCompile("(?m)^\\| (-?\\d) \\|.*\\| `(wxctl .*)` \\|$")

// TestFromAPICloudCodes runs each command that gives a number according to the
// page.
func TestFromAPICloudCodes(t *testing.T) {
	t.Parallel()
	rows := codeRow.FindAllStringSubmatch(page(t, "from-apicloud.md"), -1)
	if len(rows) < 18 {
		t.Fatalf("%d commands on the page", len(rows))
	}
	for _, row := range rows {
		t.Run(row[1]+" "+row[2], func(t *testing.T) {
			t.Parallel()
			args, _ := shellWords(t, row[2])
			short := slices.Index(args, "--timeout")
			if short >= 0 { // its time ends once WeChat has the request, however long that takes
				args = append(slices.Delete(args, short, short+2), "-v")
			}
			command := beside(t, nil, append(args, "--json")...)
			if short >= 0 {
				command.errOut.await(t, "WeChat took the request", 1)
				command.timeOut(t)
			} else {
				command.wait(t)
			}
			wantCode(t, row[1], command.out.String(), command.errOut.String())
		})
	}
}

// faultRow is a row of the page that says which fault of the server gives a
// number.
var faultRow = regexp.MustCompile("(?m)^\\| `(getToken|getUserInfo|refreshToken)` \\| (-?\\d) \\|.*\\| `(.*)` \\|$")

// TestFromAPICloudFaults asks a server that has each fault of the page.
func TestFromAPICloudFaults(t *testing.T) {
	t.Parallel()
	rows := faultRow.FindAllStringSubmatch(page(t, "from-apicloud.md"), -1)
	if len(rows) != 17 {
		t.Fatalf("%d faults on the page", len(rows))
	}
	commands := map[string][]string{
		"getToken":     {"auth", "exchange"},
		"getUserInfo":  {"auth", "userinfo", "--token-stdin", "--openid", virtualoauth.DefaultOpenID},
		"refreshToken": {"auth", "refresh", "--token-stdin"},
	}
	for _, row := range rows {
		t.Run(row[1]+" "+row[2], func(t *testing.T) {
			t.Parallel()
			fault, err := virtualoauth.ParseFault(row[3])
			if err != nil {
				t.Fatal(err)
			}
			server := oauthtest.New(virtualoauth.Options{})
			server.SetFaults(fault)
			ts := httptest.NewServer(server)
			defer ts.Close()
			f, out, errOut := testFactory(t, strings.Repeat("x", 32)+"\n", map[string]string{
				"WXCTL_APP_ID": virtualoauth.DefaultAppID, "WXCTL_APP_SECRET": virtualoauth.DefaultSecret})
			args := append(slices.Clone(commands[row[1]]), "--base-url", ts.URL, "--json")
			if fault.Kind == "stall" {
				args = append(args, "--timeout", "1s")
			}
			Run(t.Context(), f, args)
			wantCode(t, row[2], out(), errOut())
		})
	}
}

func wantCode(t *testing.T, want, out, errOut string) {
	t.Helper()
	var got answered
	if err := json.Unmarshal([]byte(out), &got); err != nil || got.Err == nil || strconv.Itoa(got.Err.Code) != want {
		t.Errorf("err.code is not %s (%v): %s\n%s", want, err, out, errOut)
	}
}
