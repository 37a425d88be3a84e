package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/files"
	"github.com/wxctl/wxctl/cmd/internal/output"
	"github.com/wxctl/wxctl/cmd/internal/samples"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents/suite"
)

type runOptions struct {
	f     *Factory
	phone phoneFlags
	// devices are the selectors, if there is more than one.
	devices  selectors
	lab      labAccess
	priority int
	inLab    *labRun       // of the current run, after its phones were looked up
	had      []suite.Phone // of the run that is resumed
	files    []string

	tags, caseGlob, shard string
	maxFailures           int
	deadline              time.Duration
	rerunFailed, resume   string
	dryRun, list          bool
	schema, example       bool
	out, web              string
	reports               []string

	vocabulary *suite.Vocabulary
	wanted     func(*suite.Case) bool
	kinds      []reportTo
	page       *webView // nil without --web
}

var runCodes = []int{exit.Credentials, exit.FoundWrong, exit.NoPhone, exit.SeveralPhones, exit.NotRun, exit.Interrupted, exit.Terminated}

// NewCmdRun makes `wxctl run`.
func NewCmdRun(f *Factory, runF func(context.Context, *runOptions) error) *cobra.Command {
	opts := &runOptions{f: f}
	cmd := &cobra.Command{
		Use:   "run SUITE…",
		Short: "Run suites of cases on every phone",
		Long: long(`Run the cases of a suite on the chosen phones, one case at a time on each, and
keep the results in a run folder, which reports are made from. Repeat --device
for more phones.

A case is a command of wxctl with its flags, and what its JSON must hold. The
format: docs/suites.md.

A case failed if something was not as expected. It is errored if the phone, a
server or the lab failed, and unknown if a request was sent and its result was
not seen. A request that people may have seen is never sent again, unless the
suite sets after-sent: true.`, runCodes...),
		Example: examples(`wxctl run smoke.yaml --device virtual:android
wxctl run smoke.yaml --device "virtual:android?count=3" --tags "share and not login"
wxctl run --example`),
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			opts.files = args
			if err := opts.check(c); err != nil {
				return err
			}
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return runRun(c.Context(), opts)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	opts.phone.add(f, cmd)
	opts.lab.add(cmd)
	opts.devices.replace(cmd, &opts.phone.device)
	flags := cmd.Flags()
	flags.IntVar(&opts.priority, "priority", 0, "`number` of the run in a lab: phones serve higher ones first")
	flags.StringVar(&opts.tags, "tags", "", "only cases whose tags fit an `expression`, such as \"smoke and not slow\"")
	flags.StringVar(&opts.caseGlob, "case", "", "only cases whose name fits a `glob`")
	flags.StringVar(&opts.shard, "shard", "", "only part `i/n` of the cases: one part each on several machines")
	flags.IntVar(&opts.maxFailures, "max-failures", 0, "start no more cases after this `number` has failed")
	flags.DurationVar(&opts.deadline, "deadline", 0, "start no more cases after this time")
	flags.StringVar(&opts.rerunFailed, "rerun-failed", "",
		"only cases that did not pass in the run in this `folder`")
	flags.StringVar(&opts.resume, "resume", "", "continue the run in this `folder`; takes no SUITE")
	flags.BoolVar(&opts.dryRun, "dry-run", false, "check every command for Android and iOS; touch no phone")
	flags.BoolVar(&opts.list, "list", false, "list the cases; run none")
	flags.BoolVar(&opts.schema, "schema", false, "print the JSON Schema of suites, for editors")
	flags.BoolVar(&opts.example, "example", false, "print an example suite")
	flags.StringVar(&opts.out, "out", "",
		"`folder` of this run (default: a new one in wxctl-runs)")
	flags.StringArrayVar(&opts.reports, "report", nil, "write a report, as `kind=path`: "+oneOf(reportNames()...))
	flags.StringVar(&opts.web, "web", "", "show the run in a browser, at this `address`: 127.0.0.1:0")
	f.completeWith(cmd, "resume", completeFolders)
	f.completeWith(cmd, "rerun-failed", completeFolders)
	f.completeWith(cmd, "out", completeFolders)
	return cmd
}

func completeFolders(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// check validates the flags before a file is read.
func (o *runOptions) check(c *cobra.Command) error {
	if o.schema || o.example {
		return nil
	}
	if err := errors.Join(o.phone.check(c), o.lab.check(c)); err != nil {
		return err
	}
	if c.Flags().Changed("priority") && o.lab.url == "" {
		return exit.Usagef("add --lab nats://HOST:4222", "--priority is for a lab, and none is named")
	}
	if o.web != "" {
		if err := checkWeb(o.web); err != nil {
			return err
		}
	}
	if o.lab.url != "" && o.devices.several() != nil {
		return exit.Usagef("name them with one selector, such as platform=ios", "a lab takes one --device, not %d", len(o.devices.all))
	}
	if err := given(c, "tags", "case", "shard", "resume", "rerun-failed", "out", "report"); err != nil {
		return err
	}
	switch {
	case o.resume != "" && len(o.files) > 0:
		return exit.Usagef("omit SUITE", "--resume goes on with the suite of the run folder, not with %q", o.files[0])
	case o.resume != "" && (o.rerunFailed != "" || o.tags != "" || o.caseGlob != "" || o.shard != "" || c.Flags().Changed("out")):
		return exit.Usagef("run the suite again to choose cases",
			"--resume goes on with the cases of the run folder, and can't be combined with flags that choose others")
	case o.resume == "" && o.rerunFailed == "" && len(o.files) == 0:
		return exit.Usagef("wxctl run --example > smoke.yaml, then wxctl run smoke.yaml --device virtual:android", "no suite was given")
	case o.maxFailures < 0:
		return exit.Usagef("give at least 1", "invalid --max-failures %d", o.maxFailures)
	case c.Flags().Changed("deadline") && o.deadline <= 0:
		return exit.Usagef("give a duration such as 30m", "invalid --deadline %s", o.deadline)
	}
	return o.parse()
}

// parse reads the flags that choose cases and name reports.
func (o *runOptions) parse() error {
	var filters []func(*suite.Case) bool
	if o.tags != "" {
		fit, err := suite.ParseTags(o.tags)
		if err != nil {
			return exit.Usagef(`such as --tags "smoke and not slow"`, "--tags %q can't be read: %v", o.tags, err)
		}
		filters = append(filters, func(c *suite.Case) bool { return fit(c.Tags) })
	}
	if o.caseGlob != "" {
		fit, err := suite.ParseGlob(o.caseGlob)
		if err != nil {
			return exit.Usagef(`such as --case "*login*"`, "--case %q can't be read: %v", o.caseGlob, err)
		}
		filters = append(filters, func(c *suite.Case) bool { return fit(c.Name) })
	}
	if o.shard != "" {
		first, last, _ := strings.Cut(o.shard, "/")
		i, errI := strconv.Atoi(first)
		n, errN := strconv.Atoi(last)
		if errI != nil || errN != nil || i < 1 || i > n {
			return exit.Usagef("such as --shard 2/5", "invalid --shard %q", o.shard)
		}
		at := -1
		filters = append(filters, func(*suite.Case) bool { at++; return at%n == i-1 }) // the last filter
	}
	o.wanted = func(c *suite.Case) bool {
		for _, fit := range filters {
			if !fit(c) {
				return false
			}
		}
		return true
	}
	var err error
	o.kinds, err = parseReports(o.reports)
	return err
}

func runRun(ctx context.Context, o *runOptions) error {
	o.vocabulary = suiteVocabulary(o.f)
	if o.lab.url != "" {
		o.f.stay()
	}
	switch {
	case o.example:
		return o.f.Streams.Println(strings.TrimRight(string(samples.Suite()), "\n"))
	case o.schema:
		text, err := suite.Schema(o.vocabulary)
		if err != nil {
			return err
		}
		return o.f.Printer().Object(json.RawMessage(text))
	case o.resume != "":
		return o.goOn(ctx)
	}
	runs, err := o.load()
	if err != nil {
		return err
	}
	switch {
	case o.list:
		return o.printList(runs)
	case o.dryRun:
		return o.preview(ctx, runs)
	}
	return o.runAll(ctx, runs)
}

// load reads all suites and reports all their problems.
func (o *runOptions) load() ([]*suiteRun, error) {
	if len(o.files) == 0 {
		run, err := readRun(o.rerunFailed)
		if err != nil {
			return nil, err
		}
		r, err := o.prepare(run.Start.Plan, newRunID(o.f.Now(), run.Start.Plan.Name))
		return []*suiteRun{r}, err
	}
	var runs []*suiteRun
	broken, faults := 0, []suite.Problem{}
	for _, file := range o.files {
		text, err := o.read(file)
		if err != nil {
			return nil, err
		}
		plan, problems, id := o.loadOne(file, text)
		if len(problems) > 0 {
			broken++
			faults = append(faults, problems...)
			o.tellProblems(problems, text)
			continue
		}
		r, err := o.prepare(plan, id)
		if err != nil {
			return nil, err
		}
		runs = append(runs, r)
	}
	if broken == 0 {
		return runs, nil
	}
	return nil, o.invalid(broken, faults)
}

// invalid is the error for suites with problems, which were already reported.
func (o *runOptions) invalid(broken int, faults []suite.Problem) error {
	what := fmt.Sprintf("the suite has %d errors", len(faults))
	if len(faults) == 1 {
		what = "the suite has an error"
	}
	if broken > 1 {
		what = fmt.Sprintf("%d suites have %d errors", broken, len(faults))
	}
	err := &device.Error{Code: "suite_invalid", Exit: exit.Usage, Message: what + ": nothing was run", Hint: "fix the errors above"}
	if o.f.Printer().JSON() {
		report := describe(err)
		return errors.Join(err, o.f.Printer().Object(struct {
			SchemaVersion int                `json:"schemaVersion"`
			Problems      []suite.Problem    `json:"problems"`
			Error         device.ErrorReport `json:"error"`
		}{output.SchemaVersion, faults, report}))
	}
	return err
}

// maxSuite is more than a suite's limit, so that the loader can report it.
const maxSuite = 1<<20 + 1

func (o *runOptions) read(file string) ([]byte, error) {
	var from io.Reader
	if file == "-" {
		from = o.f.Streams.In
	} else {
		f, err := files.Open(file)
		if kind := (*files.KindError)(nil); errors.As(err, &kind) {
			return nil, files.Unreadable(file, err)
		}
		if err != nil {
			return nil, exit.Usagef("wxctl run --example prints a suite to start from", "%q can't be read: %v", file, errors.Unwrap(err))
		}
		defer f.Close()
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, maxSuite))
	if err != nil {
		return nil, exit.Usagef("name a file", "%q can't be read: %v", file, err)
	}
	return text, nil
}

// loadOne reads one suite. Its run's id contains its name, which is only known
// after reading it; only ${run.id} depends on it.
func (o *runOptions) loadOne(file string, text []byte) (*suite.Plan, []suite.Problem, string) {
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		dir = "."
	}
	id := newRunID(o.f.Now(), strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)))
	plan, problems := suite.Load(file, text, o.vocabulary, suite.Given{
		RunID: id, Dir: dir, Profile: o.f.global.profile,
		Env: func(name string) (string, bool) { v := o.f.Getenv(name); return v, v != "" },
	})
	return plan, problems, id
}

