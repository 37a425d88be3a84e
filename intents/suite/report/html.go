package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/wxctl/wxctl/intents/suite"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

//go:embed page.js
var pageJS string

// pageData is what the page's script shows. Texts that many results share are
// stored in Texts once and referenced by their index.
type pageData struct {
	Live     *pageLive    `json:"live,omitempty"` // set while the runs go on
	Texts    []string     `json:"texts"`
	Phones   []pagePhone  `json:"phones"`
	Cases    []pageCase   `json:"cases"`
	Results  []pageResult `json:"results"`
	Pictures []string     `json:"pictures"`
}

// pageLive is what a live page shows about its runs.
type pageLive struct {
	Totals string `json:"totals"`
	Ended  bool   `json:"ended"`
}

type pagePhone struct {
	Label    string `json:"label"`
	Platform string `json:"platform,omitempty"`
	OS       string `json:"os,omitempty"`
}

type pageCase struct {
	Suite string   `json:"suite"`
	Name  string   `json:"name"`
	Tags  []string `json:"tags,omitempty"`
}

type pageResult struct {
	Case     int           `json:"case"`
	Phone    int           `json:"phone"`
	Status   suite.Status  `json:"status"`
	Flaky    bool          `json:"flaky,omitempty"`
	Reason   string        `json:"reason,omitempty"`
	MS       int64         `json:"ms"`
	Repeat   [2]int64      `json:"repeat"` // the command line, and its --device
	Attempts []pageAttempt `json:"attempts,omitempty"`
}

type pageAttempt struct {
	Status   suite.Status    `json:"status"`
	Phone    int             `json:"phone"`
	At       string          `json:"at"`
	MS       int64           `json:"ms"`
	Exit     int             `json:"exit,omitempty"`
	Reason   string          `json:"reason,omitempty"`
	Sent     bool            `json:"sent,omitempty"`
	Commands []int64         `json:"commands,omitempty"`
	Problems []pageProblem   `json:"problems,omitempty"`
	Evidence [][5]int64      `json:"evidence,omitempty"` // step, ms, what, source, screen
	Dir      string          `json:"dir,omitempty"`      // of the files, as a URL
	Files    []pageFile      `json:"files,omitempty"`
	Steps    []pageStep      `json:"steps,omitempty"`
	Outcome  json.RawMessage `json:"outcome,omitempty"`
}

type pageProblem struct {
	Text int64 `json:"text"`
	Hint int64 `json:"hint"`
}

type pageFile struct {
	Kind    string `json:"kind"`
	Name    string `json:"name,omitempty"`    // in Dir
	Href    string `json:"href,omitempty"`    // of a file elsewhere
	Picture int    `json:"picture,omitempty"` // its number in Pictures, from 1
}

type pageStep struct {
	Do      string       `json:"do"`
	Status  suite.Status `json:"status"`
	MS      int64        `json:"ms"`
	Message string       `json:"message,omitempty"`
}

// HTML writes one self-contained page: script, style, results and scaled-down
// pictures. Its policy keeps the browser from loading anything else.
func HTML(w io.Writer, sources []Source) error {
	all := items(sources)
	b := pageBuilder{texts: map[string]int64{}, phones: map[string]int{}, cases: map[[2]string]int{}, pictures: newAlbum(maxPictures)}
	b.data.Results = make([]pageResult, len(all))
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	for i, r := range all { // phones and cases in the plan's order
		b.data.Results[i] = pageResult{Case: b.caseOf(r), Phone: b.phone(r.Phone)}
	}
	slices.SortStableFunc(order, func(x, y int) int { return badness(all[x]) - badness(all[y]) })
	for _, i := range order { // pictures of what did not pass are added first
		b.result(&b.data.Results[i], all[i])
	}
	b.data.Pictures = b.pictures.urls
	return b.write(w, sources, totals(counts(all)), policy())
}

// The statuses of results that are still to come, on a live page.
const (
	running suite.Status = "running"
	waiting suite.Status = "waiting"
)

// Live writes the page of runs that are still going on. It loads nothing but
// "events" next to it, each of which is what [LiveData] returns, and the
// pictures, from their links.
func Live(w io.Writer, sources []Source) error {
	b, text := livePage(sources, false)
	return b.write(w, sources, text, livePolicy())
}

