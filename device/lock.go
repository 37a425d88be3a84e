package device

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// Holder says who drives a phone.
type Holder struct {
	PID     int       `json:"pid"`
	Command string    `json:"command"` // "wxctl share text": the command without its arguments
	Since   time.Time `json:"since"`
}

// Lock is the right to drive one phone, held until Unlock or until the process
// ends, even if it crashes.
type Lock struct{ file *flock.Flock }

// lockPhone takes the lock of a phone in dir, or fails with PhoneBusy, which
// names the holder. It never waits. command says what is done, without values
// that might be secret.
//
// The lock is the operating system's, on a file that stays. The holder is noted
// in the file, after the first byte: on Windows a locked range can't be read,
// and only the first byte is locked. In a directory that several users may
// write to, each of them can take the lock.
func lockPhone(dir string, phone Info, command string) (*Lock, error) {
	perm, err := makeLockDir(dir)
	if err != nil {
		return nil, Errorf(Failed, "the lock directory can't be made: %w", err).
			WithHint("name another place with --state-dir or WXCTL_STATE_DIR")
	}
	sum := sha256.Sum256([]byte(phone.LockKey()))
	path := filepath.Join(dir, hex.EncodeToString(sum[:8])+".lock")
	l := &Lock{}
	if l.file, err = LockFile(path, perm); err != nil {
		return nil, unlockable(phone, err)
	}
	switch ok, err := l.file.TryLock(); {
	case err != nil:
		return nil, unlockable(phone, err)
	case !ok:
		return nil, busy(phone, path)
	}
	note, err := json.Marshal(Holder{PID: os.Getpid(), Command: command, Since: time.Now().UTC().Truncate(time.Second)})
	if err == nil {
		err = writeNote(path, note)
	}
	if err != nil {
		return nil, errors.Join(unlockable(phone, err), l.file.Unlock())
	}
	return l, nil
}

func unlockable(phone Info, err error) error {
	return Errorf(Failed, "phone %s can't be locked: %w", phone.Label(), err).
		WithHint("name another place for locks with --state-dir or WXCTL_STATE_DIR")
}

// makeLockDir creates the directory for locks and returns the permissions for
// files in it. If the parent directory is shared by several users, the
// directory is shared as well.
func makeLockDir(dir string) (fs.FileMode, error) {
	const group, others = 0o020, 0o002
	own := fs.FileMode(0o700)
	if around, err := os.Stat(filepath.Dir(dir)); err == nil && around.Mode()&(group|others) != 0 {
		own = around.Mode() & (0o777 | fs.ModeSticky | fs.ModeSetgid)
	}
	switch err := os.Mkdir(dir, own.Perm()); {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return 0, err
		}
	case err == nil && own != 0o700:
		if err := os.Chmod(dir, own); err != nil { // independent of the umask
			return 0, err
		}
	case err != nil && !errors.Is(err, fs.ErrExist):
		return 0, err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return 0, err
	}
	perm := fs.FileMode(0o600)
	if info.Mode()&group != 0 {
		perm |= 0o060
	}
	if info.Mode()&others != 0 {
		perm |= 0o006
	}
	return perm, nil
}

// LockFile returns the lock on a regular file, which is created with exactly
// these permissions if it does not exist. It opens nothing else: no named pipe,
// where open would block, and no symbolic link.
func LockFile(path string, perm fs.FileMode) (*flock.Flock, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
		switch {
		case err == nil:
			if err := errors.Join(f.Chmod(perm), f.Close()); err != nil { // independent of the umask
				return nil, err
			}
		case !errors.Is(err, fs.ErrExist): // otherwise another process created it just now
			return nil, err
		}
		info, err = os.Lstat(path)
		if err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%q is not a regular file; remove it", path)
	}
	// Without O_CREATE: in a sticky directory, Linux refuses O_CREATE on
	// another user's file (fs.protected_regular).
	return flock.New(path, flock.SetFlag(os.O_RDWR|noFollow)), nil
}

// noteAt is where the note begins, after the byte that Windows locks.
const noteAt = 1

func writeNote(path string, note []byte) error {
	f, err := os.OpenFile(path, os.O_RDWR|noFollow, 0)
	if err != nil {
		return err
	}
	err = f.Truncate(noteAt)
	if err == nil && len(note) > 0 {
		_, err = f.WriteAt(note, noteAt)
	}
	return errors.Join(err, f.Close())
}

// Unlock releases the phone. Further calls do nothing.
func (l *Lock) Unlock() error {
	if !l.file.Locked() {
		return nil
	}
	// The note is removed first: otherwise others could read ours while another
	// process already holds the lock.
	return errors.Join(writeNote(l.file.Path(), nil), l.file.Unlock())
}

// mostNote limits how many bytes of a note are read.
const mostNote = 4096

func busy(phone Info, path string) error {
	e := Errorf(PhoneBusy, "phone %s is busy: another wxctl is using it", phone.Label()).
		WithHint("wait for it to end, or choose another phone with --device")
	f, err := os.OpenFile(path, os.O_RDONLY|noFollow, 0)
	if err != nil {
		return e
	}
	defer f.Close()
	var h Holder
	note, err := io.ReadAll(io.NewSectionReader(f, noteAt, mostNote))
	if err != nil || json.Unmarshal(note, &h) != nil || h.PID == 0 {
		return e
	}
	e.Message = fmt.Sprintf("phone %s is busy: %q (process %d) has been using it since %s",
		phone.Label(), h.Command, h.PID, h.Since.Format(time.RFC3339))
	e.Hint = fmt.Sprintf("wait for process %d to end, or choose another phone with --device", h.PID)
	return e
}
