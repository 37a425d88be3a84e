package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents/suite"
)

// throughLab sends the request by a phone of a lab: a run of one case, whose
// folder is temporary.
func (o *requestOptions) throughLab(ctx context.Context, cmd *cobra.Command, p plan) error {
	switch {
	case o.then != nil:
		return exit.Usagef("write a suite: auth login with code-only: true, then auth exchange; and wxctl run --lab",
			"a login alone can't be done in a lab: its code would leave the lab in the clear")
	case o.outputs.any():
		return exit.Usagef("write a suite with screenshot: always, or record: always", "pictures of a phone of a lab are kept by wxctl run")
	}
	v := suiteVocabulary(o.f)
	dir := o.f.Dir
	if dir == "" {
		var err error
		if dir, err = os.Getwd(); err != nil {
			return err
		}
	}
	step := o.stepOf(cmd, cmd.Flags().Args(), filepath.Join(dir, "request"), exit.OK, v)
	step.Expect = nil
	c := suite.Case{Name: caseName(cmd, cmd.Flags().Args()), On: suite.On{Any: !p.sel.All}, Steps: []suite.Step{step},
		TimeoutMs: o.f.global.timeout.Milliseconds(), Screenshot: suite.Never, Record: suite.Never}
	if p.after != device.AfterLeave {
		c.After = string(p.after)
	}
	run := &runOptions{f: o.f, phone: o.phone, lab: o.lab, vocabulary: v}
	phones, none, closeLab, err := run.openLab(ctx)
	if err != nil {
		return err
	}
	defer closeLab()
	if none != nil {
		return none
	}
	temporary, err := os.MkdirTemp("", "wxctl-request-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	id := newRunID(o.f.Now(), o.name)
	folder, err := createRunFolder(temporary, id, false)
	if err != nil {
		return err
	}
	defer folder.Close()
	r := &suiteRun{
		f: o.f, vocabulary: v, id: id, phones: phones, inLab: run.inLab, folder: folder, keep: folder.keep, fold: &suite.Fold{},
		plan:    &suite.Plan{Name: o.name, File: o.name, Dir: dir, Profile: o.f.global.profile, Cases: []suite.Case{c}},
		history: &durations{ms: map[string]int64{}}, writer: suite.NewWriter(folder.events, id, o.f.Now),
	}
	r.start = suite.Start{Suite: o.name, Version: o.f.Version, Plan: r.plan, PlanDigest: r.plan.Digest(), Phones: []suite.Phone{}}
	for _, phone := range phones {
		r.start.Phones = append(r.start.Phones, phone.fact())
	}
	done, err := r.run(ctx)
	if err != nil {
		return err
	}
	return o.printFromLab(ctx, done, p.sel.All)
}

// printFromLab prints the Outcomes of a run of one case, and returns its error.
func (o *requestOptions) printFromLab(ctx context.Context, run *suite.Run, several bool) error {
	var errs []error
	for _, one := range run.Results {
		last := one.Last()
		if last == nil {
			continue
		}
		var outcome *device.Outcome
		if err := json.Unmarshal(last.End.Outcome, &outcome); err != nil || outcome == nil || outcome.SchemaVersion == 0 {
			errs = append(errs, failureOf(ctx, &last.End))
			continue
		}
		d := &delivery{o: o, several: several}
		if err := d.print(&result{Outcome: outcome}); err != nil {
			return err
		}
		if e := outcome.Error; e != nil {
			errs = append(errs, &device.Error{Code: e.Code, Exit: e.ExitCode, Message: e.Message, Hint: e.Hint})
		}
	}
	if several && len(errs) > 0 && len(errs) < len(run.Results) {
		return &device.Error{Code: "some_failed", Exit: exit.SomeFailed,
			Message: fmt.Sprintf("%d of %d phones failed", len(errs), len(run.Results)),
			Err:     errors.Join(errs...)}
	}
	if len(errs) > 0 {
		return errs[0]
	}
	return nil
}

// failureOf is the error of a request without an Outcome.
func failureOf(ctx context.Context, e *suite.End) error {
	switch {
	case e.Status == suite.Unknown:
		return &device.Error{Code: device.PhoneLost, Message: e.Reason,
			Hint: "look at the phone before you repeat it: people may have seen it"}
	case e.Status == suite.Stopped && ctx.Err() != nil:
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return &device.Error{Code: device.NotSeen, Message: "no phone of the lab was free in time",
				Hint: "increase --timeout, or see wxctl lab ls"}
		}
		return context.Cause(ctx)
	}
	message, hint := e.Reason, ""
	if len(e.Problems) > 0 {
		message, hint = e.Problems[0].Message, e.Problems[0].Hint
	}
	return &device.Error{Code: device.Failed, Exit: max(e.ExitCode, 1), Message: message, Hint: hint}
}
