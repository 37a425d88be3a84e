package cmd

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/output"
	"github.com/wxctl/wxctl/oauth"
)

type authUserInfoOptions struct {
	tokenOptions
	lang string
}

// NewCmdAuthUserInfo makes `wxctl auth userinfo`.
func NewCmdAuthUserInfo(f *Factory, runF func(context.Context, *authUserInfoOptions) error) *cobra.Command {
	opts := &authUserInfoOptions{tokenOptions: tokenOptions{authOptions: authOptions{f: f}}}
	cmd := &cobra.Command{
		Use:   "userinfo",
		Short: "Read the user's profile",
		Long: long(`Read the profile of the user whose token is stored, or comes on stdin. A stored
token that has expired is refreshed, once.

sex, province, city and country carry nothing for app logins since October 2021.`, exit.Credentials),
		Example: examples("wxctl auth userinfo\nwxctl auth userinfo --lang en --json"),
		Args:    noAuthArgs("echo TOKEN | wxctl auth userinfo --token-stdin --openid o…"),
		RunE: func(c *cobra.Command, _ []string) error {
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return authUserInfoRun(c.Context(), opts)
		},
	}
	opts.addFlags(cmd, "access token")
	cmd.Flags().StringVar(&opts.lang, "lang", string(oauth.LangSimplified), "language: "+oneOf(userLangs...))
	complete(cmd, "lang", userLangs...)
	return cmd
}

var userLangs = []string{string(oauth.LangSimplified), string(oauth.LangTraditional), string(oauth.LangEnglish)}

// userReply is what userinfo prints.
type userReply struct {
	SchemaVersion int  `json:"schemaVersion"`
	Status        bool `json:"status"`
	userFields
	UnionID *string `json:"unionid"`
	verdict
}

// userFields are a profile under the module's names, and WeChat's further
// fields.
type userFields struct {
	OpenID     *string  `json:"openid"`
	Nickname   *string  `json:"nickname"`
	Sex        *int     `json:"sex"`
	HeadImgURL *string  `json:"headimgurl"`
	Privilege  []string `json:"privilege"`
	Language   *string  `json:"language"`
	Province   *string  `json:"province"`
	City       *string  `json:"city"`
	Country    *string  `json:"country"`
}

func newUserFields(user oauth.UserInfo) userFields {
	r := userFields{
		OpenID: &user.OpenID, Nickname: &user.Nickname, Sex: &user.Sex, HeadImgURL: &user.HeadImgURL,
		Privilege: user.Privilege, Language: &user.Language, Province: &user.Province, City: &user.City, Country: &user.Country,
	}
	if r.Privilege == nil {
		r.Privilege = []string{}
	}
	return r
}

func authUserInfoRun(ctx context.Context, opts *authUserInfoOptions) error {
	f := opts.f
	user, err := authUserInfo(ctx, opts)
	if err != nil {
		if f.Printer().JSON() {
			err = errors.Join(err, f.Printer().Object(userReply{SchemaVersion: output.SchemaVersion, verdict: f.verdictOf(err)}))
		}
		return err
	}
	if f.Printer().JSON() {
		r := userReply{SchemaVersion: output.SchemaVersion, Status: true, userFields: newUserFields(user), verdict: f.verdictOf(nil)}
		if user.UnionID != "" {
			r.UnionID = &user.UnionID
		}
		return f.Printer().Object(r)
	}
	var rows [][]output.Cell
	for _, row := range [][2]string{
		{"openid", user.OpenID}, {"unionid", user.UnionID}, {"nickname", user.Nickname}, {"headimgurl", user.HeadImgURL},
		{"privilege", strings.Join(user.Privilege, ",")}, {"language", user.Language}, {"sex", sex(user.Sex)},
		{"country", user.Country}, {"province", user.Province}, {"city", user.City},
	} {
		if row[1] != "" {
			rows = append(rows, []output.Cell{output.Text(row[0]), output.Text(row[1])})
		}
	}
	return f.Printer().Table([]string{"field", "value"}, rows)
}

// sex is empty for 0, which is all that WeChat says of app users.
func sex(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "1 (male)"
	case 2:
		return "2 (female)"
	}
	return strconv.Itoa(n)
}

func authUserInfo(ctx context.Context, opts *authUserInfoOptions) (user oauth.UserInfo, err error) {
	if !slices.Contains(userLangs, opts.lang) {
		return user, exit.Usagef("", "invalid --lang %q: use %s", opts.lang, strings.Join(userLangs, ", "))
	}
	s, err := opts.session(ctx, oauth.OpUserInfo)
	if err != nil {
		return user, err
	}
	ctx, cancel := opts.f.Deadline(ctx, authTimeout)
	defer cancel()
	err = s.renewing(ctx, func(t oauth.Token) (err error) {
		user, err = s.client.UserInfo(ctx, t, oauth.Lang(opts.lang))
		return err
	})
	opts.f.noteOdd(user.Odd)
	return user, err
}
