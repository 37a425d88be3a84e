package suite

import (
	"slices"
	"strings"
)

// Vocabulary is what a suite may refer to that this package does not know by
// itself: the commands of the program and the words of its answers.
type Vocabulary struct {
	Commands []Command
	// States are the words of "state", from the weakest; Screens those of
	// "screen".
	States, Screens []string
	// Afters are the values of --after: what happens to the phone after a
	// request.
	Afters []string
	// Selector says what is wrong with the text of a phone selector.
	Selector func(string) error
}

// Command is a command that a step can be.
type Command struct {
	Name  string // "share webpage"
	Short string
	Args  bool // it takes arguments besides its flags
	Phone bool // it drives a phone
	Flags []CommandFlag
	// Refused are the flags that the run sets itself, with what to do instead.
	Refused map[string]string
}

// CommandFlag is a flag of a command.
type CommandFlag struct {
	Name  string
	Type  string // as pflag calls it: string, bool, int, duration, stringArray
	Usage string
	Words []string // what completion offers
	// Check says what is wrong with a value.
	Check func(string) error
}

// list says that the flag may be given several times.
func (f *CommandFlag) list() bool {
	return strings.HasSuffix(f.Type, "Array") || strings.HasSuffix(f.Type, "Slice")
}

// Command finds a command by its words.
func (v *Vocabulary) Command(name string) *Command {
	i := slices.IndexFunc(v.Commands, func(c Command) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &v.Commands[i]
}

// Drives reports whether a step of the case drives a phone.
func (v *Vocabulary) Drives(c *Case) bool {
	return slices.ContainsFunc(c.Steps, func(s Step) bool {
		command := v.Command(s.Do)
		return command != nil && command.Phone
	})
}

func (v *Vocabulary) names() []string {
	names := make([]string, len(v.Commands))
	for i, c := range v.Commands {
		names[i] = c.Name
	}
	return names
}

func (c *Command) flag(name string) *CommandFlag {
	i := slices.IndexFunc(c.Flags, func(f CommandFlag) bool { return f.Name == name })
	if i < 0 {
		return nil
	}
	return &c.Flags[i]
}

func (c *Command) flagNames() []string {
	names := make([]string, len(c.Flags))
	for i, f := range c.Flags {
		names[i] = f.Name
	}
	return names
}

// Near returns the word that was probably meant, or "".
func Near(word string, words []string) string {
	best, distance := "", max(1, len(word)/3)+1
	for _, w := range words {
		if len(word) >= 3 && strings.HasPrefix(w, word) {
			return w // an abbreviation
		}
		d := edits(strings.ToLower(word), strings.ToLower(w))
		if len(word) > 4 && len(w) > 4 && word[:3] == w[:3] {
			d-- // an inflected form
		}
		if d < distance {
			best, distance = w, d
		}
	}
	return best
}

// edits is the edit distance of two words, where two swapped neighbours count
// as one.
func edits(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last, row := []int(nil), make([]int, len(y)+1), []int(nil)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row = make([]int, len(y)+1)
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(y)]
}

func didYouMean(word string, words []string) string {
	if w := Near(word, words); w != "" {
		return "did you mean " + w + "?"
	}
	return ""
}
