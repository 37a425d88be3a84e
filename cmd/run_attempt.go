package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/streams"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/lab"
	"github.com/wxctl/wxctl/intents/suite"
)

// attempt is one try of a case on a phone.
type attempt struct {
	run   *suiteRun
	phone *runPhone
	claim lab.Claim
	c     *suite.Case
	place suite.Place
	end   suite.End

	captured map[string]string
	pictures [][]byte
	films    [][]byte
	log      bytes.Buffer
	several  bool // steps
	reported error
	refused  bool // a request was not allowed: it could not be recorded
}

// try runs the steps of a case and reports the result. An error means that the
// run can't be recorded any more.
func (a *attempt) try(ctx context.Context) error {
	a.captured = map[string]string{}
	a.several = len(a.c.Steps) > 1
	started := a.run.f.Now()
	a.end.Status = suite.Passed
	if reason := a.unfit(); reason != "" {
		a.end.Status, a.end.Reason = suite.Skipped, reason
	} else {
		for i := range a.c.Steps {
			if !a.step(ctx, i, &a.c.Steps[i]) {
				break
			}
		}
	}
	a.keepArtifacts(ctx)
	a.end.DurationMs = a.run.f.Now().Sub(started).Milliseconds()
	if !a.several {
		a.end.Steps = nil
	}
	if a.run.after != nil {
		if e := a.run.after(a.phone, &a.end); e != nil {
			a.report(ctx, *e)
		}
	}
	if a.reported != nil && a.run.owner == nil {
		return a.reported
	}
	if a.refused && !a.end.Sent && a.run.owner != nil {
		return a.claim.Return(ctx) // nothing was fired, so another worker may do it
	}
	result, err := json.Marshal(a.end)
	if err != nil {
		return err
	}
	return errors.Join(a.reported, a.claim.Done(ctx, a.run.writer.MaskedJSON(result)))
}

// unfit says why the case can't run on this phone.
func (a *attempt) unfit() string {
	for i := range a.c.Steps {
		s := &a.c.Steps[i]
		if says, _ := s.ExpectsExit(0); s.Do == "share images" && a.phone.info.Platform != device.Android && !says {
			return "share images is Android only"
		}
	}
	return ""
}

// fill replaces names by their values.
func (a *attempt) fill(text string) (string, error) {
	return suite.Fill(text, func(name string) (string, bool) {
		if v, ok := a.phone.value(name); ok {
			return v, true
		}
		if env, ok := strings.CutPrefix(name, "env."); ok {
			return a.run.getenv(env), true
		}
		v, ok := a.captured[name]
		return v, ok
	})
}

// step runs one step, and reports whether the next may follow.
func (a *attempt) step(ctx context.Context, i int, s *suite.Step) bool {
	end := suite.StepEnd{Do: s.Do, Status: suite.Passed}
	args, err := a.run.arguments(a.c, s, a.phone.info.ID, a.fill)
	if err != nil {
		a.end.Problems = append(a.end.Problems, a.problem(s.Pos, err.Error()))
		a.end.Status, a.end.ExitCode = suite.Failed, exit.Usage
		return false
	}
	on := a.watch(i)
	began := a.run.f.Now()
	answer, said := a.command(ctx, i, s, args, on)
	end.DurationMs = a.run.f.Now().Sub(began).Milliseconds()
	end.ExitCode, end.Message = answer.ExitCode, said.Message
	outcome := readOutcome(answer.JSON)
	a.run.hideSecrets(outcome)
	problems := s.Problems(ctx, a.run.plan.File, &answer, a.fill)
	if len(problems) == 0 {
		problems = append(problems, a.capture(s, &answer)...)
	}
	fmt.Fprintf(&a.log, "$ %s\n%s", a.run.writer.Masked(commandLine(args)), a.run.writer.Masked(said.log))
	end.Status = statusOf(s, answer.ExitCode, len(problems), outcome)
	if end.Status != suite.Passed && answer.ExitCode != 0 {
		if says, _ := s.ExpectsExit(answer.ExitCode); !says && (len(problems) == 0 || said.Message != "") {
			problems = append(problems, a.problem(s.Pos, fmt.Sprintf("the exit code is %d: %s", answer.ExitCode, said.Message)))
			problems[len(problems)-1].Hint = said.Hint
		}
	}
	end.Outcome = outcome.raw
	a.end.Sent = a.end.Sent || on.fired && (!on.outcome || outcome.State != "")
	a.end.Problems = append(a.end.Problems, problems...)
	a.end.ExitCode, a.end.Outcome, a.end.Status = answer.ExitCode, outcome.raw, end.Status
	if end.Status == suite.Errored || end.Status == suite.Unknown {
		a.end.Reason = said.Message
	}
	a.end.Steps = append(a.end.Steps, end)
	if end.Status != suite.Passed && on.fired && a.onFailure(a.c.Screenshot) {
		a.picture(ctx)
	}
	if answer.ExitCode == exit.PhoneLost || answer.ExitCode == exit.NoPhone || answer.ExitCode == exit.PhoneNotReady {
		a.phone.again(ctx, errors.New(said.Message))
	}
	return end.Status == suite.Passed
}

