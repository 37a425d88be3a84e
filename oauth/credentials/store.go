// Package credentials stores AppSecrets and users' tokens: in the operating
// system's keyring if there is one, else in a file that only its owner can
// read.
//
// One document, credentials.json, lists the entries, and for each either that
// its value is in the keyring or the value itself. It is replaced as a whole
// (temporary file, fsync, rename) under a lock, so that a reader, or a crash at
// any moment, sees the old or the new state.
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

// Backend says where values are stored.
type Backend string

// The backends. Auto uses the keyring if it works, else the file.
const (
	Auto    Backend = ""
	Keyring Backend = "keyring"
	File    Backend = "file"
	None    Backend = "none" // stores and finds nothing
)

// ErrNotFound means that there is no such entry. A keyring that does not answer
// gives a KeyringError instead.
var ErrNotFound = errors.New("not stored")

// ErrNoStore means that the backend None can't store a value.
var ErrNoStore = errors.New("nothing is stored with --store none")

// KeyringError means that the keyring is needed and does not work.
type KeyringError struct{ Reason string }

// Error returns one sentence.
func (e *KeyringError) Error() string { return "the keyring can't be used: " + e.Reason }

// FileError means that a file of the store can't be used.
type FileError struct {
	Path string
	// Reason is a sentence of its own.
	Reason string
	// Hint says what to do about it.
	Hint string
	Err  error
}

// Error returns one sentence.
func (e *FileError) Error() string {
	return fmt.Sprintf("the file of credentials %q can't be used: %s", e.Path, e.Reason)
}

func (e *FileError) Unwrap() error { return e.Err }

// Account names the owner of credentials: an app, in one profile.
type Account struct {
	Profile string
	AppID   string
}

// Options describe a store.
type Options struct {
	// Dir is the store's own directory; it is created with mode 0700 when
	// something is written.
	Dir string
	// Backend chooses where values are stored and, unless it is Auto, where
	// they are looked up.
	Backend Backend
	// System is the keyring; nil means the operating system's.
	System SystemKeyring
	// KeyringTimeout is the longest wait for the keyring; 0 means three seconds.
	KeyringTimeout time.Duration
	// Started is when this process began: a refresh by another process since
	// then is used instead of a new one. The zero time means unknown.
	Started time.Time
	// Notify is called with one sentence for what the user must know: that a
	// value was stored in a file because there is no keyring (only the first
	// time), or that a file's permissions had to be fixed.
	Notify func(string)
}

// defaultKeyringTimeout is how long a keyring may take. A locked one on a machine
// without a desktop waits for a password prompt that nobody sees.
const defaultKeyringTimeout = 3 * time.Second

// Store stores credentials. It is safe for concurrent use, also by several
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
		opts.KeyringTimeout = defaultKeyringTimeout
	}
	if opts.System == nil {
		opts.System = newSystemKeyring()
	}
	if opts.Notify == nil {
		opts.Notify = func(string) {}
	}
	return &Store{opts: opts, keyring: &boundedKeyring{system: opts.System, patience: opts.KeyringTimeout}}, nil
}

// Ready returns an error if nothing could be stored. Call it before obtaining
// something that can't be obtained twice. It creates the store's directory.
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

// Path returns the path of the document.
func (s *Store) Path() string { return filepath.Join(s.opts.Dir, documentName) }

// Secret returns the account's AppSecret and where it is stored.
func (s *Store) Secret(ctx context.Context, a Account) (oauth.Secret, Backend, error) {
	value, where, err := s.get(ctx, key{profile: a.Profile, appID: a.AppID})
	return oauth.NewSecret(value), where, err
}

// SetSecret stores the account's AppSecret and returns where.
func (s *Store) SetSecret(ctx context.Context, a Account, secret oauth.Secret) (Backend, error) {
	return s.set(ctx, key{profile: a.Profile, appID: a.AppID}, secret.Reveal())
}

// Token returns the token of one user of the account, and where it is stored.
func (s *Store) Token(ctx context.Context, a Account, openID string) (oauth.Token, Backend, error) {
	record, where, err := s.record(ctx, key{profile: a.Profile, appID: a.AppID, openID: openID})
	return record.token(openID), where, err
}

// SetToken stores a user's token and returns where.
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

// Users returns the openids that the account has tokens for, the most recently
// written first.
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

// Forget removes a user's token. WeChat can't revoke tokens: they stay valid
// until they expire.
func (s *Store) Forget(ctx context.Context, a Account, openID string) error {
	return s.remove(ctx, key{profile: a.Profile, appID: a.AppID, openID: openID})
}

// ForgetSecret removes the account's AppSecret.
func (s *Store) ForgetSecret(ctx context.Context, a Account) error {
	return s.remove(ctx, key{profile: a.Profile, appID: a.AppID})
}

// codeLife is how long a code that was not exchanged is stored. WeChat accepts
// codes for ten minutes; half of that leaves time to use it.
const codeLife = 5 * time.Minute

// SetCode stores a code that could not be exchanged, for the next exchange.
func (s *Store) SetCode(ctx context.Context, a Account, code oauth.Secret) (Backend, error) {
	return s.set(ctx, key{kind: kindCode, profile: a.Profile, appID: a.AppID}, code.Reveal())
}

// TakeCode returns the stored code of an account and removes it. It returns
// [ErrNotFound] if the code is older than codeLife.
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
	if err := s.remove(ctx, k); err != nil { // also if another process took it just now
		return oauth.Secret{}, err
	}
	if age := time.Since(entries[i].SavedAt); age < 0 || age > codeLife {
		return oauth.Secret{}, ErrNotFound
	}
	return oauth.NewSecret(value), nil
}

// ForgetCode removes the stored code of an account.
func (s *Store) ForgetCode(ctx context.Context, a Account) error {
	return s.remove(ctx, key{kind: kindCode, profile: a.Profile, appID: a.AppID})
}

// kindCode is the kind of entry that holds a code.
const kindCode = "code"

// key identifies one value: a code, a token, or with an empty openid an
// AppSecret.
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

// entries returns the entries that the backend covers.
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

// set stores a value where the backend says. The keyring is written before the
// document: after a crash in between, the document still has the old state.
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
		// The keyring's old value is outdated and should be removed. If the
		// keyring does not answer, nothing refers to that value any more.
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
