package credentials

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wxctl/wxctl/oauth"
)

// kills is how many writers TestKilledWriter kills; the long form of the tests
// makes it 1000.
var kills = flag.Int("kills", 20, "how many writing processes to kill")

func TestKeepAndForget(t *testing.T) {
	ctx := t.Context()
	s := fileStore(t, filepath.Join(t.TempDir(), "credentials"))
	if _, _, err := s.Secret(ctx, testAccount); !errors.Is(err, ErrNotFound) {
		t.Fatalf("an empty store says %v", err)
	}
	other := Account{Profile: "lab", AppID: testAccount.AppID}
	want := testToken("1")
	second := testToken("2")
	second.OpenID = "oSecond"
	for _, step := range []func() (Backend, error){
		func() (Backend, error) { return s.SetSecret(ctx, testAccount, oauth.NewSecret("app secret")) },
		func() (Backend, error) { return s.SetSecret(ctx, other, oauth.NewSecret("another secret")) },
		func() (Backend, error) { return s.SetToken(ctx, testAccount, want) },
		func() (Backend, error) { return s.SetToken(ctx, testAccount, second) },
	} {
		if where, err := step(); err != nil || where != File {
			t.Fatalf("%q, %v", where, err)
		}
	}
	if secret, where, err := s.Secret(ctx, testAccount); err != nil || where != File || secret.Reveal() != "app secret" {
		t.Errorf("%q, %v", where, err)
	}
	got, _, err := s.Token(ctx, testAccount, "oUser")
	if err != nil || got.AccessToken.Reveal() != want.AccessToken.Reveal() || got.RefreshToken.Reveal() != want.RefreshToken.Reveal() || got.OpenID != want.OpenID ||
		got.UnionID != want.UnionID || !slices.Equal(got.Scope, want.Scope) || got.ExpiresIn != want.ExpiresIn || !got.ObtainedAt.Equal(want.ObtainedAt) {
		t.Errorf("got %+v, %v", got, err)
	}
	if users, err := s.Users(testAccount); err != nil || !slices.Equal(users, []string{"oSecond", "oUser"}) {
		t.Errorf("users %q, %v: want the latest first", users, err)
	}
	if users, _ := s.Users(other); len(users) != 0 {
		t.Errorf("the other profile has users %q", users)
	}
	if err := s.Forget(ctx, testAccount, "oUser"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Token(ctx, testAccount, "oUser"); !errors.Is(err, ErrNotFound) {
		t.Errorf("forgotten, and yet %v", err)
	}
	if err := s.Forget(ctx, testAccount, "oUser"); !errors.Is(err, ErrNotFound) {
		t.Errorf("forgotten twice: %v", err)
	}
	if err := s.ForgetSecret(ctx, testAccount); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{"app secret", "access-1", "refresh-1"} {
		if strings.Contains(string(content), gone) {
			t.Errorf("%q is still in the file", gone)
		}
	}
	if _, _, err := s.Secret(ctx, other); err != nil {
		t.Errorf("the other profile's secret is gone too: %v", err)
	}
}

// TestCode: a code is returned once, within its lifetime, and does not hide an
// AppSecret.
func TestCode(t *testing.T) {
	ctx := t.Context()
	s := fileStore(t, filepath.Join(t.TempDir(), "credentials"))
	if _, err := s.TakeCode(ctx, testAccount); !errors.Is(err, ErrNotFound) {
		t.Errorf("an empty store: %v", err)
	}
	keep := func(code string) {
		t.Helper()
		if where, err := s.SetCode(ctx, testAccount, oauth.NewSecret(code)); err != nil || where != File {
			t.Fatal(where, err)
		}
	}
	keep("C0DE")
	if _, _, err := s.Secret(ctx, testAccount); !errors.Is(err, ErrNotFound) {
		t.Errorf("the AppSecret: %v", err)
	}
	if code, err := s.TakeCode(ctx, testAccount); err != nil || code.Reveal() != "C0DE" {
		t.Errorf("got %v, %v", code, err)
	}
	if _, err := s.TakeCode(ctx, testAccount); !errors.Is(err, ErrNotFound) {
		t.Errorf("the second time: %v", err)
	}
	keep("OLD")
	if err := s.update(ctx, func(d *document) { d.Entries[0].SavedAt = time.Now().Add(-codeLife - time.Second) }); err != nil {
		t.Fatal(err)
	}
	if _, err := s.TakeCode(ctx, testAccount); !errors.Is(err, ErrNotFound) {
		t.Errorf("too late: %v", err)
	}
	if data, err := os.ReadFile(s.Path()); err != nil || strings.Contains(string(data), "OLD") {
		t.Errorf("an old code stays: %s, %v", data, err)
	}
	keep("LEFT")
	if err := s.ForgetCode(ctx, testAccount); err != nil {
		t.Error(err)
	}
	// Of many at once, one gets it.
	keep("ONE")
	var got atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := s.TakeCode(ctx, testAccount); err == nil {
				got.Add(1)
			}
		})
	}
	wg.Wait()
	if got.Load() != 1 {
		t.Errorf("%d got the code", got.Load())
	}
}