func (a *attempt) problem(at suite.Pos, message string) suite.Problem {
	return suite.Problem{File: a.run.plan.File, Line: at.Line, Column: at.Column, Message: message}
}

// capture keeps what later steps use.
func (a *attempt) capture(s *suite.Step, answer *suite.Answer) []suite.Problem {
	var problems []suite.Problem
	for _, c := range s.Capture {
		v, ok := answer.Value(c.From)
		if !ok || v == "***" {
			format := "%s can't be captured: %s is absent"
			if ok {
				format = "%s can't be captured: %s is hidden: add code-only: true to the flags"
			}
			problems = append(problems, a.problem(c.Pos, fmt.Sprintf(format, c.Name, c.From)))
			continue
		}
		a.captured[c.Name] = v
		if c.Secret {
			a.run.writer.Hide(v)
		}
	}
	return problems
}

// watch tells the run what a step does to the phone.
func (a *attempt) watch(i int) *onPhone {
	step := 0
	if a.several {
		step = i + 1
	}
	o := &onPhone{
		firing: func(ctx context.Context) error {
			err := a.claim.Firing(ctx)
			a.refused = a.refused || err != nil
			return err
		},
		seen: func(e device.Evidence) {
			a.report(context.Background(), suite.Event{Type: suite.EvidenceSeen, Place: &a.place, Evidence: &suite.Evidence{
				Step: step, AtMs: e.AtMs, What: device.Printable(e.What), Source: e.Source, Screen: string(e.Screen),
			}})
		},
	}
	if a.c.Screenshot == suite.Always || a.onFailure(a.c.Screenshot) && a.leaves() {
		o.picture = func(data []byte) { a.pictures = append(a.pictures, data) }
	}
	if a.c.Record == suite.Always || a.c.Record == suite.OnFailure {
		o.film = func(data []byte) { a.films = append(a.films, data) }
	}
	return o
}

// onFailure reports whether pictures of failures are kept, which is the
// default.
func (a *attempt) onFailure(w suite.When) bool { return w == suite.OnFailure || w == "" }

// leaves reports whether WeChat's screen is left after a request: then a
// picture must be taken before.
func (a *attempt) leaves() bool { return a.c.After != "" && a.c.After != string(device.AfterLeave) }

// pictureTime limits taking a picture of a failure.
const pictureTime = 15 * time.Second

// picture takes a screenshot after a step did not pass. If that fails, it does
// not change the result of the case.
func (a *attempt) picture(ctx context.Context) {
	if a.phone.open == nil || a.phone.lost() != nil || len(a.pictures) > 0 {
		return
	}
	viewer, ok := device.As[device.Viewer](a.phone.open)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, pictureTime)
	defer cancel()
	if data, err := viewer.Picture(ctx); err == nil {
		a.pictures = append(a.pictures, data)
	} else {
		fmt.Fprintf(&a.log, "no picture: %v\n", err)
	}
}

// report reports an event during the run.
func (a *attempt) report(ctx context.Context, e suite.Event) {
	text, err := json.Marshal(e)
	if err == nil {
		err = a.claim.Report(ctx, a.run.writer.MaskedJSON(text))
	}
	if err != nil && a.reported == nil {
		a.reported = err
	}
}

