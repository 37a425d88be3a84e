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

// Streams are a command's standard streams. stdout has the answer, stderr
// everything else.
type Streams struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer

	// InTTY, OutTTY and ErrTTY report whether the stream is a terminal.
	InTTY, OutTTY, ErrTTY bool

	// Width returns the number of columns of the terminal behind Out; 0 if
	// unknown. It may be nil.
	Width func() int

	// Quiet drops notes; errors and answers stay.
	Quiet bool

	// Language is the user's language; nil is English. Code that builds an
	// answer translates it with Sprintf and Translate; what goes to stderr is
	// translated here.
	Language Language

	mu                 sync.Mutex // one line at a time from parallel phones
	outColor, errColor bool
	inFile             *os.File
	status             string // a line that is rewritten while waiting
}

// Language translates wxctl's English sentences.
type Language interface {
	// Text translates a sentence, or paragraphs of them.
	Text(english string) string
	// Format is fmt.Sprintf with a translated format.
	Format(format string, args ...any) string
}

// Sprintf is fmt.Sprintf in the user's language: the format is translated, and
// values that are sentences of wxctl's too.
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

// Label is a word before a text, followed by the space that the user's language
// uses there.
func (s *Streams) Label(english string) string {
	label := s.Translate(english)
	if strings.HasSuffix(label, "：") { // a full-width colon includes its space
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

// SetColor decides for each stream whether it is coloured: --color overrides
// NO_COLOR, which overrides CLICOLOR_FORCE; otherwise it is if it is a terminal
// (TERM=dumb counts as none).
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

// Paint is a style for text on a coloured stream. Colour is never the only way
// in which something is said.
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
	// fatih/color decides once per process, by stdout; here each stream has its
	// own setting.
	c := color.New(p.attributes()...)
	c.EnableColor()
	return c.Sprint(text)
}

// Note prints one line on stderr unless --quiet. Like everything on stderr it
// is escaped for a terminal: paths and names come from outside.
func (s *Streams) Note(format string, args ...any) {
	if !s.Quiet {
		s.errLine(Safe(s.Sprintf(format, args...)))
	}
}

// Trace prints a line of protocol tracing on stderr unless --quiet, without
// translation.
func (s *Streams) Trace(line string) {
	if !s.Quiet {
		s.errLine(s.PaintErr(Dim, Safe(line)))
	}
}

// Warn prints "warning: …" on stderr, also with --quiet.
func (s *Streams) Warn(format string, args ...any) {
	s.errLine(s.PaintErr(Warn, s.Label("warning:")) + Safe(s.Sprintf(format, args...)))
}

// Error prints a failed command's error sentence and its hint, if there is one.
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

// clearLine clears the cursor's line.
const clearLine = "\r\x1b[K"

// Println prints one whole line of the answer; lines of several goroutines are
// not mixed.
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

// ReadSecret prompts on stderr and reads one line from the terminal without
// echo. It fails if stdin is not a terminal, and returns the context's error
// when that ends; the terminal's mode is restored in any case.
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

// Quote prints one line of a file on stderr, also with --quiet: unlike Say
// without translation, even if it reads like a message.
func (s *Streams) Quote(line string) { s.errLine(Safe(line)) }

// Progress returns a function that shows the progress of copying a file to a
// phone: a line that is rewritten on a terminal, nothing elsewhere. With
// several phones, when prefix is set, nothing is shown either.
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
