package cmd

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/files"
	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents/suite"
	"github.com/wxctl/wxctl/intents/suite/report"
)

// reportKind is a format of reports.
type reportKind struct {
	name string
	// write writes the report of runs to a path.
	write func(path string, runs []ranIn) error
	// folder is set if it is a folder of files.
	folder bool
}

// ranIn is a run with its folder.
type ranIn struct {
	dir string
	*suite.Run
}

// reportKinds are all of them, in the order of help texts.
func reportKinds() []reportKind {
	return []reportKind{
		{name: "html", write: writeHTML},
		// CI systems resolve attachments from the project's folder.
		{name: "junit", write: func(path string, runs []ranIn) error {
			return writeReport(path, func(w io.Writer) error { return report.JUnit(w, sources(runs, ".")) })
		}},
		{name: "ctrf", write: func(path string, runs []ranIn) error {
			return writeReport(path, func(w io.Writer) error { return report.CTRF(w, sources(runs, filepath.Dir(path))) })
		}},
		{name: "allure", write: writeAllure, folder: true},
		{name: "github", write: writeGitHub},
		{name: "ndjson", write: func(path string, runs []ranIn) error {
			return writeReport(path, func(w io.Writer) error { return copyEvents(w, runs) })
		}},
	}
}

func reportNames() []string {
	var names []string
	for _, k := range reportKinds() {
		names = append(names, k.name)
	}
	return names
}

// reportTo is a requested report.
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
			return nil, exit.Usagef("kinds: "+strings.Join(reportNames(), ", "), "invalid --report %q: use KIND=PATH, such as %s=report",
				text, reportNames()[0])
		}
		if slices.ContainsFunc(all, func(r reportTo) bool { return filepath.Clean(r.path) == filepath.Clean(path) }) {
			return nil, exit.Usagef("give each report its own path", "--report names %q twice", path)
		}
		if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
			return nil, exit.Usagef("make the folder first", "--report %q can't be written: there is no folder %q", text, filepath.Dir(path))
		}
		kind := reportKinds()[i]
		if kind.folder { // a run is long, so this is reported before it
			if err := freeFolder(path); err != nil {
				return nil, exit.Usagef("name a folder that is empty or absent", "--report %q can't be written: %v", text, err)
			}
		}
		all = append(all, reportTo{kind, path})
	}
	return all, nil
}

// writeReports writes all reports that it can, and reports failures to GitHub
// if a summary for GitHub was requested.
func (f *Factory) writeReports(reports []reportTo, runs []ranIn) error {
	var errs []error
	for _, to := range reports {
		if err := to.kind.write(to.path, runs); err != nil {
			errs = append(errs, &device.Error{
				Code: "report_failed", Message: "the " + to.kind.name + " report can't be written: " + err.Error(),
				Hint: "name another path: the run folder keeps everything", Err: err,
			})
			continue
		}
		f.Streams.Note("%s report: %s", to.kind.name, safe(to.path))
		if to.kind.name == "github" {
			for _, line := range report.Annotations(sources(runs, ".")) {
				f.Streams.Say(line) // GitHub reads stderr, too; stdout may be JSON
			}
		}
	}
	return errors.Join(errs...)
}

// sources are the runs for reports. base is the folder from which a report
// names their files.
func sources(runs []ranIn, base string) []report.Source {
	var all []report.Source
	for _, r := range runs {
		link := r.dir
		if from, err := filepath.Abs(base); err == nil {
			if to, err := filepath.Abs(r.dir); err == nil {
				link = to
				if rel, err := filepath.Rel(from, to); err == nil {
					link = rel
				}
			}
		}
		all = append(all, report.Source{Run: r.Run, Link: filepath.ToSlash(link)})
	}
	return all
}

// writable returns an error if a report could not be written, before any work
// is done for it.
func writable(path string) error {
	draft, err := files.Create(path, true)
	if err != nil {
		return files.Unwritable(path, err)
	}
	draft.Discard()
	return nil
}

// writeReport writes a report next to its destination, then renames it.
func writeReport(path string, write func(io.Writer) error) error {
	draft, err := files.Create(path, true)
	if err != nil {
		return err
	}
	defer draft.Discard()
	if err := write(draft); err != nil {
		return err
	}
	return draft.Close()
}

// withFiles is [sources] with the run folders open while do runs. A link in a
// folder from elsewhere can't lead out of it.
func withFiles(runs []ranIn, base string, do func([]report.Source) error) error {
	all := sources(runs, base)
	for i, r := range runs {
		root, err := os.OpenRoot(r.dir)
		if err != nil {
			return err
		}
		defer root.Close()
		all[i].Files = root.FS()
	}
	return do(all)
}

// writeHTML writes the page, including the pictures of the run folders.
func writeHTML(path string, runs []ranIn) error {
	return withFiles(runs, filepath.Dir(path), func(all []report.Source) error {
		return writeReport(path, func(w io.Writer) error { return report.HTML(w, all) })
	})
}

// freeFolder returns an error if path is neither absent nor an empty folder.
func freeFolder(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return errors.New("it is not a folder")
	}
	entries, err := os.ReadDir(path)
	if err == nil && len(entries) > 0 {
		err = errors.New("the folder is not empty")
	}
	return err
}

// writeAllure writes the folder of Allure's results next to its destination,
// then renames it.
func writeAllure(path string, runs []ranIn) error {
	if err := freeFolder(path); err != nil {
		return err
	}
	draft, err := os.MkdirTemp(filepath.Dir(path), ".*.wxctl-results")
	if err != nil {
		return err
	}
	defer os.RemoveAll(draft) // does nothing after the rename
	err = withFiles(runs, ".", func(all []report.Source) error {
		return report.Allure(all, func(name string, content io.Reader) error {
			file, err := os.OpenFile(filepath.Join(draft, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
			if err != nil {
				return err
			}
			_, err = io.Copy(file, content)
			return errors.Join(err, file.Close())
		})
	})
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // it was filled meanwhile
	}
	return os.Rename(draft, path)
}

// writeGitHub appends to the summary of a step, which other commands of the
// step may have begun.
func writeGitHub(path string, runs []ranIn) error {
	file, err := files.Append(path)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil {
		err = report.GitHub(file, sources(runs, "."), report.MaxGitHubSummary-int(min(info.Size(), report.MaxGitHubSummary)))
	}
	return errors.Join(err, file.Close())
}

// copyEvents copies the events of all runs, one run after another, without an
// incomplete last line.
func copyEvents(w io.Writer, runs []ranIn) error {
	for _, r := range runs {
		err := func() error {
			events, err := files.Open(filepath.Join(r.dir, eventsFile))
			if err != nil {
				return err
			}
			defer events.Close()
			whole, err := suite.ReadEvents(events, func(suite.Event) error { return nil })
			if err == nil {
				_, err = events.Seek(0, io.SeekStart)
			}
			if err == nil {
				_, err = io.CopyN(w, events, whole)
			}
			return err
		}()
		if err != nil {
			return err
		}
	}
	return nil
}
