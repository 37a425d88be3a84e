// Package oauth speaks the four HTTP calls behind a WeChat login in a mobile
// app: a code from the phone is exchanged for tokens, the tokens are refreshed
// and checked, and the user's profile is read.
//
//	client := oauth.Client{
//		AppID:  "wx0123456789abcdef",
//		Secret: oauth.NewSecret(os.Getenv("WXCTL_APP_SECRET")),
//	}
//	token, err := client.Exchange(ctx, oauth.NewSecret(code))
//	user, err := client.UserInfo(ctx, token, oauth.LangEnglish)
//
// # Where these calls belong
//
// Whoever holds an AppSecret can act for the app. WeChat wants these calls
// made by the app's own server, never by the app. Use this package on a
// server, or on a developer's machine with the AppSecret of a test app; a
// production AppSecret has no place in a lab.
//
// # What is promised
//
// A code is good for one exchange, so [Client.Exchange] sends it exactly once.
// Every request has a connection of its own (HTTP/1.1, never HTTP/2), because
// a reused one that dies makes net/http send a GET again. Redirects are
// refused. Refresh, Check and UserInfo are sent again only for an errcode that
// says so (see [Errcode.Retry]), with growing, jittered pauses that end with
// the context; a context without a deadline gets [DefaultTimeout].
//
// The errcode in a reply decides, not the HTTP status and not the content
// type. Raw control bytes and broken UTF-8 in a nickname are repaired, and
// replies are read up to [MaxReply] bytes. Each field is read on its own: one of
// a wrong type is absent, and only what the call needs (the access token, and
// whose it is) may fail it.
//
// Every error of a call is an [*Error]. It never holds the request's query,
// which is where this protocol carries secret, code and tokens, and if the
// server repeats one of them in its own text, it is cut out of that too.
package oauth