func (o *runOptions) tellProblems(problems []suite.Problem, text []byte) {
	s := o.f.Streams
	for _, p := range problems {
		s.Say(safe(p.String()))
		if source := p.Source(text); source != "" {
			for line := range strings.SplitSeq(source, "\n") {
				s.Quote("    " + strings.ReplaceAll(safe(strings.ReplaceAll(line, "\t", "    ")), "\t", "    "))
			}
		}
		if p.Hint != "" {
			s.Say("  " + s.Label("hint:") + safe(s.Translate(p.Hint)))
		}
	}
}

// prepare makes a run from a plan, with the selected cases.
func (o *runOptions) prepare(plan *suite.Plan, id string) (*suiteRun, error) {
	rerunOf, unpassed, err := o.unpassed()
	if err != nil {
		return nil, err
	}
	all := plan.Cases
	plan.Cases = slices.DeleteFunc(slices.Clone(all),
		func(c suite.Case) bool { return unpassed != nil && !unpassed[c.Name] || !o.wanted(&c) })
	if len(plan.Cases) == 0 {
		return nil, exit.Usagef("wxctl run "+suite.Quote(plan.File)+" --list lists them", "none of the %d cases of %q matches",
			len(all), plan.File)
	}
	return &suiteRun{
		f: o.f, vocabulary: o.vocabulary, plan: plan, fold: &suite.Fold{}, maxFailures: o.maxFailures, deadline: o.deadline, jobs: o.phone.jobs,
		id: id,
		start: suite.Start{Suite: plan.Name, RerunOf: rerunOf, Shard: o.shard, Device: o.phone.device, Devices: o.devices.several(),
			Version: o.f.Version, Plan: plan},
	}, nil
}

