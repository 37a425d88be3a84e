package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wxctl/wxctl/cmd/internal/config"
	"github.com/wxctl/wxctl/device/lab/natslab"
	"github.com/wxctl/wxctl/intents/suite"
)

// runOwner is the connection to the owner of a run whose phones are driven
// here.
type runOwner struct {
	agent *lender
	run   string
	files map[string]string // from the suite's names of files to their paths here
	env   sync.Map          // secrets of the suite, by name
}

// agentRuns are the runs whose jobs this agent has.
type agentRuns struct {
	agent *lender
	dir   string

	mu   sync.Mutex
	runs map[string]*keptRun // by id and key: a resumed run has another key
}

// keptRun is a run that is kept for its next job.
type keptRun struct {
	*suiteRun               // nil while it is fetched
	ready     chan struct{} // closed when it is there, or err says why not
	err       error
	busy      int // jobs that use it
	used      time.Time
}

// keepRuns is how long a run is kept after its last job has ended. After that it
// is fetched again.
const keepRuns = time.Hour

func newAgentRuns(a *lender) (*agentRuns, error) {
	dir, err := os.MkdirTemp("", "wxctl-agent-*")
	return &agentRuns{agent: a, dir: dir, runs: map[string]*keptRun{}}, err
}

func (r *agentRuns) close() { _ = os.RemoveAll(r.dir) } // the system cleans up, too

// of is the run of that id, fetched once. It is kept until done is called, and
// for some time after that.
func (r *agentRuns) of(ctx context.Context, id string) (run *suiteRun, done func(), err error) {
	info, ok := r.agent.source.Run(id)
	if !ok {
		return nil, nil, fmt.Errorf("the lab knows no run %q", id)
	}
	name := id + string(info.Key)
	r.mu.Lock()
	kept := r.runs[name]
	mine := kept == nil
	if mine {
		kept = &keptRun{ready: make(chan struct{})}
		r.runs[name] = kept
	}
	kept.busy++
	done = func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		kept.busy--
		kept.used = time.Now()
	}
	r.forget()
	r.mu.Unlock()
	if mine {
		r.bring(ctx, name, &info, kept)
	}
	select {
	case <-kept.ready:
		err = kept.err
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		done()
		return nil, nil, err
	}
	return kept.suiteRun, done, nil
}

// bring fetches a run for all who wait for it. What failed is tried again by the
// next who asks.
func (r *agentRuns) bring(ctx context.Context, name string, info *natslab.Run, kept *keptRun) {
	run, err := r.fetch(context.WithoutCancel(ctx), info) // each file has its time
	r.mu.Lock()
	defer r.mu.Unlock()
	kept.suiteRun, kept.err = run, err
	if err != nil {
		delete(r.runs, name)
	}
	close(kept.ready)
}

// forget drops the runs that had no job for a long time, and the files that
// only they use. r.mu is held.
func (r *agentRuns) forget() {
	wanted := map[string]bool{}
	var left []*keptRun
	for _, kept := range r.runs {
		if kept.suiteRun == nil {
			return // its files are not known yet
		}
	}
	for name, kept := range r.runs {
		if kept.busy == 0 && time.Since(kept.used) > keepRuns {
			delete(r.runs, name)
			left = append(left, kept)
			continue
		}
		wanted[kept.plan.Dir] = true
		for _, file := range kept.owner.files {
			wanted[file] = true
		}
	}
	for _, kept := range left {
		for _, path := range append(slices.Collect(maps.Values(kept.owner.files)), kept.plan.Dir) {
			if !wanted[path] {
				_ = os.RemoveAll(path) // whatever is left is removed when the agent ends
			}
		}
	}
}

// discard ignores the events that only the owner writes.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) Sync() error                 { return nil }

func (r *agentRuns) fetch(ctx context.Context, info *natslab.Run) (*suiteRun, error) {
	a := r.agent
	var work labWork
	if err := json.Unmarshal(info.Work, &work); err != nil {
		return nil, err
	}
	text, err := a.lab.File(ctx, work.Plan)
	if err != nil {
		return nil, err
	}
	plan := &suite.Plan{}
	if err := json.Unmarshal(text, plan); err != nil {
		return nil, err
	}
	owner := &runOwner{agent: a, run: info.ID, files: map[string]string{}}
	plan.Dir = filepath.Join(r.dir, slug(info.ID))
	if err := os.MkdirAll(plan.Dir, 0o700); err != nil {
		return nil, err
	}
	for name, file := range work.Files {
		if owner.files[name], err = r.file(ctx, file, name); err != nil {
			return nil, err
		}
	}
	f, err := r.factory(plan.Profile, work.Settings)
	if err != nil {
		return nil, err
	}
	return &suiteRun{
		f: f, vocabulary: suiteVocabulary(f), plan: plan, id: info.ID, owner: owner, writer: suite.NewWriter(discard{}, info.ID, a.f.Now),
		after: a.ended,
		keep: func(at suite.Place, kind, name, mime string, data []byte) (*suite.Artifact, error) {
			return a.put(info.ID, at, kind, name, mime, data)
		},
	}, nil
}

