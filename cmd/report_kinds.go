package cmd

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/intents/suite"
)

// reportKind is a form that a report can have.
type reportKind struct {
	name string
	// write writes the report of runs, each of which has its folder in dirs.
	write func(w io.Writer, dirs []string, runs []*suite.Run) error
}

// reportKinds are all of them, in the order of help texts.
func reportKinds() []reportKind {
	return []reportKind{{"ndjson", writeNDJSON}}
}

func reportNames() []string {
	var names []string
	for _, k := range reportKinds() {
		names = append(names, k.name)
	}
	return names
}

// reportTo is a report that was asked for.
type reportTo struct {
	kind reportKind
	path string
}

// parseReports reads --report KIND=PATH.
func parseReports(texts []string) ([]reportTo, error) {
	var all []reportTo
	for _, text := range texts {
		name, path, ok := strings.Cut(text, "=")
		i := slices.IndexFunc(reportKinds(), func(k reportKind) bool { return k.name == name })
		if !ok || path == "" || i < 0 {
			return nil, exit.Usagef("kinds: "+strings.Join(reportNames(), ", "), "--report %q is not a kind and a path, such as %s=report",
				text, reportNames()[0])
		}
		all = append(all, reportTo{reportKinds()[i], path})
	}
	return all, nil
}

// write writes the report beside its place, then moves it there.
func (r reportTo) write(dirs []string, runs []*suite.Run) (err error) {
	failed := func(err error) error {
		return &exit.Error{Name: "report_failed", Code: exit.Failed,
			Message: "the " + r.kind.name + " report can't be written: " + err.Error(), Hint: "name another path: the run folder keeps everything", Err: err}
	}
	temporary, err := os.CreateTemp(filepath.Dir(r.path), ".wxctl-report-*")
	if err != nil {
		return failed(err)
	}
	defer os.Remove(temporary.Name()) // it is gone if all went well
	if err := errors.Join(r.kind.write(temporary, dirs, runs), temporary.Close()); err != nil {
		return failed(err)
	}
	if err := os.Rename(temporary.Name(), r.path); err != nil {
		return failed(err)
	}
	return nil
}

// writeNDJSON writes the events of all runs, one run after another.
func writeNDJSON(w io.Writer, dirs []string, _ []*suite.Run) error {
	for _, dir := range dirs {
		events, err := os.Open(filepath.Join(dir, eventsFile))
		if err != nil {
			return err
		}
		_, err = io.Copy(w, events)
		if err := errors.Join(err, events.Close()); err != nil {
			return err
		}
	}
	return nil
}
