package device

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// Holder says who drives a phone.
type Holder struct {
	PID     int       `json:"pid"`
	Command string    `json:"command"` // "wxctl share text": words of the command, never its values
	Since   time.Time `json:"since"`
}

// Lock is the right to drive one phone, held until Unlock or until the process
// ends, however it ends.
type Lock struct {
	flock *flock.Flock
	note  string // path of the holder's note
}

// LockPhone takes the lock of a phone in dir, or fails with PhoneBusy, which
// names the holder. It never waits. command says what is done, without values
// that might be secret.
//
// The lock is the operating system's, on a file that stays; who holds it
// stands in a note beside it, since on Windows a locked file can't be read.
func LockPhone(dir string, phone Info, command string) (*Lock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, Errorf(Failed, "the lock directory can't be made: %w", err).
			WithHint("name another place with WXCTL_STATE_DIR")
	}
	sum := sha256.Sum256([]byte(phone.LockKey()))
	base := filepath.Join(dir, hex.EncodeToString(sum[:8]))
	l := &Lock{flock: flock.New(base+".lock", flock.SetPermissions(0o600)), note: base + ".json"}
	ok, err := l.flock.TryLock()
	if err != nil {
		return nil, Errorf(Failed, "phone %s can't be locked: %w", phone.Label(), err).
			WithHint("name another place for locks with WXCTL_STATE_DIR")
	}
	if !ok {
		return nil, busy(phone, l.note)
	}
	note, err := json.Marshal(Holder{PID: os.Getpid(), Command: command, Since: time.Now().UTC().Truncate(time.Second)})
	if err == nil {
		err = os.WriteFile(l.note, note, 0o600)
	}
	if err != nil {
		return nil, errors.Join(Errorf(Failed, "phone %s can't be locked: %w", phone.Label(), err), l.flock.Unlock())
	}
	return l, nil
}

// Unlock gives the phone back. It does nothing the second time.
func (l *Lock) Unlock() error {
	if !l.flock.Locked() {
		return nil
	}
	// The note goes first: without it a stranger would read ours while
	// somebody else already holds the lock.
	noteErr := os.Remove(l.note)
	if errors.Is(noteErr, os.ErrNotExist) {
		noteErr = nil
	}
	return errors.Join(noteErr, l.flock.Unlock())
}

func busy(phone Info, note string) error {
	e := Errorf(PhoneBusy, "phone %s is busy: another wxctl drives it", phone.Label()).
		WithHint("wait for it to end, or choose another phone with --device")
	data, err := os.ReadFile(note)
	var h Holder
	if err != nil || json.Unmarshal(data, &h) != nil || h.PID == 0 {
		return e
	}
	e.Message = fmt.Sprintf("phone %s is busy: %q (process %d) drives it since %s",
		phone.Label(), h.Command, h.PID, h.Since.Format(time.RFC3339))
	e.Hint = fmt.Sprintf("wait for process %d to end, or choose another phone with --device", h.PID)
	return e
}
