package oauth

import "slices"

// Op names one of the four calls.
type Op string

// The four calls.
const (
	OpExchange Op = "exchange" // GET /sns/oauth2/access_token
	OpRefresh  Op = "refresh"  // GET /sns/oauth2/refresh_token
	OpCheck    Op = "check"    // GET /sns/auth
	OpUserInfo Op = "userinfo" // GET /sns/userinfo
)

// Class says what kind of problem an errcode is.
type Class int

// The classes.
const (
	ClassUnknown     Class = iota // not in the table
	ClassCredentials              // the app's or the user's credentials, or what they may do
	ClassService                  // WeChat is busy, or a quota is used up
	ClassRequest                  // the request itself is malformed, or was sent to the wrong place
)

// Retry says when the same call can succeed.
type Retry int

// The answers to when.
const (
	RetryNever        Retry = iota // the same request can never succeed
	RetryAfterRefresh              // with a refreshed access token, once
	RetryAfterLogin                // with a new code: the user logs in again
	RetryAfterPause                // later, unchanged
	RetryNextMinute                // not before the next minute's quota
	RetryNextDay                   // not before the next day's quota
)

// Errcode is one row of the table of WeChat's error codes.
type Errcode struct {
	Code    int
	Ops     []Op   // the calls this row is about; nil means all of them
	Meaning string // what it says, in a few words and lower case
	Class   Class
	Retry   Retry
}

// about reports whether the row applies to op.
func (e Errcode) about(op Op) bool { return e.Ops == nil || slices.Contains(e.Ops, op) }

// LookupErrcode returns what code means as the answer to op. One number can
// mean different things: 40001 is about the AppSecret in an exchange and about
// the access token elsewhere. For a code that is not in the table, ok is false
// and the row describes it as unknown.
func LookupErrcode(op Op, code int) (row Errcode, ok bool) {
	for _, row := range errcodes {
		if row.Code == code && row.about(op) {
			return row, true
		}
	}
	for _, row := range errcodes { // known, but not documented for this call
		if row.Code == code {
			return row, true
		}
	}
	return Errcode{Code: code, Meaning: "unknown errcode", Class: ClassUnknown, Retry: RetryNever}, false
}

var (
	onExchange = []Op{OpExchange}
	onRefresh  = []Op{OpRefresh}
	onAppCalls = []Op{OpExchange, OpRefresh}
	onToken    = []Op{OpCheck, OpUserInfo}
	onUserAny  = []Op{OpRefresh, OpCheck, OpUserInfo}
)

