package credentials

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/wxctl/wxctl/oauth"
)

// Processes that refresh at the same time share one refresh: until no further
// process joins for crowdGap, and for crowdWindow at most. gathering is how
// long the first one waits for others to join: a process starts in a few
// milliseconds, which is less than a round trip to WeChat.
const (
	gathering   = 30 * time.Millisecond
	crowdGap    = time.Second
	crowdWindow = 10 * time.Second
)

// Refresh renews a user's token: under a lock, it reads the token, calls fetch
// to renew it, and stores the result. used is the token that the caller read
// before.
//
// If another process has renewed the token since this one began, its result is
// returned instead, and shared is true. The same applies to processes that are
// started together, of which the last may begin when the first is already done:
// those that follow closely share the refresh. If refused is set, the server
// has rejected used, and used is never returned again. A renewed token that
// can't be stored is returned together with the error.
func (s *Store) Refresh(
	ctx context.Context, a Account, used oauth.Token, refused bool,
	fetch func(context.Context, oauth.Token) (oauth.Token, error),
) (token oauth.Token, shared bool, err error) {
	if s.opts.Backend == None {
		return oauth.Token{}, false, ErrNoStore
	}
	if err := s.makeDir(); err != nil {
		return oauth.Token{}, false, err
	}
	k := key{profile: a.Profile, appID: a.AppID, openID: used.OpenID}
	sum := sha256.Sum256([]byte(k.item()))
	name := "refresh-" + hex.EncodeToString(sum[:8]) + ".lock"
	meeting := filepath.Join(s.opts.Dir, name)
	if err := touch(meeting); err != nil {
		return oauth.Token{}, false, err
	}
	began := time.Now()
	unlock, err := s.lock(ctx, name, func() { markCrowd(meeting) })
	if err != nil {
		return oauth.Token{}, false, err
	}
	defer unlock()
	r, _, err := s.record(ctx, k)
	if err != nil {
		return oauth.Token{}, false, err
	}
	current := r.token(used.OpenID)
	if !r.ObtainedAt.Equal(used.ObtainedAt) {
		markCrowd(meeting)
		return current, true, nil
	}
	if !refused && (s.simultaneous(r) || crowded(meeting, r)) {
		markCrowd(meeting)
		return current, true, nil
	}
	if !refused {
		select {
		case <-time.After(gathering):
		case <-ctx.Done():
			return oauth.Token{}, false, ctx.Err()
		}
	}
	fresh, err := fetch(ctx, current)
	if err != nil {
		return oauth.Token{}, false, err
	}
	r = newRecord(fresh)
	r.RefreshBegan = began.UTC()
	if _, err := s.setRecord(ctx, k, r); err != nil {
		return fresh, false, fmt.Errorf("the token was renewed, but can't be stored: %w", err)
	}
	return fresh, false, nil
}

// simultaneous reports whether the stored token comes from a refresh that was
// still running when this process began.
func (s *Store) simultaneous(r record) bool {
	return !r.RefreshBegan.IsZero() && !s.opts.Started.IsZero() && r.ObtainedAt.After(s.opts.Started)
}

// The lock file's modification time is when a process last had to wait for the
// lock or shared the result.

// touch creates the lock file with the modification time of one that nobody has
// waited for.
func touch(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	return os.Chtimes(path, time.Unix(0, 0), time.Unix(0, 0))
}

func markCrowd(path string) {
	now := time.Now()
	_ = os.Chtimes(path, now, now) // on failure, one more request is made
}

// crowded reports whether the stored token comes from a shared refresh that
// processes are still joining.
func crowded(path string, r record) bool {
	info, err := os.Stat(path)
	if err != nil || r.RefreshBegan.IsZero() {
		return false
	}
	age, gap := time.Since(r.ObtainedAt), time.Since(info.ModTime())
	return age >= 0 && age < crowdWindow && gap >= 0 && gap < crowdGap && !info.ModTime().Before(r.RefreshBegan)
}