// LiveData is the current data of a live page, as JSON in one line; ended tells
// it that the runs are over.
func LiveData(sources []Source, ended bool) ([]byte, error) {
	b, _ := livePage(sources, ended)
	return json.Marshal(b.data)
}

func livePage(sources []Source, ended bool) (*pageBuilder, string) {
	all := items(sources)
	b := &pageBuilder{texts: map[string]int64{}, phones: map[string]int{}, cases: map[[2]string]int{}, live: !ended}
	b.data.Results, b.data.Pictures = make([]pageResult, len(all)), []string{}
	done := suite.Counts{}
	for i, r := range all {
		p := &b.data.Results[i]
		*p = pageResult{Case: b.caseOf(r), Phone: b.phone(r.Phone)}
		b.result(p, r)
		if p.Status != running && p.Status != waiting {
			done.Add(r.Status, r.Flaky)
		}
	}
	text := totals(done)
	if !ended {
		text = fmt.Sprintf("%d of %d: %s", done.Total(), len(all), text)
	}
	b.data.Live = &pageLive{Totals: text, Ended: ended}
	return b, text
}

// write writes the page.
func (b *pageBuilder) write(w io.Writer, sources []Source, text, policy string) error {
	data, err := json.Marshal(b.data) // escapes <, > and &, so it can't end the script element
	if err != nil {
		return err
	}
	var runs, boxes strings.Builder
	for _, s := range sources {
		writeRun(&runs, s.Run, b.live)
	}
	all := suite.Statuses()
	if b.live {
		all = append(slices.Clone(all), running, waiting)
	}
	for _, s := range all {
		fmt.Fprintf(&boxes, "<label class=\"status %[1]s\"><input type=\"checkbox\" name=\"status\" value=\"%[1]s\" checked> %[1]s "+
			"<span class=\"n\"></span></label>\n", html.EscapeString(string(s)))
	}
	// html/template is not used: it calls methods by their names, so the linker
	// would keep every method of every type, which makes each start of the
	// program slower.
	_, err = strings.NewReplacer(
		"{{title}}", html.EscapeString(titleOf(sources)), "{{totals}}", html.EscapeString(text),
		"{{policy}}", html.EscapeString(policy), "{{style}}", pageCSS, "{{script}}", pageJS,
		"{{runs}}", runs.String(), "{{statuses}}", boxes.String(), "{{data}}", string(data),
	).WriteString(w, pageHTML)
	return err
}

// policy allows the page to use its own content and nothing else.
func policy() string {
	hash := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; script-src " + hash(pageJS) + "; style-src " + hash(pageCSS) +
		"; img-src data:; base-uri 'none'; form-action 'none'"
}

// livePolicy also allows it to ask its own server.
func livePolicy() string {
	return strings.Replace(policy(), "img-src data:", "connect-src 'self'; img-src data: 'self'", 1)
}

func titleOf(sources []Source) string {
	var names []string
	for _, s := range sources {
		if !slices.Contains(names, s.Run.Start.Suite) {
			names = append(names, s.Run.Start.Suite)
		}
	}
	return clean(shorten(strings.Join(names, ", "), 200))
}

// writeRun writes the lines about a run.
func writeRun(b *strings.Builder, run *suite.Run, live bool) {
	text := func(s string) string { return html.EscapeString(clean(s)) }
	came := []string{totals(run.Counts), (time.Duration(run.DurationMs) * time.Millisecond).String()}
	if live { // the current state is shown above
		came = []string{"under way", "since " + run.Started.UTC().Format("15:04:05")}
	}
	fmt.Fprintf(b, `<p class="run"><b>%s</b> %s · %s · %s · %s · %s · wxctl %s`, text(run.Start.Suite), text(came[0]),
		text(run.Start.Plan.File), run.Started.UTC().Format("2006-01-02 15:04:05 UTC"), came[1], text(run.ID), text(run.Start.Version))
	if run.Finished.IsZero() && !live {
		b.WriteString(" · <strong>the run was interrupted</strong>")
	}
	b.WriteString("</p>\n")
	for _, l := range run.Lost {
		fmt.Fprintf(b, "<p class=\"run\">lost %s</p>\n", text(l.Phone+": "+l.Message))
	}
}

