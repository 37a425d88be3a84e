package report

import (
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/wxctl/wxctl/intents/suite"
)

// Fields of Allure's results:
// https://allurereport.org/docs/how-it-works-test-result-file/
type (
	allureResult struct {
		UUID       string            `json:"uuid"`
		HistoryID  string            `json:"historyId"`
		TestCaseID string            `json:"testCaseId"`
		Name       text              `json:"name"`
		FullName   text              `json:"fullName"`
		Labels     []allureLabel     `json:"labels"`
		Parameters []allureParameter `json:"parameters"`
		Steps      []allureStep      `json:"steps"`
		allureOutcome
		Attachments []allureFile `json:"attachments"`
	}
	allureStep struct {
		Name text `json:"name"`
		allureOutcome
	}
	allureOutcome struct {
		Status  string         `json:"status"`
		Details *allureDetails `json:"statusDetails,omitempty"`
		Stage   string         `json:"stage"`
		Start   int64          `json:"start"`
		Stop    int64          `json:"stop"`
	}
	allureDetails struct {
		Message text `json:"message,omitempty"`
		Trace   text `json:"trace,omitempty"`
		Flaky   bool `json:"flaky,omitempty"`
	}
	allureLabel struct {
		Name  string `json:"name"`
		Value text   `json:"value"`
	}
	allureParameter struct {
		Name     string `json:"name"`
		Value    text   `json:"value"`
		Excluded bool   `json:"excluded,omitempty"`
	}
	allureFile struct {
		Name   text   `json:"name"`
		Source string `json:"source"`
		Type   text   `json:"type"`
	}
)

// Allure passes put the files of an Allure results folder, one after another: a
// result for each attempt of each case on each phone, and its attachments. Of
// the attempts with the same history, Allure shows the last as the result and
// the others as retries.
func Allure(sources []Source, put func(name string, content io.Reader) error) error {
	for _, r := range items(sources) {
		last := r.decisive()
		if last == nil { // no attempt was made; that is a result, too
			last = &suite.Attempt{Phone: r.Phone, Started: r.Run().Started, End: suite.End{Status: r.Status, Reason: r.Reason}}
		}
		for _, a := range append(r.earlier(), last) {
			if err := putAllure(r, a, put); err != nil {
				return err
			}
		}
	}
	return nil
}

func putAllure(r item, a *suite.Attempt, put func(string, io.Reader) error) error {
	result := newAllureResult(r, a)
	for _, f := range a.Artifacts {
		source := stableUUID(result.UUID, f.Path) + "-attachment" + extension(f.Path)
		kept, err := putFile(r.Files, f.Path, source, put)
		if err != nil {
			return err
		}
		if kept {
			result.Attachments = append(result.Attachments, allureFile{text(path.Base(f.Path)), source, text(f.MIME)})
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	if err := enc.Encode(result); err != nil {
		return err
	}
	return put(result.UUID+"-result.json", &b)
}

// putFile copies a file of a run folder. A file that is missing or not regular
// is skipped: the folder may come from another machine.
func putFile(files fs.FS, from, to string, put func(string, io.Reader) error) (bool, error) {
	if files == nil {
		return false, nil
	}
	if info, err := fs.Stat(files, from); err != nil || !info.Mode().IsRegular() {
		return false, nil
	}
	f, err := files.Open(from)
	if err != nil {
		return false, err
	}
	defer f.Close()
	return true, put(to, f)
}

// extension is a name's extension if it is only a few letters and digits, so
// that it can't change the path.
func extension(name string) string {
	ext := path.Ext(name)
	if len(ext) < 2 || len(ext) > 9 || strings.Trim(ext[1:], "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return ""
	}
	return ext
}

// allureStatus converts a status to Allure's: broken is for attempts without a
// verdict.
func allureStatus(s suite.Status) string {
	switch s {
	case suite.Errored:
		return "broken"
	case suite.Stopped:
		return "skipped"
	}
	return string(s) // Allure has the status unknown, too
}

func newAllureResult(r item, a *suite.Attempt) allureResult {
	run, id := r.Run(), r.identity()
	result := allureResult{
		UUID: stableUUID(id, run.ID, strconv.Itoa(a.Number)), HistoryID: id, TestCaseID: stableUUID(run.Start.Suite, r.Case.Name),
		Name: text(r.label()), FullName: text(run.Start.Suite + ": " + r.Case.Name),
		Labels: []allureLabel{
			{"framework", "wxctl"}, {"suite", text(run.Start.Suite)}, {"subSuite", text(phoneLabel(r.Phone))}, {"thread", text(a.Phone.ID)},
		},
		// Attempts of one case on different phones are retries where any phone will do.
		Parameters:  []allureParameter{{"phone", text(phoneLabel(a.Phone)), r.Case.On.Any}},
		Steps:       []allureStep{},
		Attachments: []allureFile{},
	}
	if a.Phone.Agent != "" {
		result.Labels = append(result.Labels, allureLabel{"host", text(a.Phone.Agent)})
	}
	for _, tag := range r.Case.Tags {
		result.Labels = append(result.Labels, allureLabel{"tag", text(tag)})
	}
	result.allureOutcome = allureOutcome{Status: allureStatus(a.End.Status), Stage: "finished"}
	result.Start, result.Stop, _ = span(a)
	if a.End.Status != suite.Passed {
		at := r.only(a)
		result.Details = &allureDetails{Message: text(at.sentence()), Trace: text(at.details(a))}
		if a.End.Status == suite.Stopped { // not to be confused with skipped
			result.Details.Message = "stopped: " + result.Details.Message
		}
	} else if r.Flaky {
		result.Details = &allureDetails{Flaky: true}
	}
	start := result.Start
	for _, s := range a.End.Steps { // only their durations are known: laid out one after another
		step := allureStep{text(s.Do), allureOutcome{allureStatus(s.Status), nil, "finished", start, start + s.DurationMs}}
		if s.Message != "" {
			step.Details = &allureDetails{Message: text(s.Message)}
		}
		result.Steps, start = append(result.Steps, step), step.Stop
	}
	return result
}