// errcodes follows WeChat's global return code table and the pages of the four
// calls. The Retry values are derived from the meanings: the pages give none.
var errcodes = []Errcode{
	{-1, nil, "WeChat is busy", ClassService, RetryAfterPause},
	{410, nil, "the server's IP address has changed; an old one is in use", ClassRequest, RetryNever},
	{40001, onExchange, "the AppSecret is wrong", ClassCredentials, RetryNever},
	{40001, onUserAny, "the access token is invalid or not the latest", ClassCredentials, RetryAfterRefresh},
	{40002, onAppCalls, "invalid grant_type", ClassRequest, RetryNever},
	{40003, onToken, "the openid is invalid, or not the token's", ClassCredentials, RetryNever},
	{40013, onAppCalls, "the AppID is invalid", ClassCredentials, RetryNever},
	{40014, onToken, "the access token is invalid", ClassCredentials, RetryAfterRefresh},
	{40029, onExchange, "the code is invalid: expired, wrong, or another app's", ClassCredentials, RetryAfterLogin},
	{40029, onRefresh, "the refresh token is invalid", ClassCredentials, RetryAfterLogin},
	{40030, onRefresh, "the refresh token is invalid", ClassCredentials, RetryAfterLogin},
	{40066, nil, "no such API address", ClassRequest, RetryNever},
	{40125, onExchange, "the AppSecret is wrong", ClassCredentials, RetryNever},
	{40163, onExchange, "the code was already used", ClassCredentials, RetryAfterLogin},
	{40164, nil, "this computer's IP address is not on the app's whitelist", ClassCredentials, RetryNever},
	{40188, nil, "invalid scope", ClassCredentials, RetryNever},
	{40243, nil, "the AppSecret is frozen", ClassCredentials, RetryNever},
	{41001, onToken, "the access token is missing", ClassCredentials, RetryNever},
	{41002, onAppCalls, "the AppID is missing", ClassCredentials, RetryNever},
	{41003, onRefresh, "the refresh token is missing", ClassCredentials, RetryNever},
	{41004, onExchange, "the AppSecret is missing", ClassCredentials, RetryNever},
	{41005, nil, "media data is missing", ClassRequest, RetryNever},
	{41006, nil, "the media id is missing", ClassRequest, RetryNever},
	{41007, nil, "sub-menu data is missing", ClassRequest, RetryNever},
	{41008, onExchange, "the code is missing", ClassCredentials, RetryNever},
	{41009, onToken, "the openid is missing", ClassCredentials, RetryNever},
	{42001, onToken, "the access token has expired", ClassCredentials, RetryAfterRefresh},
	{42002, onRefresh, "the refresh token has expired", ClassCredentials, RetryAfterLogin},
	{42003, onExchange, "the code has expired", ClassCredentials, RetryAfterLogin},
	{42007, nil, "the user changed the WeChat password, which voids all tokens", ClassCredentials, RetryAfterLogin},
	{43001, nil, "a GET request is required", ClassRequest, RetryNever},
	{43002, nil, "a POST request is required", ClassRequest, RetryNever},
	{43003, nil, "HTTPS is required", ClassRequest, RetryNever},
	{43004, nil, "the user has to follow the account first", ClassRequest, RetryNever},
	{43005, nil, "a friend relation is required", ClassRequest, RetryNever},
	{45009, nil, "the app's daily quota is used up", ClassService, RetryNextDay},
	{45011, nil, "too many calls this minute", ClassService, RetryNextMinute},
	{45501, nil, "the app is blocked for now by WeChat's supervision", ClassCredentials, RetryNever},
	{48001, nil, "the user did not grant snsapi_userinfo, or this is another kind of token", ClassCredentials, RetryNever},
	{48004, nil, "the API is banned for this app", ClassCredentials, RetryNever},
	{50001, nil, "the user has not authorized this API", ClassCredentials, RetryAfterLogin},
	{50002, nil, "the user's account is frozen, cancelled or moved", ClassCredentials, RetryNever},
	{50003, nil, "WeChat does not expect this user", ClassCredentials, RetryNever},
	{50004, nil, "the user may not use access tokens", ClassCredentials, RetryNever},
	{50005, nil, "the user does not follow the account", ClassCredentials, RetryNever},
	{50007, nil, "the account is frozen", ClassCredentials, RetryNever},
	{61003, nil, "the component is not authorized by the app", ClassCredentials, RetryNever},
	{61004, nil, "the component's IP address is not registered", ClassCredentials, RetryNever},
	{61007, nil, "the component lacks this permission", ClassCredentials, RetryNever},
	{61009, nil, "the component's code is invalid", ClassCredentials, RetryNever},
	{61010, nil, "the component's code has expired", ClassCredentials, RetryNever},
	{61023, nil, "the component's refresh token is invalid", ClassCredentials, RetryNever},
	{61024, nil, "a component's token has to be used here", ClassCredentials, RetryNever},
	{76022, nil, "rids of this API can't be looked up by API", ClassRequest, RetryNever},
}

// The numbers of APICloud's wx module: what its getToken, getUserInfo and
// refreshToken returned as err.code.
const (
	moduleOK      = 0
	moduleUnknown = -1
)

// moduleCodes maps errcodes to the module's numbers, by meaning: the module's
// documentation names the numbers, its source was never published. Codes that
// are not listed, including scope errors, had no number of their own: -1.
var moduleCodes = map[Op]map[int]int{
	OpExchange: {
		41002: 1, 40013: 1,
		41004: 2, 40125: 2, 40001: 2, 40243: 2,
		41008: 3, 40029: 3, 40163: 3, 42003: 3,
	},
	OpUserInfo: {
		42001: 1,
		40003: 2,
		41009: 3,
		41001: 4,
		40014: 5, 40001: 5, 42007: 5,
	},
	OpRefresh: {
		41002: 1, 40013: 1,
		41003: 2,
		40030: 3, 42002: 3, 42007: 3, 40029: 3,
	},
}

// moduleTimeouts is the module's number for a network timeout. The module had
// no counterpart of Check; Check uses the numbers of getUserInfo, which has the
// same parameters.
var moduleTimeouts = map[Op]int{OpExchange: 4, OpRefresh: 4, OpUserInfo: 6, OpCheck: 6}

// ModuleCode returns what APICloud's wx module would have put into err.code for
// an errcode that answers op: 0 for 0, -1 for an errcode without a number.
func ModuleCode(op Op, errcode int) int {
	if errcode == 0 {
		return moduleOK
	}
	if op == OpCheck {
		op = OpUserInfo
	}
	if n, ok := moduleCodes[op][errcode]; ok {
		return n
	}
	return moduleUnknown
}