// pageBuilder collects the data of a page.
type pageBuilder struct {
	data     pageData
	texts    map[string]int64
	phones   map[string]int
	cases    map[[2]string]int
	pictures *album // nil: the page loads each picture by itself
	live     bool   // the runs go on
	outcomes int    // how many bytes of Outcomes are on the page
}

// picture is the index of an artifact's picture in the data, from 1; 0 if it is
// not a picture.
func (b *pageBuilder) picture(r item, f suite.Artifact) int {
	if b.pictures != nil {
		return b.pictures.add(r.Files, f)
	}
	if !strings.HasPrefix(f.MIME, "image/") {
		return 0
	}
	b.data.Pictures = append(b.data.Pictures, r.href(f.Path))
	return len(b.data.Pictures)
}

func (b *pageBuilder) text(s string) int64 {
	n, ok := b.texts[s]
	if !ok {
		n = int64(len(b.data.Texts))
		b.texts[s] = n
		b.data.Texts = append(b.data.Texts, s)
	}
	return n
}

func (b *pageBuilder) phone(p suite.Phone) int {
	n, ok := b.phones[p.ID]
	if !ok {
		n = len(b.data.Phones)
		b.phones[p.ID] = n
		b.data.Phones = append(b.data.Phones, pagePhone{phoneLabel(p), p.Platform, p.OSVersion})
	}
	return n
}

func (b *pageBuilder) caseOf(r item) int {
	key := [2]string{r.Run().Start.Suite, r.Case.Name}
	n, ok := b.cases[key]
	if !ok {
		n = len(b.data.Cases)
		b.cases[key] = n
		b.data.Cases = append(b.data.Cases, pageCase{key[0], key[1], r.Case.Tags})
	}
	return n
}

func (b *pageBuilder) result(p *pageResult, r item) {
	p.Status, p.Flaky, p.Reason, p.MS = r.Status, r.Flaky, r.Reason, r.DurationMs()
	line, device, _ := strings.Cut(r.Repeat(), " --device ")
	if device != "" {
		device = " --device " + device
	}
	p.Repeat = [2]int64{b.text(line), b.text(device)}
	goesOn := b.live && r.Run().Finished.IsZero()
	switch last := r.Last(); {
	case goesOn && last == nil:
		p.Status, p.Reason = waiting, ""
	case goesOn && last.Finished.IsZero():
		p.Status, p.Reason, p.Flaky = running, "", false
	}
	for _, a := range r.Attempts {
		at := pageAttempt{
			Status: a.End.Status, Phone: b.phone(a.Phone), At: a.Started.UTC().Format("15:04:05.000"), MS: a.End.DurationMs,
			Exit: a.End.ExitCode, Reason: a.Why(), Sent: a.End.Sent,
		}
		for _, c := range a.Commands {
			at.Commands = append(at.Commands, b.text(c))
		}
		if goesOn && a.Finished.IsZero() {
			at.Status, at.Reason, at.Sent = running, "", !a.Firing.IsZero()
		}
		for _, q := range a.End.Problems {
			at.Problems = append(at.Problems, pageProblem{b.text(q.String()), b.text(q.Hint)})
		}
		for _, e := range a.Evidence {
			at.Evidence = append(at.Evidence, [5]int64{int64(e.Step), e.AtMs, b.text(e.What), b.text(e.Source), b.text(e.Screen)})
		}
		for _, f := range a.Artifacts {
			file := pageFile{Kind: f.Kind, Href: r.href(f.Path), Picture: b.picture(r, f)}
			if at.Dir == "" {
				at.Dir = file.Href[:strings.LastIndex(file.Href, "/")+1]
			}
			if name, ok := strings.CutPrefix(file.Href, at.Dir); ok && at.Dir != "" {
				file.Name, file.Href = name, ""
			}
			at.Files = append(at.Files, file)
		}
		for _, s := range a.End.Steps {
			at.Steps = append(at.Steps, pageStep{s.Do, s.Status, s.DurationMs, s.Message})
		}
		// Limits in bytes, for one outcome and all outcomes on the page; the
		// files have each in full.
		const maxOutcome, maxOutcomes = 8 << 10, 1 << 20
		if size := len(a.End.Outcome); a.End.Status != suite.Passed && size < maxOutcome && b.outcomes+size < maxOutcomes &&
			string(a.End.Outcome) != "null" {
			b.outcomes += size
			at.Outcome = a.End.Outcome
		}
		p.Attempts = append(p.Attempts, at)
	}
}
