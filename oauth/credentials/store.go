// Package credentials keeps AppSecrets and users' tokens: in the operating
// system's keyring where there is one, else in a file that only its owner can
// read.
//
// One document, credentials.json, lists what is kept, and for each entry
// either that its value is in the keyring or, without one, the value itself.
// It is replaced as a whole (temporary file, fsync, rename) under a lock, so
// that a reader, or a crash at any moment, sees the old or the new state.
//
//	store, err := credentials.Open(credentials.Options{Dir: dir})
//	where, err := store.SetSecret(ctx, credentials.Account{Profile: "default", AppID: appID}, secret)
package credentials

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wxctl/wxctl/oauth"
)

// Backend is a place to keep values.
type Backend string

// The backends. Auto takes the keyring if it works, else the file.
const (
	Auto    Backend = ""
	Keyring Backend = "keyring"
	File    Backend = "file"
	None    Backend = "none" // keeps and finds nothing
)

// ErrNotFound says that there is no such entry. A keyring that does not answer
// is another matter: see KeyringError.
var ErrNotFound = errors.New("not stored")

// ErrNoStore says that the backend None can't keep a value.
var ErrNoStore = errors.New("nothing is stored with --store none")

// KeyringError says that the keyring is needed and does not work.
type KeyringError struct{ Reason string }

// Error returns one sentence.
func (e *KeyringError) Error() string { return "the keyring can't be used: " + e.Reason }

// FileError says that a file of the store can't be used as it is.
type FileError struct {
	Path string
	// Reason is what is wrong, as it stands behind the path in a sentence.
	Reason string
	// Hint is what to do about it.
	Hint string
	Err  error
}

// Error returns one sentence.
func (e *FileError) Error() string {
	return fmt.Sprintf("the file of credentials %q %s", e.Path, e.Reason)
}

func (e *FileError) Unwrap() error { return e.Err }

// Account is whose credentials are meant: an app, as one profile knows it.
type Account struct {
	Profile string
	AppID   string
}

// Options describe a store.
type Options struct {
	// Dir is the store's own directory; it is created with mode 0700 when
	// something is written.
	Dir string
	// Backend chooses where values are put, and, unless it is Auto, where they
	// are looked for.
	Backend Backend
	// System is the keyring; nil means the operating system's.
	System SystemKeyring
	// KeyringTimeout is the longest wait for the keyring; 0 means three seconds.
	KeyringTimeout time.Duration
	// Started is when this process began: a refresh that another one has made
	// since then is as good as its own. The zero time means unknown.
	Started time.Time
	// Notify is told, in one sentence each, what the user has to know: that a
	// value went into a file because there is no keyring (once, when the first
	// does), or that a file's permissions had to be fixed.
	Notify func(string)
}

// DefaultKeyringTimeout is how long a keyring may take. A locked one on a machine
// without a desktop waits for a password prompt that nobody sees.
const DefaultKeyringTimeout = 3 * time.Second

// Store keeps credentials. It is safe for concurrent use, also by several
// processes.
type Store struct {
	opts    Options
	keyring *boundedKeyring
}

// Open returns a store; it touches neither disk nor keyring.
func Open(opts Options) (*Store, error) {
	switch opts.Backend {
	case Auto, Keyring, File, None:
	default:
		return nil, fmt.Errorf("invalid store %q: use keyring, file or none", string(opts.Backend))
	}
	if opts.Dir == "" {
		return nil, errors.New("the store needs a directory")
	}
	if opts.KeyringTimeout == 0 {
		opts.KeyringTimeout = DefaultKeyringTimeout
	}
	if opts.System == nil {
		opts.System = newSystemKeyring()
	}
	if opts.Notify == nil {
		opts.Notify = func(string) {}
	}
	return &Store{opts: opts, keyring: &boundedKeyring{system: opts.System, patience: opts.KeyringTimeout}}, nil
}

// Ready reports early that nothing could be kept: for those who are about to
// obtain what can be had only once. It creates the store's directory.
func (s *Store) Ready(ctx context.Context) error {
	if s.opts.Backend == None {
		return nil
	}
	if err := s.makeDir(); err != nil {
		return err
	}
	if s.opts.Backend == Keyring {
		return s.keyring.call(ctx, func() error { return nil })
	}
	return nil
}