func TestNone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "credentials")
	s, err := Open(Options{Dir: dir, Backend: None})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.SetToken(t.Context(), testAccount, testToken("1")); !errors.Is(err, ErrNoStore) {
		t.Error(err)
	}
	if _, _, err := s.Token(t.Context(), testAccount, "oUser"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("there is a directory")
	}
	if _, err := Open(Options{Dir: dir, Backend: "safe"}); err == nil {
		t.Error("any word is accepted as a store")
	}
}

func TestDamagedFile(t *testing.T) {
	for content, says := range map[string]string{
		"":                             "damaged",
		`{"version":1,"entries":[{"va`: "damaged",
		`[]`:                           "damaged",
		`{"version":2}`:                "version 2",
	} {
		dir := filepath.Join(t.TempDir(), "credentials")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		s := fileStore(t, dir)
		if err := os.WriteFile(s.Path(), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := s.Secret(t.Context(), testAccount)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", content, err)
		}
		if _, err := s.SetSecret(t.Context(), testAccount, oauth.NewSecret("x")); err == nil {
			t.Errorf("%q was overwritten", content)
		}
		if now, _ := os.ReadFile(s.Path()); string(now) != content {
			t.Errorf("%q became %q", content, now)
		}
	}
}

// A writer that is killed at any moment leaves the old or the new state, and
// does not block the next one.
func TestKilledWriter(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "credentials")
	s := fileStore(t, dir)
	if _, err := s.SetSecret(t.Context(), testAccount, oauth.NewSecret("app secret")); err != nil {
		t.Fatal(err)
	}
	for i := range *kills {
		cmd := helper(t, "writer", dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Fatalf("the writer says %q, %v", line, err)
		}
		time.Sleep(rand.N(2 * time.Millisecond)) // the moment of the kill
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		cmd.Wait()
		token, _, err := s.Token(t.Context(), testAccount, "oUser")
		if err != nil {
			t.Fatalf("after kill %d: %v", i, err)
		}
		tag, ok := strings.CutPrefix(token.AccessToken.Reveal(), "access-")
		if !ok || len(tag) != 2000 || strings.Trim(tag, tag[:1]) != "" || token.RefreshToken.Reveal() != "refresh-"+tag {
			t.Fatalf("after kill %d the token is torn", i)
		}
		if secret, _, err := s.Secret(t.Context(), testAccount); err != nil || secret.Reveal() != "app secret" {
			t.Fatalf("after kill %d the secret is gone: %v", i, err)
		}
	}
	if _, err := s.SetToken(t.Context(), testAccount, testToken("last")); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.new")); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}

