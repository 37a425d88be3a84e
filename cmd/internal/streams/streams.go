// Package streams holds the three standard streams of a command, what is
// known of the terminals behind them, and colour. Tests use [Test], whose
// streams are buffers.
package streams

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/fatih/color"
	"golang.org/x/term"
)

// Streams are a command's standard streams. stdout is the answer, stderr is
// everything else.
type Streams struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer

	// InTTY, OutTTY and ErrTTY say whether a terminal is behind the stream.
	InTTY, OutTTY, ErrTTY bool

	// Width is how many columns the terminal behind Out has; 0 is unknown, nil
	// too.
	Width func() int

	// Quiet drops notes; errors and answers stay.
	Quiet bool

	// Language is what people are spoken to in; nil is English. Whoever builds
	// an answer translates it, with Sprintf and Translate; what goes to stderr
	// is translated here.
	Language Language

	mu                 sync.Mutex // one line at a time from parallel phones
	outColor, errColor bool
	inFile             *os.File
	status             string // the line that is rewritten while something is waited for
}

// Language translates sentences of wxctl's from English.
type Language interface {
	// Text translates a sentence, or paragraphs of them.
	Text(english string) string
	// Format is fmt.Sprintf with a translated format.
	Format(format string, args ...any) string
}

// Sprintf is fmt.Sprintf in the user's language: the format and, where they are
// sentences of wxctl's, the values are translated.
func (s *Streams) Sprintf(format string, args ...any) string {
	if s.Language == nil {
		return fmt.Sprintf(format, args...)
	}
	return s.Language.Format(format, args...)
}

// Translate returns an English text of wxctl's in the user's language.
func (s *Streams) Translate(english string) string {
	if s.Language == nil {
		return english
	}
	return s.Language.Text(english)
}

// Label is a word before a text, with the space between the two that the
// user's language wants.
func (s *Streams) Label(english string) string {
	label := s.Translate(english)
	if strings.HasSuffix(label, "：") { // as wide as a colon and a space
		return label
	}
	return label + " "
}

// System returns the streams of the process.
func System() *Streams {
	return &Streams{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		InTTY:  term.IsTerminal(int(os.Stdin.Fd())),
		OutTTY: term.IsTerminal(int(os.Stdout.Fd())),
		ErrTTY: term.IsTerminal(int(os.Stderr.Fd())),
		inFile: os.Stdin,
		Width: func() int {
			width, _, err := term.GetSize(int(os.Stdout.Fd()))
			if err != nil {
				return 0
			}
			return width
		},
	}
}

// ColorMode is the value of --color.
type ColorMode string

// The values of --color.
const (
	ColorAuto   ColorMode = "auto"
	ColorAlways ColorMode = "always"
	ColorNever  ColorMode = "never"
)

// SetColor decides, for each stream, whether it is coloured: --color wins
// over NO_COLOR, that over CLICOLOR_FORCE, that over whether a terminal is
// there (TERM=dumb counts as none).
func (s *Streams) SetColor(mode ColorMode, getenv func(string) string) error {
	decide := func(tty bool) bool {
		force := getenv("CLICOLOR_FORCE")
		switch {
		case getenv("NO_COLOR") != "":
			return false
		case force != "" && force != "0":
			return true
		}
		return tty && getenv("TERM") != "dumb"
	}
	switch mode {
	case ColorAlways:
		s.outColor, s.errColor = true, true
	case ColorNever:
		s.outColor, s.errColor = false, false
	case ColorAuto, "":
		s.outColor, s.errColor = decide(s.OutTTY), decide(s.ErrTTY)
	default:
		return fmt.Errorf("invalid --color %q: use auto, always or never", mode)
	}
	return nil
}

// Paint is a way to set text off where the stream is coloured. Nothing is
// said by colour alone.
type Paint int

// The paints that wxctl uses.
const (
	Plain Paint = iota
	Bold
	Good
	Warn
	Bad
	Dim
)

func (p Paint) attributes() []color.Attribute {
	switch p {
	case Bold:
		return []color.Attribute{color.Bold}
	case Good:
		return []color.Attribute{color.FgGreen}
	case Warn:
		return []color.Attribute{color.FgYellow}
	case Bad:
		return []color.Attribute{color.FgRed}
	case Dim:
		return []color.Attribute{color.Faint}
	}
	return nil
}