// unpassed are the cases that did not pass in the run of --rerun-failed.
func (o *runOptions) unpassed() (id string, cases map[string]bool, err error) {
	if o.rerunFailed == "" {
		return "", nil, nil
	}
	run, err := readRun(o.rerunFailed)
	if err != nil {
		return "", nil, err
	}
	cases = map[string]bool{}
	for _, r := range run.Results {
		if r.Status != suite.Passed && r.Status != suite.Skipped {
			cases[r.Case.Name] = true
		}
	}
	if len(cases) == 0 {
		return "", nil, exit.Usagef("run the suite again", "every case of the run in %q passed", o.rerunFailed)
	}
	return run.ID, cases, nil
}

// printList lists the cases.
func (o *runOptions) printList(runs []*suiteRun) error {
	type listed struct {
		Suite string   `json:"suite"`
		Name  string   `json:"name"`
		Tags  []string `json:"tags"`
		Do    []string `json:"do"`
		File  string   `json:"file"`
		Line  int      `json:"line"`
	}
	all := []listed{}
	rows := [][]output.Cell{}
	for _, r := range runs {
		for _, c := range r.plan.Cases {
			l := listed{Suite: r.plan.Name, Name: c.Name, Tags: append([]string{}, c.Tags...), File: r.plan.File, Line: c.Pos.Line}
			for _, s := range c.Steps {
				l.Do = append(l.Do, s.Do)
			}
			all = append(all, l)
			rows = append(rows, []output.Cell{output.Text(c.Name), output.Text(strings.Join(c.Tags, ",")), output.Text(strings.Join(l.Do, ", ")),
				output.Text(fmt.Sprintf("%s:%d", r.plan.File, c.Pos.Line))})
		}
	}
	if o.f.Printer().JSON() {
		return o.f.Printer().Object(struct {
			SchemaVersion int      `json:"schemaVersion"`
			Cases         []listed `json:"cases"`
		}{output.SchemaVersion, all})
	}
	return o.f.Printer().Table([]string{"case", "tags", "do", "where"}, rows)
}

// platformsOf are the platforms that a case can run on.
func platformsOf(c *suite.Case, only string) []device.Platform {
	var all []device.Platform
	for _, p := range []device.Platform{device.Android, device.IOS} {
		if only != "" && string(p) != only {
			continue
		}
		sel, err := device.ParseSelector(c.On.Phones, "on")
		if err == nil && slices.ContainsFunc(sel.Conditions, func(q device.Condition) bool {
			return q.Key == "platform" && (q.Op == "=" && q.Value != string(p) || q.Op == "!=" && q.Value == string(p))
		}) {
			continue
		}
		all = append(all, p)
	}
	return all
}