// Fifty processes that refresh one token at once make one request, and all of
// them get its result.
func TestRefreshInACrowd(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "credentials")
	s := fileStore(t, dir)
	old := testToken("old")
	old.ObtainedAt = time.Now().Add(-time.Hour)
	if _, err := s.SetToken(t.Context(), testAccount, old); err != nil {
		t.Fatal(err)
	}
	var requests atomic.Int32
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Tag", fmt.Sprint(requests.Add(1)))
	}))
	defer ts.Close()
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			out, err := helper(t, "refresher", dir, urlEnv+"="+ts.URL).CombinedOutput()
			if err != nil || string(out) != "access-1\n" {
				t.Errorf("got %q, %v", out, err)
			}
		})
	}
	group.Wait()
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
	if token, _, err := s.Token(t.Context(), testAccount, "oUser"); err != nil || token.AccessToken.Reveal() != "access-1" {
		t.Errorf("stored: %v", err)
	}
}

// One after the other, every refresh makes its own request, however soon.
func TestRefreshOneByOne(t *testing.T) {
	s := fileStore(t, filepath.Join(t.TempDir(), "credentials"))
	if _, err := s.SetToken(t.Context(), testAccount, testToken("0")); err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= 5; i++ {
		used, _, err := s.Token(t.Context(), testAccount, "oUser")
		if err != nil {
			t.Fatal(err)
		}
		token, shared, err := s.Refresh(t.Context(), testAccount, used, false, func(_ context.Context, current oauth.Token) (oauth.Token, error) {
			if want := fmt.Sprintf("refresh-%d", i-1); current.RefreshToken.Reveal() != want {
				t.Errorf("refresh %d sends another refresh token than the stored one", i)
			}
			return testToken(fmt.Sprint(i)), nil
		})
		if err != nil || shared || token.AccessToken.Reveal() != fmt.Sprintf("access-%d", i) {
			t.Errorf("refresh %d: shared %v, %v", i, shared, err)
		}
	}
}

// A process that began before another one refreshed uses its result, even if it
// has not read the token before.
func TestRefreshWhileRunning(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "credentials")
	s := fileStore(t, dir)
	if _, err := s.SetToken(t.Context(), testAccount, testToken("0")); err != nil {
		t.Fatal(err)
	}
	fetched := 0
	fetch := func(context.Context, oauth.Token) (oauth.Token, error) {
		fetched++
		return testToken(fmt.Sprint(fetched)), nil
	}
	refresh := func(started time.Time) bool {
		t.Helper()
		p, err := Open(Options{Dir: dir, Backend: File, Started: started})
		if err != nil {
			t.Fatal(err)
		}
		used, _, err := p.Token(t.Context(), testAccount, "oUser")
		if err != nil {
			t.Fatal(err)
		}
		_, shared, err := p.Refresh(t.Context(), testAccount, used, false, fetch)
		if err != nil {
			t.Fatal(err)
		}
		return shared
	}
	early := time.Now()
	if refresh(early) { // after an exchange, a refresh makes a request
		t.Error("the exchange was treated as a refresh")
	}
	late := time.Now()
	if refresh(late) {
		t.Error("a process that began later used an older refresh")
	}
	if !refresh(early) || fetched != 2 {
		t.Errorf("%d refreshes, although one was made while the process ran", fetched)
	}
}

