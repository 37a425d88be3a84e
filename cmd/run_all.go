package cmd

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/wxctl/wxctl/cmd/internal/config"
	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/files"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents/suite"
)

// runAll runs suites one after another on the same phones, and writes the
// reports.
func (o *runOptions) runAll(ctx context.Context, runs []*suiteRun) error {
	phones, none, closePhones, err := o.openPhones(ctx)
	if err != nil {
		return err
	}
	defer closePhones()
	if o.page, err = o.startWeb(ctx); err != nil {
		return err
	}
	defer o.page.close()
	var dirs []string
	var results []*suite.Run
	for _, r := range runs {
		r.phones, r.noPhones, r.inLab = phones, none, o.inLab
		folder, err := createRunFolder(cmp.Or(o.out, "wxctl-runs"), r.id, len(runs) == 1 && o.out != "")
		if err != nil {
			return err
		}
		run, err := o.runOne(ctx, r, folder)
		if run != nil {
			dirs, results = append(dirs, folder.dir), append(results, run)
		}
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return o.conclude(ctx, dirs, results)
}

// goOn resumes a run.
func (o *runOptions) goOn(ctx context.Context) error {
	folder, err := openRunFolder(o.resume, 0)
	if err != nil {
		return err
	}
	before, fold, err := folder.read()
	if err != nil {
		return errors.Join(err, folder.Close())
	}
	r, err := o.prepare(before.Start.Plan, before.ID)
	if err != nil {
		return errors.Join(err, folder.Close())
	}
	if o.phone.device == "" {
		o.phone.device, o.devices.all = before.Start.Device, before.Start.Devices
	}
	r.before, r.fold = before, fold
	r.start.Resumed, r.start.RerunOf, r.start.Shard = true, before.Start.RerunOf, before.Start.Shard
	r.start.Device, r.start.Devices = o.phone.device, o.devices.several()
	o.had = before.Start.Phones
	phones, none, closePhones, err := o.openPhones(ctx)
	if err != nil {
		return errors.Join(err, folder.Close())
	}
	defer closePhones()
	if o.page, err = o.startWeb(ctx); err != nil {
		return errors.Join(err, folder.Close())
	}
	defer o.page.close()
	r.phones, r.noPhones, r.inLab = phones, none, o.inLab
	run, err := o.runOne(ctx, r, folder)
	if err != nil {
		return err
	}
	return o.conclude(ctx, []string{folder.dir}, []*suite.Run{run})
}

// runOne runs one suite into its folder.
func (o *runOptions) runOne(ctx context.Context, r *suiteRun, folder *runFolder) (*suite.Run, error) {
	defer folder.Close()
	r.folder, r.keep = folder, folder.keep
	r.start.Dir, r.start.PlanDigest = folder.dir, r.plan.Digest()
	r.start.Phones = []suite.Phone{}
	for _, p := range r.phones {
		r.start.Phones = append(r.start.Phones, p.fact())
	}
	if r.before == nil {
		if err := folder.plan(r.plan); err != nil {
			return nil, exit.Usagef("name another folder with --out", "the run folder can't be written: %v", err)
		}
	}
	r.writer = suite.NewWriter(folder.events, r.id, o.f.Now)
	for _, name := range r.plan.Secrets {
		r.writer.Hide(o.f.Getenv(name))
	}
	last, err := o.durationsOf(r.plan.Name)
	if err != nil {
		return nil, err
	}
	r.history = &durations{ms: last.MS}
	view := o.view(r)
	r.writer.Watch(view.event)
	if err := o.page.follow(r, folder); err != nil {
		return nil, err
	}
	run, err := r.run(ctx)
	view.close()
	if err == nil {
		last.MS = r.history.all()
		err = last.save()
	}
	return run, err
}

// conclude writes the reports and returns the run's error.
func (o *runOptions) conclude(ctx context.Context, dirs []string, results []*suite.Run) error {
	var runs []ranIn
	for i, dir := range dirs {
		o.f.Streams.Note("run folder: %s", safe(dir))
		runs = append(runs, ranIn{dir, results[i]})
	}
	if err := o.f.writeReports(o.kinds, runs); err != nil {
		return err
	}
	return verdictOf(ctx, runs)
}

// countsOf adds up the counts of runs.
func countsOf(runs []ranIn) suite.Counts {
	var counts suite.Counts
	for _, run := range runs {
		for _, r := range run.Results {
			counts.Add(r.Status, r.Flaky)
		}
	}
	return counts
}

// verdictOf is the error for the results of runs.
func verdictOf(ctx context.Context, runs []ranIn) error {
	counts := countsOf(runs)
	switch code := runVerdict(ctx, counts); code {
	case exit.OK:
		return nil
	case exit.FoundWrong:
		return &device.Error{Code: "cases_failed", Exit: code, Message: fmt.Sprintf("%d of %d failed", counts.Failed, counts.Total()),
			Hint: "wxctl run --rerun-failed " + suite.Quote(shortest(runs))}
	case exit.NotRun:
		return &device.Error{Code: "cases_not_run", Exit: code, Hint: "wxctl run --rerun-failed " + suite.Quote(shortest(runs)),
			Message: fmt.Sprintf("nothing failed, but of %d results %s", counts.Total(), missing(counts))}
	default:
		return context.Cause(ctx)
	}
}

// missing says how many results are inconclusive.
func missing(c suite.Counts) string {
	var all []string
	for _, s := range []suite.Status{suite.Errored, suite.Unknown, suite.Stopped} {
		if n := c.Of(s); n > 0 {
			all = append(all, fmt.Sprintf("%d are %s", n, s))
		}
	}
	return listed(all)
}

func listed(all []string) string {
	switch len(all) {
	case 0:
		return ""
	case 1:
		return all[0]
	}
	text := all[0]
	for _, more := range all[1 : len(all)-1] {
		text += ", " + more
	}
	return text + " and " + all[len(all)-1]
}

// shortest is the folder of the last run in which something did not pass, in
// the form that a person would type.
func shortest(runs []ranIn) string {
	dir := "DIR"
	for _, r := range runs {
		if r.Counts.Total() > r.Counts.Passed+r.Counts.Skipped {
			dir = r.dir
		}
	}
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, dir); err == nil && len(rel) < len(dir) {
			return rel
		}
	}
	return dir
}

// lastTook is a file that stores how long cases took, so that the longest start
// first the next time.
type lastTook struct {
	file string
	MS   map[string]int64 `json:"ms"`
}

// maxDurations limits the file, in bytes: more than all cases of a suite need.
const maxDurations = 16 << 20

func (o *runOptions) durationsOf(name string) (*lastTook, error) {
	dir, err := config.StateDir(o.f.Getenv)
	if err != nil {
		return nil, err
	}
	l := &lastTook{file: filepath.Join(dir, "durations", slug(name)+".json")}
	if text, err := files.Read(l.file, maxDurations); err == nil {
		_ = json.Unmarshal(text, l) // a damaged file only affects the order
	}
	if l.MS == nil {
		l.MS = map[string]int64{}
	}
	return l, nil
}

func (l *lastTook) save() error {
	text, err := json.Marshal(l)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(l.file), 0o700)
	}
	if err == nil {
		temporary := l.file + fmt.Sprintf(".%d", os.Getpid())
		if err = os.WriteFile(temporary, text, 0o600); err == nil {
			err = os.Rename(temporary, l.file)
		}
	}
	if err != nil {
		return &device.Error{Code: device.Failed, Message: fmt.Sprintf("the case times can't be saved: %v", err),
			Hint: "name another place with WXCTL_STATE_DIR"}
	}
	return nil
}
