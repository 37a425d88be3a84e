package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/wxctl/wxctl/intents/suite"
)

// MaxGitHubSummary is the size above which GitHub refuses a step's summary:
// https://docs.github.com/actions/reference/workflow-commands-for-github-actions#step-isolation-and-limits
const MaxGitHubSummary = 1 << 20

// maxAnnotations is how many errors of one step GitHub shows.
const maxAnnotations = 10

// GitHub writes a job summary for GitHub Actions in Markdown, with what did not
// pass first. It is at most limit bytes long, and says how many results were
// omitted.
func GitHub(w io.Writer, sources []Source, limit int) error {
	all := worstFirst(items(sources))
	var b bytes.Buffer
	const reserve = 200 // for the sentence at the end
	for _, s := range sources {
		if b.Len()+reserve > limit/2 {
			break
		}
		fmt.Fprintf(&b, "## %s: %s\n\n", markdown(shorten(s.Run.Start.Suite, 200)), totals(s.Run.Counts))
		fmt.Fprintf(&b, "run %s, %s\n\n", markdown(s.Run.ID), time.Duration(s.Run.DurationMs)*time.Millisecond)
	}
	head := "| status | suite | case | phone | what | where |\n|---|---|---|---|---|---|\n"
	shown := 0
	for _, r := range all {
		row := summaryRow(r)
		if b.Len()+len(head)+len(row)+reserve > limit {
			break
		}
		if shown == 0 {
			b.WriteString(head)
		}
		b.WriteString(row)
		shown++
	}
	if left := len(all) - shown; left > 0 {
		fmt.Fprintf(&b, "\n%d more results are left out: the summary of a step has a limit. The run folder has all of them.\n", left)
	}
	if b.Len() > limit {
		return errors.New("there is no room left in the summary")
	}
	_, err := w.Write(b.Bytes())
	return err
}

// summaryRow is a result as a table row.
func summaryRow(r item) string {
	what, where := "", ""
	if r.Status != suite.Passed {
		file, line := r.place()
		what, where = r.sentence(), fmt.Sprintf("%s:%d", file, line)
	} else if r.Flaky {
		what = fmt.Sprintf("passed at attempt %d", r.decisive().Number)
	}
	status := string(r.Status)
	if r.Flaky {
		status = "flaky"
	}
	row := "|"
	for _, cell := range []string{status, r.Run().Start.Suite, r.Case.Name, phoneLabel(r.Phone), what, where} {
		row += " " + markdown(shorten(cell, 500)) + " |"
	}
	return row + "\n"
}

// totals formats counts for people.
func totals(c suite.Counts) string {
	var all []string
	for _, s := range suite.Statuses() {
		if n := c.Of(s); n > 0 {
			all = append(all, fmt.Sprintf("%d %s", n, s))
		}
	}
	if c.Flaky > 0 {
		all = append(all, fmt.Sprintf("%d of them flaky", c.Flaky))
	}
	if len(all) == 0 {
		return "no results"
	}
	return strings.Join(all, ", ")
}

// markdown escapes text so that none of it is markup, on one line.
func markdown(text string) string {
	var b strings.Builder
	for _, r := range clean(text) {
		switch {
		case r == '\n':
			b.WriteByte(' ')
		case r < 0x80 && strings.ContainsRune("!\"#$&'*<>@[\\]^_`{|}~:", r):
			fmt.Fprintf(&b, "&#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Annotations are the lines that make GitHub Actions show what did not pass at
// its place in the suite: as many as a step may have, the worst first.
func Annotations(sources []Source) []string {
	var lines []string
	for _, r := range worstFirst(items(sources)) {
		if r.Status != suite.Failed && r.Status != suite.Errored && r.Status != suite.Unknown || len(lines) == maxAnnotations {
			break
		}
		file, line := r.place()
		lines = append(lines, fmt.Sprintf("::error file=%s,line=%d,title=%s::%s", property(file), line,
			property(fmt.Sprintf("%s: %s on %s", r.Status, r.Case.Name, phoneLabel(r.Phone))), commandData(r.sentence())))
	}
	return lines
}

// commandData escapes the text of a workflow command, as GitHub's toolkit does.
func commandData(text string) string {
	return strings.NewReplacer("%", "%25", "\n", "%0A").Replace(clean(text))
}

// property escapes the value of a workflow command's property.
func property(text string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(commandData(text))
}