// Path returns where the document is.
func (s *Store) Path() string { return filepath.Join(s.opts.Dir, documentName) }

// Secret returns the account's AppSecret and where it is kept.
func (s *Store) Secret(ctx context.Context, a Account) (oauth.Secret, Backend, error) {
	value, where, err := s.get(ctx, key{profile: a.Profile, appID: a.AppID})
	return oauth.NewSecret(value), where, err
}

// SetSecret keeps the account's AppSecret and returns where.
func (s *Store) SetSecret(ctx context.Context, a Account, secret oauth.Secret) (Backend, error) {
	return s.set(ctx, key{profile: a.Profile, appID: a.AppID}, secret.Reveal())
}

// Token returns what is kept for one user of the account.
func (s *Store) Token(ctx context.Context, a Account, openID string) (oauth.Token, Backend, error) {
	record, where, err := s.record(ctx, key{profile: a.Profile, appID: a.AppID, openID: openID})
	return record.token(openID), where, err
}

// SetToken keeps a user's token and returns where.
func (s *Store) SetToken(ctx context.Context, a Account, token oauth.Token) (Backend, error) {
	if token.OpenID == "" {
		return "", errors.New("a token without an openid can't be stored")
	}
	return s.setRecord(ctx, key{profile: a.Profile, appID: a.AppID, openID: token.OpenID}, newRecord(token))
}

func (s *Store) record(ctx context.Context, k key) (record, Backend, error) {
	var r record
	value, where, err := s.get(ctx, k)
	if err != nil {
		return r, where, err
	}
	if err := json.Unmarshal([]byte(value), &r); err != nil { // json's error may quote the value
		return r, where, errors.New("the stored token is damaged; log in again")
	}
	return r, where, nil
}

func (s *Store) setRecord(ctx context.Context, k key, r record) (Backend, error) {
	value, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	return s.set(ctx, k, string(value))
}

// Users returns the openids that the account has tokens for, the one that was
// written last first.
func (s *Store) Users(a Account) ([]string, error) {
	entries, err := s.entries()
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(entries, func(x, y entry) int { return y.SavedAt.Compare(x.SavedAt) })
	var users []string
	for _, e := range entries {
		if e.Profile == a.Profile && e.AppID == a.AppID && e.OpenID != "" {
			users = append(users, e.OpenID)
		}
	}
	return users, nil
}

// Profiles returns the names of the profiles that have tokens for an app, in
// order.
func (s *Store) Profiles(appID string) ([]string, error) {
	entries, err := s.entries()
	if err != nil {
		return nil, err
	}
	var profiles []string
	for _, e := range entries {
		if e.AppID == appID && e.OpenID != "" {
			profiles = append(profiles, e.Profile)
		}
	}
	slices.Sort(profiles)
	return slices.Compact(profiles), nil
}

// Forget removes a user's token. WeChat has no call that revokes tokens: until
// they expire, they stay good.
func (s *Store) Forget(ctx context.Context, a Account, openID string) error {
	return s.remove(ctx, key{profile: a.Profile, appID: a.AppID, openID: openID})
}

// ForgetSecret removes the account's AppSecret.
func (s *Store) ForgetSecret(ctx context.Context, a Account) error {
	return s.remove(ctx, key{profile: a.Profile, appID: a.AppID})
}

// CodeLife is how long a code that was not exchanged is kept. WeChat takes codes
// for ten minutes; what is half as old was hardly got for another purpose.
const CodeLife = 5 * time.Minute

// SetCode keeps a code that was got and could not be exchanged, for the next
// exchange.
func (s *Store) SetCode(ctx context.Context, a Account, code oauth.Secret) (Backend, error) {
	return s.set(ctx, key{kind: kindCode, profile: a.Profile, appID: a.AppID}, code.Reveal())
}