// keepArtifacts writes the files of the attempt.
func (a *attempt) keepArtifacts(ctx context.Context) {
	wanted := func(w suite.When, byDefault suite.When) bool {
		if w == "" {
			w = byDefault
		}
		return w == suite.Always || w == suite.OnFailure && a.end.Status != suite.Passed && a.end.Status != suite.Skipped
	}
	keep := func(kind, name, mime string, data []byte) {
		artifact, err := a.run.keep(a.place, kind, name, mime, data)
		if err != nil {
			a.run.f.Streams.Warn("%s", safe(fmt.Sprintf("%s of %q can't be written: %v", kind, a.c.Name, err)))
		} else if artifact != nil {
			a.report(ctx, suite.Event{Type: suite.ArtifactKept, Place: &a.place, Artifact: artifact})
		}
	}
	numbered := func(base, ext string, i, of int) string {
		if i == of-1 {
			return base + ext // with several pictures, the last one is the important one
		}
		return fmt.Sprintf("%s-%d%s", base, i+1, ext)
	}
	if wanted(a.c.Screenshot, suite.OnFailure) {
		for i, data := range a.pictures {
			keep("screenshot", numbered("screen", ".png", i, len(a.pictures)), http.DetectContentType(data), data)
		}
	}
	if wanted(a.c.Record, suite.Never) {
		for i, data := range a.films {
			mime, ext := "video/mp4", ".mp4"
			if bytes.HasPrefix(data, []byte("GIF8")) {
				mime, ext = "image/gif", ".gif"
			}
			keep("record", numbered("record", ext, i, len(a.films)), mime, data)
		}
	}
	if a.end.Status == suite.Passed {
		return // the events have everything that is known
	}
	keep("log", "log.txt", "text/plain", a.log.Bytes())
	keep("outcome", "outcome.json", "application/json", []byte(a.run.writer.Masked(string(a.end.Outcome))))
}

// outcome is the part of a command's JSON that a run uses.
type outcome struct {
	State string `json:"state"`
	Code  string `json:"code"`
	Reply *struct {
		Code string `json:"code"`
	} `json:"reply"`
	AccessToken  string `json:"accessToken"`
	DynamicToken string `json:"dynamicToken"`
	raw          json.RawMessage
}

// readOutcome reads the object that a command printed; anything else gives an
// empty outcome.
func readOutcome(text []byte) outcome {
	o := outcome{raw: json.RawMessage("null")}
	text = bytes.TrimSpace(text)
	if json.Valid(text) {
		_ = json.Unmarshal(text, &o) // values of other types are ignored
		o.raw = text
	}
	return o
}

// hideSecrets hides codes and tokens in everything that is written from now on.
func (r *suiteRun) hideSecrets(o outcome) {
	secrets := []string{o.Code, o.AccessToken, o.DynamicToken}
	if o.Reply != nil {
		secrets = append(secrets, o.Reply.Code)
	}
	for _, s := range secrets {
		if s != "***" {
			r.writer.Hide(s)
		}
	}
}

// erroring are the exit codes that don't depend on what is tested: the phone, a
// server or the lab failed.
var erroring = []int{
	exit.Failed, exit.Credentials, exit.NoPhone, exit.SeveralPhones, exit.PhoneNotReady, exit.WeChatMissing, exit.PhoneLost, exit.PhoneBusy,
}

// statusOf is the status of a step. An exit code other than 0 counts against it
// unless an expectation explains it, and holds.
func statusOf(s *suite.Step, code, problems int, o outcome) suite.Status {
	says, _ := s.ExpectsExit(code)
	explained := says || slices.ContainsFunc(s.Expect, func(e suite.Expectation) bool {
		first, _, _ := strings.Cut(e.Path, ".")
		return slices.Contains([]string{"error", "err", "reply", "status"}, first)
	})
	switch {
	case problems == 0 && (code == 0 || explained):
		return suite.Passed
	case o.State == device.Unknown.String():
		return suite.Unknown
	case slices.Contains(erroring, code):
		return suite.Errored
	case code == exit.Interrupted || code == exit.Terminated:
		return suite.Stopped
	}
	return suite.Failed
}

