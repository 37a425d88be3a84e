package cmd

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/files"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents/suite"
)

// The files of a run folder.
const (
	eventsFile = "events.ndjson"
	planFile   = "plan.json"
	suiteFile  = "suite.yaml"
	lockFile   = "lock"
)

// runFolder is the folder of a run that this process writes.
type runFolder struct {
	dir    string
	events *os.File
	lock   *flock.Flock
}

// newRunID returns a unique id with the start time and the suite's name.
func newRunID(now time.Time, name string) string {
	var tag [2]byte
	rand.Read(tag[:]) // never fails
	return now.UTC().Format("2006-01-02T1504") + "-" + slug(name) + "-" + hex.EncodeToString(tag[:])
}

// slug converts text to a part of a file name for every system. If characters
// had to be replaced, a hash is appended.
func slug(text string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
			return r
		}
		return '-'
	}, text)
	clean = strings.Trim(clean, ".-")
	if len(clean) > 60 {
		clean = clean[:60]
	}
	if clean == text && clean != "" {
		return clean
	}
	sum := sha256.Sum256([]byte(text))
	return strings.TrimPrefix(clean+"-", "-") + hex.EncodeToString(sum[:3])
}

// createRunFolder creates the folder of a run: below out or, if there is only
// one run (alone) and out is empty or absent, out itself.
func createRunFolder(out, id string, alone bool) (*runFolder, error) {
	dir := filepath.Join(out, id)
	if alone {
		switch entries, err := os.ReadDir(out); {
		case errors.Is(err, os.ErrNotExist), err == nil && len(entries) == 0:
			dir = out
		}
	}
	dir, err := filepath.Abs(dir)
	if err == nil {
		err = os.MkdirAll(dir, 0o700) // pictures may show real contacts
	}
	if err != nil {
		return nil, exit.Usagef("name another folder with --out", "the run folder can't be made: %v", err)
	}
	return openRunFolder(dir, os.O_CREATE|os.O_EXCL)
}

// openRunFolder opens the events of a folder for appending, and locks out other
// processes.
func openRunFolder(dir string, how int) (*runFolder, error) {
	for _, name := range []string{lockFile, eventsFile} {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && files.Check(info.Mode()) != nil {
			return nil, files.Unreadable(filepath.Join(dir, name), files.Check(info.Mode()))
		}
	}
	notRun := func(err error) error {
		return exit.Usagef("give the folder that wxctl run printed", "%q is not a run folder: %v", dir, files.Reason(err))
	}
	if how&os.O_CREATE == 0 { // no lock file is left in a folder of something else
		if _, err := os.Stat(filepath.Join(dir, eventsFile)); err != nil {
			return nil, notRun(err)
		}
	}
	lock := flock.New(filepath.Join(dir, lockFile), flock.SetPermissions(0o600))
	if ok, err := lock.TryLock(); err != nil || !ok {
		return nil, &device.Error{Code: "run_busy", Exit: exit.Usage, Message: fmt.Sprintf("%q is being run by another wxctl", dir),
			Hint: "wait for it to end", Err: err}
	}
	events, err := os.OpenFile(filepath.Join(dir, eventsFile), os.O_RDWR|how, 0o600)
	if err != nil {
		return nil, errors.Join(notRun(err), lock.Unlock())
	}
	return &runFolder{dir: dir, events: events, lock: lock}, nil
}

// read folds the existing events, and removes an incomplete last line that a
// crash left, so that more can be appended. It returns the run, and the fold to
// continue with.
func (r *runFolder) read() (*suite.Run, *suite.Fold, error) {
	var before, fold suite.Fold
	whole, err := suite.ReadEvents(r.events, func(e suite.Event) error { return errors.Join(before.Add(e), fold.Add(e)) })
	if err != nil {
		return nil, nil, exit.Usagef("restore the file", "%q is damaged: %v", r.events.Name(), err)
	}
	run := before.Run()
	if run == nil {
		return nil, nil, exit.Usagef("run the suite again", "the run in %q was interrupted before it began", r.dir)
	}
	if err := r.events.Truncate(whole); err != nil {
		return nil, nil, err
	}
	_, err = r.events.Seek(0, io.SeekEnd)
	return run, &fold, err
}

// readRun folds the events of a folder without opening it for writing.
func readRun(dir string) (*suite.Run, error) {
	file, err := files.Open(filepath.Join(dir, eventsFile))
	if err != nil {
		return nil, exit.Usagef("give the folder that wxctl run printed", "%q is not a run folder: %v", dir, files.Reason(err))
	}
	defer file.Close()
	var fold suite.Fold
	if _, err := suite.ReadEvents(file, fold.Add); err != nil {
		return nil, exit.Usagef("restore the file", "%q is damaged: %v", file.Name(), err)
	}
	if fold.Run() == nil {
		return nil, exit.Usagef("run the suite again", "the run in %q was interrupted before it began", dir)
	}
	return fold.Run(), nil
}

// plan writes the plan for people; the events contain it, too.
func (r *runFolder) plan(p *suite.Plan) error {
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	expanded, err := p.YAML()
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(r.dir, planFile), append(text, '\n'), 0o600),
		os.WriteFile(filepath.Join(r.dir, suiteFile), expanded, 0o600))
}

// keep writes a file of an attempt and returns its entry for the events.
func (r *runFolder) keep(at suite.Place, kind, name, mime string, data []byte) (*suite.Artifact, error) {
	artifact := artifactOf(at, kind, name, mime, data)
	if artifact == nil {
		return nil, nil
	}
	full := filepath.Join(r.dir, filepath.FromSlash(artifact.Path))
	if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(full, data, 0o600); err != nil {
		return nil, err
	}
	return artifact, nil
}

// artifactOf is the entry of an attempt's file; nil if the file is empty.
func artifactOf(at suite.Place, kind, name, mime string, data []byte) *suite.Artifact {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil
	}
	sum := sha256.Sum256(data)
	return &suite.Artifact{Kind: kind, Path: path.Join("artifacts", slug(at.Case), slug(at.Phone), fmt.Sprint(at.Attempt), name), MIME: mime,
		SHA256: hex.EncodeToString(sum[:]), Size: int64(len(data))}
}

func (r *runFolder) Close() error { return errors.Join(r.events.Close(), r.lock.Unlock()) }