// A crowd ends when no process has joined for a while: then a refresh makes a
// request of its own.
func TestCrowdEnds(t *testing.T) {
	s := fileStore(t, filepath.Join(t.TempDir(), "credentials"))
	token := testToken("0")
	if _, err := s.SetToken(t.Context(), testAccount, token); err != nil {
		t.Fatal(err)
	}
	fetched := 0
	refresh := func(crowd bool) (shared bool) {
		t.Helper()
		var err error
		token, shared, err = s.Refresh(t.Context(), testAccount, token, false, func(context.Context, oauth.Token) (oauth.Token, error) {
			fetched++
			if crowd {
				files, _ := filepath.Glob(filepath.Join(s.opts.Dir, "refresh-*.lock"))
				markCrowd(files[0])
			}
			return testToken(fmt.Sprint(fetched)), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return shared
	}
	if refresh(true) || !refresh(false) || !refresh(false) {
		t.Fatal("a crowd does not share")
	}
	files, _ := filepath.Glob(filepath.Join(s.opts.Dir, "refresh-*.lock"))
	past := time.Now().Add(-crowdGap) // as if that long had passed
	if err := os.Chtimes(files[0], past, past); err != nil {
		t.Fatal(err)
	}
	first, second := refresh(false), refresh(false)
	if first || second || fetched != 3 {
		t.Errorf("%d refreshes: the crowd continues although no process joined", fetched)
	}
}

// A token that the server refused is never handed back, crowd or not.
func TestRefusedTokenIsReplaced(t *testing.T) {
	s := fileStore(t, filepath.Join(t.TempDir(), "credentials"))
	if _, err := s.SetToken(t.Context(), testAccount, testToken("0")); err != nil {
		t.Fatal(err)
	}
	used, _, _ := s.Token(t.Context(), testAccount, "oUser")
	var fetched int
	fetch := func(context.Context, oauth.Token) (oauth.Token, error) {
		fetched++
		// Another process begins meanwhile and has to wait.
		files, _ := filepath.Glob(filepath.Join(s.opts.Dir, "refresh-*.lock"))
		markCrowd(files[0])
		return testToken(fmt.Sprint(fetched)), nil
	}
	fresh, _, err := s.Refresh(t.Context(), testAccount, used, false, fetch)
	if err != nil {
		t.Fatal(err)
	}
	if again, shared, _ := s.Refresh(t.Context(), testAccount, fresh, false, fetch); !shared || again.AccessToken.Reveal() != fresh.AccessToken.Reveal() {
		t.Error("in a crowd, a refresh just now is not shared")
	}
	if again, shared, _ := s.Refresh(t.Context(), testAccount, fresh, true, fetch); shared || again.AccessToken.Reveal() == fresh.AccessToken.Reveal() || fetched != 2 {
		t.Error("a refused token came back")
	}
	if again, shared, _ := s.Refresh(t.Context(), testAccount, used, true, fetch); !shared || again.AccessToken.Reveal() != "access-2" || fetched != 2 {
		t.Error("a token that another process has renewed already was renewed again")
	}
}

func TestFailedRefreshChangesNothing(t *testing.T) {
	s := fileStore(t, filepath.Join(t.TempDir(), "credentials"))
	if _, err := s.SetToken(t.Context(), testAccount, testToken("0")); err != nil {
		t.Fatal(err)
	}
	used, _, _ := s.Token(t.Context(), testAccount, "oUser")
	failure := errors.New("refused")
	if _, _, err := s.Refresh(t.Context(), testAccount, used, false, func(context.Context, oauth.Token) (oauth.Token, error) {
		return oauth.Token{}, failure
	}); err != failure {
		t.Error(err)
	}
	if token, _, err := s.Token(t.Context(), testAccount, "oUser"); err != nil || token.AccessToken.Reveal() != "access-0" {
		t.Errorf("stored: %v", err)
	}
}

// WeChat's tokens are returned even if they can't be stored: the refresh token
// that was used may be invalid by now.
func TestRefreshThatCannotBeKept(t *testing.T) {
	s := fileStore(t, filepath.Join(t.TempDir(), "credentials"))
	if _, err := s.SetToken(t.Context(), testAccount, testToken("0")); err != nil {
		t.Fatal(err)
	}
	used, _, _ := s.Token(t.Context(), testAccount, "oUser")
	if err := os.MkdirAll(filepath.Join(s.Path()+".new", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	fresh, shared, err := s.Refresh(t.Context(), testAccount, used, false, func(context.Context, oauth.Token) (oauth.Token, error) {
		return testToken("2"), nil
	})
	if err == nil || shared || fresh.AccessToken.Reveal() != "access-2" || !strings.Contains(err.Error(), "can't be stored") {
		t.Errorf("shared %v, %v", shared, err)
	}
}

// Waiting for a lock stops when the context ends.
func TestLockWaitIsBounded(t *testing.T) {
	s := fileStore(t, filepath.Join(t.TempDir(), "credentials"))
	if err := s.makeDir(); err != nil {
		t.Fatal(err)
	}
	unlock, err := s.lock(t.Context(), "credentials.lock", func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := s.SetSecret(ctx, testAccount, oauth.NewSecret("x")); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