// PaintOut paints text for stdout, PaintErr for stderr; a stream without
// colour gets it unchanged.
func (s *Streams) PaintOut(p Paint, text string) string { return paint(s.outColor, p, text) }

// PaintErr is PaintOut for stderr.
func (s *Streams) PaintErr(p Paint, text string) string { return paint(s.errColor, p, text) }

func paint(on bool, p Paint, text string) string {
	if !on || p == Plain || text == "" {
		return text
	}
	// fatih/color decides once for the whole process from stdout alone; each
	// stream here has its own say.
	c := color.New(p.attributes()...)
	c.EnableColor()
	return c.Sprint(text)
}

// Note prints one line on stderr unless --quiet. What is not fit for a terminal
// is shown escaped, here and in all that goes to stderr: paths and names come
// from outside.
func (s *Streams) Note(format string, args ...any) {
	if !s.Quiet {
		s.errLine(Safe(s.Sprintf(format, args...)))
	}
}

// Trace prints a line of what goes over a wire on stderr unless --quiet: as it
// is, in no language.
func (s *Streams) Trace(line string) {
	if !s.Quiet {
		s.errLine(s.PaintErr(Dim, Safe(line)))
	}
}

// Warn prints "warning: …" on stderr, also with --quiet.
func (s *Streams) Warn(format string, args ...any) {
	s.errLine(s.PaintErr(Warn, s.Label("warning:")) + Safe(s.Sprintf(format, args...)))
}

// Error prints the one sentence that a failed command ends with and the
// hint, if there is one.
func (s *Streams) Error(sentence, hint string) {
	s.errLine(s.PaintErr(Bad, "wxctl:") + " " + Safe(s.Translate(sentence)))
	if hint != "" {
		s.errLine(s.PaintErr(Bold, s.Label("hint:")) + Safe(s.Translate(hint)))
	}
}

func (s *Streams) errLine(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status != "" {
		fmt.Fprint(s.Err, clearLine)
		defer func() { fmt.Fprint(s.Err, s.status) }()
	}
	fmt.Fprintln(s.Err, line)
}

// clearLine empties the line that the cursor is in.
const clearLine = "\r\x1b[K"

// Println prints one whole line of the answer; lines from several goroutines
// don't mix.
func (s *Streams) Println(line string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status != "" {
		fmt.Fprint(s.Err, clearLine)
		defer func() { fmt.Fprint(s.Err, s.status) }()
	}
	_, err := fmt.Fprintln(s.Out, line)
	return err
}

// ReadSecret asks on stderr and reads one line from the terminal without
// echo. It fails where stdin is no terminal, and returns the context's error
// when that ends; the terminal is as it was before in any case.
func (s *Streams) ReadSecret(ctx context.Context, prompt string) (string, error) {
	if !s.InTTY || s.inFile == nil {
		return "", errors.New("can't ask without a terminal")
	}
	fd := int(s.inFile.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	fmt.Fprint(s.Err, s.Translate(prompt))
	defer fmt.Fprintln(s.Err)
	type answer struct {
		line []byte
		err  error
	}
	answers := make(chan answer, 1)
	go func() { // reading a terminal can't be cancelled: this ends with the process
		line, err := term.ReadPassword(fd)
		answers <- answer{line, err}
	}()
	select {
	case a := <-answers:
		return string(a.line), a.err
	case <-ctx.Done():
		return "", errors.Join(ctx.Err(), term.Restore(fd, before))
	}
}

// Say prints one line on stderr, also with --quiet: it belongs to an error.
func (s *Streams) Say(line string) { s.errLine(Safe(s.Translate(line))) }

// Progress returns a function that shows how far a file has gone to a phone:
// a line that is rewritten on a terminal, nothing elsewhere. prefix names the
// phone when there are several, and then there is no line either.
func (s *Streams) Progress(prefix string) func(name string, done, total int64) {
	if !s.ErrTTY || !s.OutTTY || s.Quiet || prefix != "" {
		return nil
	}
	last := int64(-1)
	return func(name string, done, total int64) {
		percent := int64(100)
		if total > 0 {
			percent = done * 100 / total
		}
		if percent == last {
			return
		}
		last = percent
		s.mu.Lock()
		defer s.mu.Unlock()
		fmt.Fprint(s.Err, clearLine+s.Sprintf("%s %3d%% of %d bytes", name, percent, total))
		if done >= total {
			fmt.Fprint(s.Err, clearLine)
		}
	}
}