// arguments are the command line of a step, without the program's name.
func (r *suiteRun) arguments(c *suite.Case, s *suite.Step, phone string, fill func(string) (string, error)) ([]string, error) {
	command := r.vocabulary.Command(s.Do)
	args := append(strings.Fields(s.Do), "--json")
	for _, f := range r.settings(c, command, phone) {
		args = append(args, "--"+f.Name+"="+f.Value)
	}
	for _, f := range s.With {
		value, err := fill(f.Value)
		if err != nil {
			return nil, err
		}
		if slices.Contains(fileFlags, f.Name) {
			value = r.file(value)
		}
		args = append(args, "--"+f.Name+"="+value)
	}
	if len(s.Args) > 0 {
		args = append(args, "--")
	}
	for _, arg := range s.Args {
		value, err := fill(arg)
		if err != nil {
			return nil, err
		}
		if s.Do != "share text" {
			value = r.file(value)
		}
		args = append(args, value)
	}
	return args, nil
}

// settings are the flags that the run and the case set.
func (r *suiteRun) settings(c *suite.Case, command *suite.Command, phone string) []suite.Flag {
	var all []suite.Flag
	has := func(name string) bool {
		return slices.ContainsFunc(command.Flags, func(f suite.CommandFlag) bool { return f.Name == name })
	}
	if phone != "" && command.Phone {
		all = append(all, suite.Flag{Name: "device", Value: phone})
	}
	if r.plan.Profile != "" {
		all = append(all, suite.Flag{Name: "profile", Value: r.plan.Profile})
	}
	if c.TimeoutMs > 0 {
		all = append(all, suite.Flag{Name: "timeout", Value: (time.Duration(c.TimeoutMs) * time.Millisecond).String()})
	}
	if c.After != "" && has("after") {
		all = append(all, suite.Flag{Name: "after", Value: c.After})
	}
	return all
}

// said is what a command printed besides its answer.
type said struct {
	device.ErrorReport
	log string
}

// command runs a command line in this process, with the open phone.
func (r *suiteRun) command(ctx context.Context, args []string, phones PhoneOpener) (suite.Answer, said) {
	var out, log bytes.Buffer
	f := &Factory{
		Streams: &streams.Streams{In: strings.NewReader(""), Out: &out, Err: &log}, Getenv: r.f.Getenv, Started: r.f.Now(), Now: r.f.Now,
		HTTP: r.f.HTTP, OAuthTransport: r.f.OAuthTransport, Keyring: r.f.Keyring, Phones: phones, Version: r.f.Version, Dir: r.plan.Dir,
		ended: func() error { return nil },
	}
	f.configOnce.Do(func() { f.config, f.configErr = r.f.Config() })
	code := Run(ctx, f, args)
	answer := suite.Answer{ExitCode: code, JSON: bytes.TrimSpace(out.Bytes())}
	var report struct {
		Error device.ErrorReport `json:"error"`
	}
	_ = json.Unmarshal(answer.JSON, &report) // there may be no JSON
	return answer, said{report.Error, log.String()}
}

// commandLine is a command that can be pasted into a shell.
func commandLine(args []string) string {
	words := []string{"wxctl"}
	for _, a := range args {
		if a != "--json" {
			words = append(words, suite.Quote(a))
		}
	}
	return strings.Join(words, " ")
}

// lines are the command lines of a case on a phone, for people. Values that are
// captured later are shown by their names.
func (r *suiteRun) lines(c *suite.Case, phone *runPhone) []string {
	var lines []string
	for i := range c.Steps {
		args, err := r.arguments(c, &c.Steps[i], phone.info.ID, func(text string) (string, error) {
			return suite.Fill(text, func(name string) (string, bool) {
				if v, ok := phone.value(name); ok {
					return v, true
				}
				return "${" + name + "}", true
			})
		})
		if err == nil {
			lines = append(lines, commandLine(args))
		}
	}
	return lines
}

// durations are the times that cases took in the last run.
type durations struct {
	mu sync.Mutex
	ms map[string]int64
}

func (d *durations) took(name string, ms int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ms[name] = ms
}

func (d *durations) all() map[string]int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.ms)
}
