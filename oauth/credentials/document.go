package credentials

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gofrs/flock"

	"github.com/wxctl/wxctl/oauth"
)

const (
	documentName    = "credentials.json"
	lockName        = "credentials.lock"
	newMark         = ".new" // suffix of a document that is being written
	documentVersion = 1
	maxDocument     = 8 << 20 // bytes
)

// document is the content of credentials.json.
type document struct {
	Version int     `json:"version"`
	Entries []entry `json:"entries"`
}

// entry is one stored value, or where it is stored.
type entry struct {
	Kind      string    `json:"kind,omitempty"` // code; empty for a token or an AppSecret
	Profile   string    `json:"profile"`
	AppID     string    `json:"appId"`
	OpenID    string    `json:"openId,omitempty"` // empty for an AppSecret
	SavedAt   time.Time `json:"savedAt"`
	InKeyring bool      `json:"inKeyring,omitempty"`
	Value     string    `json:"value,omitempty"` // only if it is not in the keyring
}

func (e entry) backend() Backend {
	if e.InKeyring {
		return Keyring
	}
	return File
}

func indexOf(entries []entry, k key) int {
	return slices.IndexFunc(entries, func(e entry) bool {
		return e.Kind == k.kind && e.Profile == k.profile && e.AppID == k.appID && e.OpenID == k.openID
	})
}

func (d *document) put(k key, e entry) {
	if i := indexOf(d.Entries, k); i >= 0 {
		d.Entries[i] = e
		return
	}
	d.Entries = append(d.Entries, e)
}

// drop removes an entry, and reports whether it was there.
func (d *document) drop(k key) bool {
	i := indexOf(d.Entries, k)
	if i >= 0 {
		d.Entries = slices.Delete(d.Entries, i, i+1)
	}
	return i >= 0
}

// record is a token in its stored form.
type record struct {
	AccessToken  string    `json:"accessToken"`
	RefreshToken string    `json:"refreshToken"`
	UnionID      string    `json:"unionId,omitempty"`
	Scope        []string  `json:"scope,omitempty"`
	ExpiresIn    int       `json:"expiresIn"` // seconds
	ObtainedAt   time.Time `json:"obtainedAt"`
	Snapshot     bool      `json:"snapshot,omitempty"`
	// RefreshBegan is when the refresh that yielded this token began; the zero
	// time after an exchange.
	RefreshBegan time.Time `json:"refreshBegan,omitzero"`
}

func newRecord(t oauth.Token) record {
	return record{
		AccessToken: t.AccessToken.Reveal(), RefreshToken: t.RefreshToken.Reveal(), UnionID: t.UnionID, Scope: t.Scope,
		ExpiresIn: int(t.ExpiresIn / time.Second), ObtainedAt: t.ObtainedAt.UTC(), Snapshot: t.Snapshot,
	}
}

func (r record) token(openID string) oauth.Token {
	return oauth.Token{
		AccessToken: oauth.NewSecret(r.AccessToken), RefreshToken: oauth.NewSecret(r.RefreshToken), OpenID: openID,
		UnionID: r.UnionID, Scope: r.Scope, ExpiresIn: time.Duration(r.ExpiresIn) * time.Second,
		ObtainedAt: r.ObtainedAt, Snapshot: r.Snapshot,
	}
}

// read returns the document; an empty one if there is no file.
func (s *Store) read() (document, error) {
	s.sweep()
	f, err := openOwn(s.Path())
	if errors.Is(err, fs.ErrNotExist) {
		return document{Version: documentVersion}, nil
	}
	if err != nil {
		return document{}, s.unreadable(err)
	}
	defer f.Close()
	fixed, err := makePrivate(f)
	if err != nil {
		return document{}, s.unreadable(err)
	}
	if fixed {
		s.opts.Notify(fmt.Sprintf("%q could be read by others, which is fixed now; if it was shared, log in again and reset "+
			"the AppSecret", s.Path()))
	}
	data, err := io.ReadAll(io.LimitReader(f, maxDocument+1))
	if err != nil {
		return document{}, s.unreadable(err)
	}
	doc, err := parseDocument(data)
	if err != nil {
		return document{}, s.fileError(err.Error(), "move it away and log in again, or use another store: --store", err)
	}
	return doc, nil
}