// TakeCode returns the code that is kept for an account, once: it is removed.
// There is none, [ErrNotFound], once it is older than [CodeLife].
func (s *Store) TakeCode(ctx context.Context, a Account) (oauth.Secret, error) {
	k := key{kind: kindCode, profile: a.Profile, appID: a.AppID}
	entries, err := s.entries()
	if err != nil {
		return oauth.Secret{}, err
	}
	i := indexOf(entries, k)
	if i < 0 {
		return oauth.Secret{}, ErrNotFound
	}
	value, _, err := s.get(ctx, k)
	if err != nil {
		return oauth.Secret{}, err
	}
	if err := s.remove(ctx, k); err != nil { // also where another wxctl took it just now
		return oauth.Secret{}, err
	}
	if age := time.Since(entries[i].SavedAt); age < 0 || age > CodeLife {
		return oauth.Secret{}, ErrNotFound
	}
	return oauth.NewSecret(value), nil
}

// ForgetCode removes the code that is kept for an account.
func (s *Store) ForgetCode(ctx context.Context, a Account) error {
	return s.remove(ctx, key{kind: kindCode, profile: a.Profile, appID: a.AppID})
}

// kindCode is the kind of the value that is a code.
const kindCode = "code"

// key names one value: a code, a token, or with an empty openid an AppSecret.
type key struct{ kind, profile, appID, openID string }

// item is the key's name in the keyring.
func (k key) item() string {
	parts := []string{"secret", k.profile, k.appID}
	switch {
	case k.kind != "":
		parts[0] = k.kind
	case k.openID != "":
		parts = []string{"token", k.profile, k.appID, k.openID}
	}
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}

// entries returns those of the document that the backend covers.
func (s *Store) entries() ([]entry, error) {
	if s.opts.Backend == None {
		return nil, nil
	}
	doc, err := s.read()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(doc.Entries, func(e entry) bool {
		return s.opts.Backend != Auto && s.opts.Backend != e.backend()
	}), nil
}

func (s *Store) get(ctx context.Context, k key) (string, Backend, error) {
	entries, err := s.entries()
	if err != nil {
		return "", "", err
	}
	i := indexOf(entries, k)
	if i < 0 {
		return "", "", ErrNotFound
	}
	if !entries[i].InKeyring {
		return entries[i].Value, File, nil
	}
	value, err := s.keyring.get(ctx, k.item())
	return value, Keyring, err
}

// set puts a value where the backend says. The keyring comes before the
// document: after a crash in between, the document is still the old one.
func (s *Store) set(ctx context.Context, k key, value string) (Backend, error) {
	if s.opts.Backend == None {
		return "", ErrNoStore
	}
	inKeyring, why := false, error(nil)
	if s.opts.Backend != File {
		why = s.keyring.set(ctx, k.item(), value)
		inKeyring = why == nil
		if err := ctx.Err(); err != nil {
			return "", err
		}
	}
	if !inKeyring && s.opts.Backend == Keyring {
		return "", why
	}
	where, first, old := File, false, entry{}
	err := s.update(ctx, func(doc *document) {
		if i := indexOf(doc.Entries, k); i >= 0 {
			old = doc.Entries[i]
		}
		first = !slices.ContainsFunc(doc.Entries, func(e entry) bool { return !e.InKeyring })
		e := entry{Kind: k.kind, Profile: k.profile, AppID: k.appID, OpenID: k.openID, SavedAt: time.Now().UTC()}
		if inKeyring {
			e.InKeyring, where = true, Keyring
		} else {
			e.Value = value
		}
		doc.put(k, e)
	})
	if err != nil {
		return "", err
	}
	switch {
	case !inKeyring && s.opts.Backend == Auto && first:
		s.opts.Notify(fmt.Sprintf("%v; secrets and tokens are stored in %q, which only you can read", why, s.Path()))
	case s.opts.Backend == File && old.InKeyring:
		// What the keyring still has is out of date now, and better gone; if it
		// does not answer, nothing refers to it any more.
		_ = s.keyring.delete(ctx, k.item())
	}
	return where, nil
}

// remove deletes a value. If the keyring does not answer, the entry stays, so
// that it can be removed later.
func (s *Store) remove(ctx context.Context, k key) error {
	entries, err := s.entries()
	if err != nil {
		return err
	}
	i := indexOf(entries, k)
	if i < 0 {
		return ErrNotFound
	}
	if entries[i].InKeyring {
		if err := s.keyring.delete(ctx, k.item()); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	there := false
	if err := s.update(ctx, func(doc *document) { there = doc.drop(k) }); err != nil {
		return err
	}
	if !there {
		return ErrNotFound
	}
	return nil
}
