package phone_test

import (
	"context"
	"fmt"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// greeter is the code of an app: it prints what it is launched with.
type greeter struct{}

func (greeter) Launched(_ context.Context, p *phone.Phone, a phone.Activity, in phone.Intent) {
	fmt.Printf("%s of user %d got %s\n", a.Short(), a.User, in.Action)
}

func (greeter) Query(context.Context, *phone.Phone, phone.Query) (*phone.Cursor, error) {
	return nil, nil
}

// A phone with one app, whose activity the shell starts.
func Example() {
	p, err := phone.New(phone.Options{API: 33})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()
	p.Install(&phone.Package{Name: "com.example.app", AppID: 10200, Components: []phone.Component{
		{Kind: phone.ActivityKind, Name: "com.example.app.Main", Exported: true},
		{Kind: phone.ActivityKind, Name: "com.example.app.Inner"},
	}}, greeter{})
	ctx := context.Background()
	for _, class := range []string{"Main", "Inner"} {
		code, err := p.StartActivity(ctx, phone.StartRequest{UID: phone.ShellUID, Package: "com.android.shell",
			Intent: phone.Intent{Action: "HELLO", Component: "com.example.app/com.example.app." + class, Flags: phone.FlagNewTask}})
		fmt.Println(class, code, err)
	}
	_ = p.Settle(ctx)
	entries, _ := p.Log.Read(0, phone.LogSystem)
	fmt.Println(entries[0].Text)
	// Unordered output:
	// Main 0 <nil>
	// Inner 0 java.lang.SecurityException: Permission Denial: starting Intent { act=HELLO flg=0x10000000 cmp=com.example.app/.Inner } from null (pid=0, uid=2000) not exported from uid 10200
	// com.example.app/.Main of user 0 got HELLO
	// START u0 {act=HELLO flg=0x10000000 cmp=com.example.app/.Main} from uid 2000
}