// sweep removes files that a killed writer left behind: they hold secrets.
func (s *Store) sweep() {
	temp := s.Path() + newMark
	if _, err := os.Lstat(temp); err != nil {
		return
	}
	l := flock.New(filepath.Join(s.opts.Dir, lockName), flock.SetPermissions(0o600), flock.SetFlag(os.O_RDWR|noFollow))
	if ok, err := l.TryLock(); err == nil && ok {
		_ = os.Remove(temp) // the next writer tries again
	}
	l.Close()
}

func (s *Store) fileError(reason, hint string, err error) error {
	return &FileError{Path: s.Path(), Reason: reason, Hint: hint, Err: err}
}

func (s *Store) unreadable(err error) error {
	return s.fileError(fmt.Sprintf("it can't be read: %s", without(err)), "see who may read it, or use another store: --store", err)
}

func (s *Store) unwritable(err error) error {
	hint := "see who may write there, or use another store: --store"
	if isFull(err) {
		hint = "make room on that disk, or use another store: --store"
	}
	return s.fileError(fmt.Sprintf("it can't be written: %s", without(err)), hint, err)
}

// without is an error's text without the path, which the sentence already has.
func without(err error) string {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err.Error()
	case errors.As(err, &link):
		return link.Err.Error()
	}
	return err.Error()
}

func parseDocument(data []byte) (document, error) {
	var doc document
	if len(data) > maxDocument || json.Unmarshal(data, &doc) != nil { // json's error may quote a value
		return document{}, errors.New("it is damaged")
	}
	if doc.Version != documentVersion {
		return document{}, fmt.Errorf("it has version %d, and this wxctl knows %d", doc.Version, documentVersion)
	}
	return doc, nil
}

// update changes the document under the lock.
func (s *Store) update(ctx context.Context, change func(*document)) error {
	if err := s.makeDir(); err != nil {
		return err
	}
	unlock, err := s.lock(ctx, lockName, func() {})
	if err != nil {
		return err
	}
	defer unlock()
	doc, err := s.read()
	if err != nil {
		return err
	}
	change(&doc)
	data, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	if err := replaceFile(s.Path(), append(data, '\n')); err != nil {
		return s.unwritable(err)
	}
	return nil
}

// makeDir creates the directory; an existing one must belong to us and be
// closed to others.
func (s *Store) makeDir() error {
	if err := os.MkdirAll(filepath.Dir(s.opts.Dir), 0o700); err != nil {
		return s.unwritable(err)
	}
	if err := os.Mkdir(s.opts.Dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return s.unwritable(err)
	}
	d, err := openOwn(s.opts.Dir)
	if err != nil {
		return s.unwritable(err)
	}
	defer d.Close()
	if _, err := makePrivate(d); err != nil {
		return s.unwritable(err)
	}
	return nil
}

// lockPoll is how often a lock that another process holds is tried.
const lockPoll = 5 * time.Millisecond

// lock takes a lock file; if it has to wait, it calls waiting first. The
// operating system frees the lock when the process ends, however it ends.
func (s *Store) lock(ctx context.Context, name string, waiting func()) (unlock func(), err error) {
	path := filepath.Join(s.opts.Dir, name)
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, &FileError{Path: path, Reason: "it is not a regular file", Hint: "remove it and try again"}
	}
	l := flock.New(path, flock.SetPermissions(0o600), flock.SetFlag(os.O_RDWR|os.O_CREATE|noFollow))
	ok, err := l.TryLock()
	if err == nil && !ok {
		waiting()
		ok, err = l.TryLockContext(ctx, lockPoll)
	}
	if err != nil || !ok {
		l.Close()
		if ctx.Err() != nil {
			return nil, fmt.Errorf("another wxctl holds the credentials: %w", ctx.Err())
		}
		return nil, &FileError{Path: path, Reason: fmt.Sprintf("it can't be locked: %s", without(err)),
			Hint: "see who may write there, or use another store: --store", Err: err}
	}
	return func() { l.Close() }, nil
}

// replaceFile writes data to a file beside path and renames it, so that path
// has either the old or the new content after a crash. The caller holds the
// lock; a temporary file that a crash left behind is overwritten.
func replaceFile(path string, data []byte) (err error) {
	temp := path + newMark
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(temp)
		}
	}()
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := rename(temp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}