// file fetches a file of a suite into this process's folder, named by its
// content.
func (r *agentRuns) file(ctx context.Context, file, name string) (string, error) {
	dir := filepath.Join(r.dir, filepath.FromSlash(file)) // files/ and its hash
	if !filepath.IsLocal(filepath.FromSlash(file)) {
		return "", fmt.Errorf("%q is not the name of a file of a lab", file)
	}
	full := filepath.Join(dir, slug(filepath.Base(filepath.FromSlash(strings.ReplaceAll(name, `\`, "/")))))
	if _, err := os.Stat(full); err == nil {
		return full, nil
	}
	data, err := r.agent.lab.File(ctx, file)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	return full, writeWhole(full, data)
}

// writeWhole writes a file that is there as a whole or not at all: runs that are
// fetched at the same time may share it, and a disk may be full.
func writeWhole(full string, data []byte) error {
	part, err := os.CreateTemp(filepath.Dir(full), ".part-*")
	if err != nil {
		return err
	}
	_, err = part.Write(data)
	if err = errors.Join(err, part.Close()); err == nil {
		err = os.Rename(part.Name(), full)
	}
	if err != nil {
		_ = os.Remove(part.Name()) // the error is reported
	}
	return err
}

// factory returns the Factory for the commands of a run: with the settings of
// the run's owner, not of this host.
func (r *agentRuns) factory(profile string, settings map[string]string) (*Factory, error) {
	a := r.agent
	p := &config.Profile{}
	hidden := map[string]bool{"WXCTL_PROFILE": true}
	for _, key := range config.Keys() {
		hidden[key.Env] = key.Env != ""
		if v := settings[key.Name]; v != "" {
			if err := key.Check(v); err != nil {
				return nil, err
			}
			key.Put(p, v)
		}
	}
	if profile == "" {
		profile = config.DefaultProfile
	}
	f := &Factory{
		Streams: a.f.Streams, Now: a.f.Now, Started: a.f.Started, HTTP: a.f.HTTP, OAuthTransport: a.f.OAuthTransport, Keyring: a.f.Keyring,
		Phones: a.f.Phones, Version: a.f.Version, ended: func() error { return nil },
		Getenv: func(name string) string {
			if hidden[name] {
				return ""
			}
			return a.f.Getenv(name)
		},
	}
	f.global.stateDir = a.f.global.stateDir
	f.configOnce.Do(func() {
		f.config = &config.Config{Path: "the settings of the run", File: config.File{Profiles: map[string]*config.Profile{profile: p}}}
	})
	return f, nil
}

// file is the path of a file on this host. A run of a lab reads only files that
// its owner uploaded: any other path is searched for in the run's own folder,
// where it does not exist.
func (r *suiteRun) file(name string) string {
	if r.owner == nil {
		return name
	}
	if here := r.owner.files[name]; here != "" {
		return here
	}
	if filepath.IsLocal(filepath.FromSlash(name)) || name == "-" {
		return name // inside the run's folder, or not a file's name
	}
	return filepath.Join(r.plan.Dir, slug(filepath.Base(filepath.FromSlash(name))))
}

// getenv is a variable of the suite's secrets.
func (r *suiteRun) getenv(name string) string {
	if r.owner == nil {
		return r.f.Getenv(name)
	}
	if v, ok := r.owner.env.Load(name); ok {
		return v.(string)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	answer, err := r.owner.agent.ask(ctx, r.owner.run, ownerAsk{Env: name})
	if err != nil {
		return "" // the command reports what is missing
	}
	r.writer.Hide(answer.Value)
	r.owner.env.Store(name, answer.Value)
	return answer.Value
}

// ownerTime limits a step that the owner of a run executes.
const ownerTime = 2 * time.Minute

// command runs a step: here, or at the owner, who has the run's secrets, if it
// touches no phone.
func (a *attempt) command(ctx context.Context, i int, s *suite.Step, args []string, on *onPhone) (suite.Answer, said) {
	r := a.run
	if r.owner == nil || r.vocabulary.Command(s.Do).Phone {
		return r.command(ctx, args, a.phone.opener(on))
	}
	ctx, cancel := context.WithTimeout(ctx, ownerTime)
	defer cancel()
	values := map[string]string{}
	for name, v := range a.captured {
		values[name] = v
	}
	for _, name := range suite.DeviceNames() {
		values[name], _ = a.phone.value(name)
	}
	answer, err := r.owner.agent.ask(ctx, r.owner.run, ownerAsk{Case: a.c.Name, Step: i, Phone: a.phone.info.ID, Values: values})
	if err != nil {
		report := describe(err)
		return suite.Answer{ExitCode: report.ExitCode}, said{ErrorReport: report}
	}
	return suite.Answer{ExitCode: answer.ExitCode, JSON: answer.JSON}, said{answer.Report, answer.Log}
}
