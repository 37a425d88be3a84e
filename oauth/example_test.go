package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"

	"github.com/wxctl/wxctl/oauth"
	"github.com/wxctl/wxctl/oauth/virtualoauth"
)

// From the code that the phone gave to the user's profile, here against the
// stand-in; without BaseURL it is WeChat's own server.
func Example() {
	server := virtualoauth.New(virtualoauth.Options{})
	ts := httptest.NewServer(server)
	defer ts.Close()

	ctx := context.Background()
	client := oauth.Client{
		AppID:   virtualoauth.DefaultAppID,
		Secret:  oauth.NewSecret(virtualoauth.DefaultSecret),
		BaseURL: ts.URL,
	}
	code := server.IssueCode(virtualoauth.DefaultUser(), "snsapi_userinfo")

	token, err := client.Exchange(ctx, oauth.NewSecret(code))
	if err != nil {
		fmt.Println(err)
		return
	}
	user, err := client.UserInfo(ctx, token, oauth.LangEnglish)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(oauth.Printable(user.Nickname), token.Scope, token.AccessToken)
	// Output: 张三 Zhang 😀 [snsapi_userinfo] ***
}

// What went wrong decides what to do next.
func ExampleError() {
	server := virtualoauth.New(virtualoauth.Options{Faults: []virtualoauth.Fault{{Kind: "errcode", Code: 40163}}})
	ts := httptest.NewServer(server)
	defer ts.Close()

	client := oauth.Client{AppID: virtualoauth.DefaultAppID, Secret: oauth.NewSecret("secret"), BaseURL: ts.URL}
	_, err := client.Exchange(context.Background(), oauth.NewSecret("a code"))

	var refused *oauth.Error
	if errors.As(err, &refused) && refused.Kind == oauth.KindErrcode {
		fmt.Println(refused.Code, refused.Errcode().Meaning)
		fmt.Println("log in again:", refused.Errcode().Retry == oauth.RetryAfterLogin)
		fmt.Println("the module's err.code:", refused.ModuleCode())
	}
	// Output:
	// 40163 the code was already used
	// log in again: true
	// the module's err.code: 3
}
