package cmd

import (
	"context"
	"fmt"
	"slices"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/output"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents/suite"
)

// dryResult is the result of --dry-run for a case on a platform.
type dryResult struct {
	Suite    string          `json:"suite"`
	Case     string          `json:"case"`
	Platform device.Platform `json:"platform"`
	Status   suite.Status    `json:"status"`
	Commands []string        `json:"commands"`
	Problems []suite.Problem `json:"problems"`
}

// preview runs the dry run of every command of every case, for each platform
// that the case can run on.
func (o *runOptions) preview(ctx context.Context, runs []*suiteRun) error {
	p := o.f.Printer()
	counts := suite.Counts{}
	for _, r := range runs {
		for i := range r.plan.Cases {
			c := &r.plan.Cases[i]
			for _, on := range platformsOf(c, o.phone.platform) {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				result := r.previewCase(ctx, c, on)
				counts.Add(result.Status, false)
				if err := o.printDry(p, result); err != nil {
					return err
				}
			}
		}
	}
	if p.JSON() {
		if err := p.Line(struct {
			Type          string       `json:"type"`
			SchemaVersion int          `json:"schemaVersion"`
			Counts        suite.Counts `json:"counts"`
		}{"summary", output.SchemaVersion, counts}); err != nil {
			return err
		}
	}
	if counts.Failed > 0 {
		return &device.Error{Code: "cases_failed", Exit: exit.FoundWrong, Message: fmt.Sprintf("%d of %d would be refused", counts.Failed,
			counts.Total()), Hint: "fix the errors above"}
	}
	o.f.Streams.Note("%d checked, with no phone", counts.Total())
	return nil
}

func (o *runOptions) printDry(p *output.Printer, r dryResult) error {
	if p.JSON() {
		return p.Line(r)
	}
	if err := o.f.Streams.Println(o.f.Streams.Sprintf("%-7s  %s  on %s", r.Status, safe(r.Case), r.Platform)); err != nil {
		return err
	}
	for _, problem := range r.Problems {
		o.f.Streams.Say("  " + safe(problem.String()))
		if problem.Hint != "" {
			o.f.Streams.Say("  " + o.f.Streams.Label("hint:") + safe(o.f.Streams.Translate(problem.Hint)))
		}
	}
	return nil
}

// previewCase dry-runs the steps of a case that send something.
func (r *suiteRun) previewCase(ctx context.Context, c *suite.Case, on device.Platform) dryResult {
	result := dryResult{Suite: r.plan.Name, Case: c.Name, Platform: on, Status: suite.Skipped, Commands: []string{},
		Problems: []suite.Problem{}}
	a := &attempt{run: r, phone: &runPhone{info: device.Info{Platform: on}}, c: c}
	if reason := a.unfit(); reason != "" {
		result.Problems = append(result.Problems, a.problem(c.Pos, reason))
		return result
	}
	for i := range c.Steps {
		s := &c.Steps[i]
		command := r.vocabulary.Command(s.Do)
		if !slices.ContainsFunc(command.Flags, func(f suite.CommandFlag) bool { return f.Name == "dry-run" }) {
			continue
		}
		fill := func(text string) (string, error) {
			return suite.Fill(text, func(string) (string, bool) { return "x", true }) // only known when it runs
		}
		args, err := r.arguments(c, s, "", fill)
		if err != nil {
			result.Problems = append(result.Problems, a.problem(s.Pos, err.Error()))
			continue
		}
		args = slices.Insert(args, len(args)-len(s.Args)-min(len(s.Args), 1), "--dry-run", "--platform="+string(on))
		answer, said := r.command(ctx, args, nil)
		result.Commands = append(result.Commands, commandLine(args))
		if result.Status == suite.Skipped {
			result.Status = suite.Passed
		}
		message := said.Message
		if answer.ExitCode == 0 && onlyRefused(s) {
			message = "it would be sent, but is expected to be refused"
		}
		if says, holds := s.ExpectsExit(answer.ExitCode); message != "" && (!says || !holds) {
			result.Status = suite.Failed
			problem := a.problem(s.Pos, fmt.Sprintf("%s on %s: %s", s.Do, on, message))
			problem.Hint = said.Hint
			result.Problems = append(result.Problems, problem)
		}
	}
	return result
}

// onlyRefused reports whether the step expects to be refused before it is sent.
func onlyRefused(s *suite.Step) bool {
	_, sent := s.ExpectsExit(0)
	says, refused := s.ExpectsExit(exit.RefusedBefore)
	return says && refused && !sent
}
