package cmd

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/files"
	"github.com/wxctl/wxctl/cmd/internal/output"
	"github.com/wxctl/wxctl/intents/suite"
)

type reportOptions struct {
	f       *Factory
	dirs    []string
	reports []string
	kinds   []reportTo
}

// NewCmdReport makes `wxctl report`.
func NewCmdReport(f *Factory, runF func(context.Context, *reportOptions) error) *cobra.Command {
	opts := &reportOptions{f: f}
	cmd := &cobra.Command{
		Use:   "report DIR…",
		Short: "Write reports of runs, also of several machines together",
		Long: long(`Show the results of the runs in these folders, and write reports of all of them
together. A folder is one that wxctl run made, or one that holds such folders.
Nothing is run, and the folders stay as they are; an interrupted run is reported
as far as it got.

html is one page with its pictures in it; it loads nothing from elsewhere.
junit is for CI systems. ctrf is JSON in the Common Test Report Format. allure is
a new folder of results with their files, for allure generate. github is a summary
in Markdown, appended to the file, as $GITHUB_STEP_SUMMARY wants it, and errors at
their lines. ndjson is the events.

The exit code is that of one run with all these results.`, exit.FoundWrong, exit.NotRun),
		Example: examples(`wxctl report wxctl-runs --report html=report.html
wxctl report wxctl-runs --report junit=junit.xml --report github=summary.md`),
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) (err error) {
			opts.dirs = args
			if len(args) == 0 {
				return exit.Usagef("wxctl report wxctl-runs --report html=report.html", "no run folder was given")
			}
			if err := given(c, "report"); err != nil {
				return err
			}
			if opts.kinds, err = parseReports(opts.reports); err != nil {
				return err
			}
			if runF != nil {
				return runF(c.Context(), opts)
			}
			return runReport(c.Context(), opts)
		},
		ValidArgsFunction: completeFolders,
	}
	cmd.Flags().StringArrayVar(&opts.reports, "report", nil, "write a report, as `kind=path`: "+oneOf(reportNames()...))
	return cmd
}

func runReport(ctx context.Context, o *reportOptions) error {
	runs, err := o.read()
	if err != nil {
		return err
	}
	if err := o.f.writeReports(o.kinds, runs); err != nil {
		return err
	}
	if err := o.print(runs); err != nil {
		return err
	}
	return verdictOf(ctx, runs)
}

// read folds the runs of all folders.
func (o *reportOptions) read() ([]ranIn, error) {
	var runs []ranIn
	from := map[string]string{}
	for _, dir := range o.dirs {
		dirs, err := runFoldersIn(dir)
		if err != nil {
			return nil, err
		}
		for _, dir := range dirs {
			run, err := readRun(dir)
			if err != nil {
				return nil, err
			}
			if first, twice := from[run.ID]; twice {
				return nil, exit.Usagef("give each run once", "%q and %q are the same run", first, dir)
			}
			from[run.ID] = dir
			runs = append(runs, ranIn{dir, run})
		}
	}
	return runs, nil
}

// runFoldersIn is the run folder itself, or those that it holds.
func runFoldersIn(dir string) ([]string, error) {
	holds := func(dir string) bool {
		_, err := os.Stat(filepath.Join(dir, eventsFile))
		return err == nil
	}
	if holds(dir) {
		return []string{dir}, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, exit.Usagef("give the folder that wxctl run printed", "%q is not a run folder: %v", dir, files.Reason(err))
	}
	var all []string
	for _, e := range entries {
		if below := filepath.Join(dir, e.Name()); holds(below) {
			all = append(all, below)
		}
	}
	if len(all) == 0 {
		return nil, exit.Usagef("give the folder that wxctl run printed", "%q is not a run folder", dir)
	}
	return all, nil
}

// print shows the results of the runs: what did not pass, and the counts.
func (o *reportOptions) print(runs []ranIn) error {
	type reported struct {
		Run    string       `json:"run"`
		Suite  string       `json:"suite"`
		Dir    string       `json:"dir"`
		CutOff bool         `json:"cutOff,omitempty"`
		Counts suite.Counts `json:"counts"`
	}
	all := []reported{}
	for _, r := range runs {
		all = append(all, reported{r.ID, r.Start.Suite, r.dir, r.Finished.IsZero(), r.Counts})
	}
	counts := countsOf(runs)
	if o.f.Printer().JSON() {
		return o.f.Printer().Object(struct {
			SchemaVersion int          `json:"schemaVersion"`
			Runs          []reported   `json:"runs"`
			Counts        suite.Counts `json:"counts"`
		}{output.SchemaVersion, all, counts})
	}
	var lines []string
	for _, r := range runs {
		for _, result := range r.Results {
			if result.Status == suite.Passed || result.Status == suite.Skipped {
				continue
			}
			at := suite.Place{Case: result.Case.Name, Phone: result.Phone.ID}
			end := suite.End{Reason: result.Reason}
			if a := result.Last(); a != nil {
				at.Attempt, end = a.Number, a.End
			}
			end.Status, end.DurationMs = result.Status, result.DurationMs()
			lines = append(lines, o.f.tellEnd(at, end)...)
		}
		line := safe(r.ID) + ": " + o.f.tellCounts(r.Counts)
		if r.Finished.IsZero() {
			line = o.f.Streams.Sprintf("%s, interrupted", line)
		}
		lines = append(lines, line)
	}
	if len(runs) > 1 {
		lines = append(lines, o.f.Streams.Sprintf("together: %s", o.f.tellCounts(counts)))
	}
	return o.f.Streams.Println(strings.Join(lines, "\n"))
}
