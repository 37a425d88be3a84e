package cmd

import (
	"net/http/httptest"
	"os"
	"strconv"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/wxctl/wxctl/fixtures/oauthtest"
	"github.com/wxctl/wxctl/oauth/virtualoauth"
)

// standIns holds the stand-in of each running script.
var standIns sync.Map // *testscript.TestScript -> *oauthtest.Server

// cmdWeChat runs a script's stand-in for WeChat's OAuth server:
//
//	wechat start [rotate]          $WECHAT is its base URL
//	wechat code FILE [OPENID [SCOPE]]   writes a fresh code into FILE
//	wechat fault [FAULT ...]       these are in force now
//	wechat expire | password OPENID
//	wechat saw CALL N              N requests of a call since the start
func cmdWeChat(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: wechat start|code|fault|expire|password|saw …")
	}
	if args[0] == "start" {
		server := oauthtest.New(virtualoauth.Options{RotateRefresh: len(args) > 1 && args[1] == "rotate"})
		loopback := httptest.NewServer(server)
		standIns.Store(ts, server)
		ts.Defer(func() { standIns.Delete(ts); loopback.Close() })
		ts.Setenv("WECHAT", loopback.URL)
		ts.Setenv("WXCTL_APP_ID", virtualoauth.DefaultAppID)
		return
	}
	value, ok := standIns.Load(ts)
	if !ok {
		ts.Fatalf("wechat start comes first")
	}
	server := value.(*oauthtest.Server)
	switch args[0] {
	case "code":
		user, scope := virtualoauth.DefaultUser(), ""
		if len(args) > 2 {
			user.OpenID = args[2]
		}
		if len(args) > 3 {
			scope = args[3]
		}
		ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(server.IssueCode(user, scope)+"\r\n"), 0o600))
	case "fault":
		var faults []virtualoauth.Fault
		for _, text := range args[1:] {
			f, err := virtualoauth.ParseFault(text)
			ts.Check(err)
			faults = append(faults, f)
		}
		server.SetFaults(faults...)
	case "expire":
		server.ExpireTokens()
	case "password":
		server.ChangePassword(args[1])
	case "saw":
		if n := len(server.Requests(args[1])); strconv.Itoa(n) != args[2] {
			ts.Fatalf("WeChat saw %d requests of %s, want %s", n, args[1], args[2])
		}
	default:
		ts.Fatalf("unknown: wechat %s", args[0])
	}
}
