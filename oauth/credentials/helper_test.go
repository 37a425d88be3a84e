package credentials

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wxctl/wxctl/oauth"
)

// roleEnv turns the test binary into one of the processes that some tests
// need; dirEnv is its store.
const (
	roleEnv = "CREDENTIALS_TEST_ROLE"
	dirEnv  = "CREDENTIALS_TEST_DIR"
	urlEnv  = "CREDENTIALS_TEST_URL"
)

var testAccount = Account{Profile: "default", AppID: "wx0123456789abcdef"}

func TestMain(m *testing.M) {
	roles := map[string]func() error{"writer": writer, "refresher": refresher, "full-disk": fullDisk, "mask": masked, "system-keyring": systemKeyringRole}
	if role, ok := roles[os.Getenv(roleEnv)]; ok {
		if err := role(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// helper prepares this binary in a role.
func helper(t testing.TB, role, dir string, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), append(env, roleEnv+"="+role, dirEnv+"="+dir)...)
	return cmd
}

// fileStore opens a store without a keyring.
func fileStore(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(Options{Dir: dir, Backend: File})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func testToken(tag string) oauth.Token {
	return oauth.Token{
		AccessToken: oauth.NewSecret("access-" + tag), RefreshToken: oauth.NewSecret("refresh-" + tag),
		OpenID: "oUser", UnionID: "union", Scope: []string{"snsapi_userinfo"}, ExpiresIn: 2 * time.Hour, ObtainedAt: time.Now(),
	}
}

// writer writes new tokens forever, and reports when the first is stored.
func writer() error {
	s, err := Open(Options{Dir: os.Getenv(dirEnv), Backend: File})
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		// Long, and of one letter each, so that a partial write is noticed.
		tag := strings.Repeat(string(rune('a'+i%26)), 2000)
		if _, err := s.SetToken(context.Background(), testAccount, testToken(tag)); err != nil {
			return err
		}
		if i == 0 {
			fmt.Println("ready")
		}
	}
}

// refresher refreshes the stored token once, as a command would, and prints
// it.
func refresher() error {
	s, err := Open(Options{Dir: os.Getenv(dirEnv), Backend: File, Started: time.Now()})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	token, _, err := s.Token(ctx, testAccount, "oUser")
	if err != nil {
		return err
	}
	token, _, err = s.Refresh(ctx, testAccount, token, false, func(context.Context, oauth.Token) (oauth.Token, error) {
		resp, err := http.Post(os.Getenv(urlEnv), "", nil)
		if err != nil {
			return oauth.Token{}, err
		}
		resp.Body.Close()
		return testToken(resp.Header.Get("Tag")), nil
	})
	if err != nil {
		return err
	}
	fmt.Println(token.AccessToken.Reveal())
	return nil
}

var errExpected = errors.New("a write that should have failed went through")
