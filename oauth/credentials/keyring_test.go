package credentials

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gokeyring "github.com/zalando/go-keyring"

	"github.com/wxctl/wxctl/oauth"
)

// mocked is the keyring as it is used, but without a bus to probe: go-keyring's
// mock replaces the system's.
type mocked struct{ systemKeyring }

func (mocked) Probe(context.Context) error { return nil }
func (mocked) Interrupt()                  {}

// answers is a timeout that is long enough for any keyring that answers.
const answers = time.Minute

func open(t *testing.T, dir string, backend Backend, system SystemKeyring) (*Store, *[]string) {
	t.Helper()
	return openBounded(t, dir, backend, system, answers)
}

func openBounded(t *testing.T, dir string, backend Backend, system SystemKeyring, timeout time.Duration) (*Store, *[]string) {
	t.Helper()
	var notices []string
	s, err := Open(Options{
		Dir: dir, Backend: backend, System: system, KeyringTimeout: timeout,
		Notify: func(n string) { notices = append(notices, n) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, &notices
}

func contains(t *testing.T, path, text string) bool {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(content), text)
}

func TestKeyringFirst(t *testing.T) {
	gokeyring.MockInit()
	s, notices := open(t, filepath.Join(t.TempDir(), "credentials"), Auto, mocked{})
	where, err := s.SetToken(t.Context(), testAccount, testToken("1"))
	if err != nil || where != Keyring || len(*notices) != 0 {
		t.Fatalf("%q, %v, notices %q", where, err, *notices)
	}
	if contains(t, s.Path(), "access-1") {
		t.Error("the token is in the file as well")
	}
	token, where, err := s.Token(t.Context(), testAccount, "oUser")
	if err != nil || where != Keyring || token.AccessToken.Reveal() != "access-1" {
		t.Errorf("%q, %v", where, err)
	}
	if err := s.Forget(t.Context(), testAccount, "oUser"); err != nil {
		t.Fatal(err)
	}
	if _, err := gokeyring.Get(service, key{profile: testAccount.Profile, appID: testAccount.AppID, openID: "oUser"}.item()); !errors.Is(err, gokeyring.ErrNotFound) {
		t.Errorf("still in the keyring: %v", err)
	}
}

func TestBrokenKeyringFallsBackWithNote(t *testing.T) {
	gokeyring.MockInitWithError(errors.New("bro\x1bken"))
	dir := filepath.Join(t.TempDir(), "credentials")
	s, notices := open(t, dir, Auto, mocked{})
	for _, tag := range []string{"1", "2"} {
		if where, err := s.SetToken(t.Context(), testAccount, testToken(tag)); err != nil || where != File {
			t.Fatalf("%q, %v", where, err)
		}
	}
	if _, err := s.SetSecret(t.Context(), testAccount, oauth.NewSecret("app secret")); err != nil {
		t.Fatal(err)
	}
	if len(*notices) != 1 || !strings.Contains((*notices)[0], `bro\x1bken`) || !strings.Contains((*notices)[0], s.Path()) {
		t.Errorf("said %q, want it once, with reason and place", *notices)
	}
	if _, where, err := s.Token(t.Context(), testAccount, "oUser"); err != nil || where != File {
		t.Errorf("%q, %v", where, err)
	}

	// The keyring is back: the next value is stored there, and its plain text
	// is removed.
	gokeyring.MockInit()
	s, notices = open(t, dir, Auto, mocked{})
	if where, err := s.SetToken(t.Context(), testAccount, testToken("3")); err != nil || where != Keyring {
		t.Fatalf("%q, %v", where, err)
	}
	if contains(t, s.Path(), "access-") || len(*notices) != 0 {
		t.Errorf("plain text is left, or notices %q", *notices)
	}
	if !contains(t, s.Path(), "app secret") {
		t.Error("the secret, which was not changed, is gone")
	}
}

func TestKeyringAlone(t *testing.T) {
	gokeyring.MockInitWithError(errors.New("broken"))
	s, _ := open(t, filepath.Join(t.TempDir(), "credentials"), Keyring, mocked{})
	var e *KeyringError
	if _, err := s.SetToken(t.Context(), testAccount, testToken("1")); !errors.As(err, &e) {
		t.Errorf("error %v, want a KeyringError", err)
	}
	if err := s.Ready(t.Context()); !errors.As(err, &e) {
		t.Errorf("ready, but: %v", err)
	}
	if _, err := os.Stat(s.Path()); err == nil {
		t.Error("a file was written nonetheless")
	}
}

// "Not found" and a broken keyring are different errors.
func TestKeyringThatLostTheItem(t *testing.T) {
	gokeyring.MockInit()
	dir := filepath.Join(t.TempDir(), "credentials")
	s, _ := open(t, dir, Auto, mocked{})
	if _, err := s.SetToken(t.Context(), testAccount, testToken("1")); err != nil {
		t.Fatal(err)
	}
	gokeyring.MockInit() // empty
	if _, _, err := s.Token(t.Context(), testAccount, "oUser"); !errors.Is(err, ErrNotFound) {
		t.Errorf("lost: %v", err)
	}
	gokeyring.MockInitWithError(errors.New("broken"))
	s, _ = open(t, dir, Auto, mocked{})
	var e *KeyringError
	if _, _, err := s.Token(t.Context(), testAccount, "oUser"); !errors.As(err, &e) || errors.Is(err, ErrNotFound) {
		t.Errorf("broken: %v", err)
	}
	if err := s.Forget(t.Context(), testAccount, "oUser"); !errors.As(err, &e) {
		t.Errorf("a token that can't be removed now was dropped from the list: %v", err)
	}
	if users, _ := s.Users(testAccount); len(users) != 1 {
		t.Errorf("users %q", users)
	}
}

// A value that is too long for the keyring goes into the file, and the keyring
// is still used.
func TestValueTooLongForTheKeyring(t *testing.T) {
	gokeyring.MockInitWithError(gokeyring.ErrSetDataTooBig)
	s, notices := open(t, filepath.Join(t.TempDir(), "credentials"), Auto, mocked{})
	if where, err := s.SetToken(t.Context(), testAccount, testToken("1")); err != nil || where != File || len(*notices) != 1 {
		t.Errorf("%q, %v, %q", where, err, *notices)
	}
	gokeyring.MockInit()
	if where, err := s.SetToken(t.Context(), testAccount, testToken("1")); err != nil || where != Keyring {
		t.Errorf("%q, %v", where, err)
	}
}

// stuck is a keyring that waits until it is interrupted; panicky one that
// panics as go-keyring does when its connection is closed during a prompt.
type stuck struct {
	probe, panics bool
	interrupted   chan struct{}
	waits         *atomic.Int32 // number of waits
	waiting       func()        // reports each
}

func (s stuck) Probe(ctx context.Context) error {
	if s.probe {
		s.waits.Add(1)
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}
func (s stuck) Get(string) (string, error) { return "", s.wait() }
func (s stuck) Set(string, string) error   { return s.wait() }
func (s stuck) Delete(string) error        { return s.wait() }
func (s stuck) Interrupt()                 { close(s.interrupted) }

func (s stuck) wait() error {
	s.waits.Add(1)
	if s.waiting != nil {
		s.waiting()
	}
	<-s.interrupted
	if s.panics {
		var signal *struct{ Name string }
		_ = signal.Name
	}
	return errors.New("connection closed")
}

// A keyring that hangs costs one timeout, not one for each value, and its
// goroutine ends (goleak watches).
func TestHangingKeyring(t *testing.T) {
	for name, system := range map[string]stuck{
		"in the probe": {probe: true},
		"in the call":  {},
		"and panics":   {panics: true},
	} {
		t.Run(name, func(t *testing.T) {
			system.interrupted, system.waits = make(chan struct{}), new(atomic.Int32)
			s, notices := openBounded(t, filepath.Join(t.TempDir(), "credentials"), Auto, system, 200*time.Millisecond)
			for _, tag := range []string{"1", "2", "3"} {
				if where, err := s.SetToken(t.Context(), testAccount, testToken(tag)); err != nil || where != File {
					t.Fatalf("%q, %v", where, err)
				}
			}
			if n := system.waits.Load(); n != 1 {
				t.Errorf("three values waited %d times, each for the timeout", n)
			}
			if len(*notices) != 1 || !strings.Contains((*notices)[0], "does not answer") {
				t.Errorf("notices %q", *notices)
			}
		})
	}
}

// The user's Ctrl-C ends the wait before the timeout does, and then nothing is
// written.
func TestHangingKeyringIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s, _ := open(t, filepath.Join(t.TempDir(), "credentials"), Auto, stuck{interrupted: make(chan struct{}), waits: new(atomic.Int32), waiting: cancel})
	if _, err := s.SetToken(ctx, testAccount, testToken("1")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := os.Stat(s.Path()); err == nil {
		t.Error("the token went into the file")
	}
}

func TestItemsDoNotCollide(t *testing.T) {
	seen := map[string]key{}
	for _, k := range []key{
		{"", "a", "b", ""}, {"", "a", "b", "c"}, {"", "a/b", "c", ""}, {"", "a", "b/c", ""}, {"", "a", "b%2Fc", ""},
		{"", "token", "a", "b"}, {"", "", "a", ""}, {kindCode, "a", "b", ""}, {"", kindCode, "a", "b"},
	} {
		if other, ok := seen[k.item()]; ok {
			t.Errorf("%v and %v are both %s", k, other, k.item())
		}
		seen[k.item()] = k
	}
}
