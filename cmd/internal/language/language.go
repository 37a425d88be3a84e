// Package language chooses the language that wxctl speaks to people, and
// translates its sentences where they are printed.
//
// The rooms below say everything in English: an error, an Outcome or a finding
// crosses sockets, run folders and JSON as an English sentence, the same for
// every reader. The last step before a terminal turns it into the reader's
// language, by the catalogue: its keys are the English formats of the source,
// so that a sentence is found again with the values that stand in it.
package language

import (
	"fmt"
	"strings"
)

// Language is a language of the user interface, as --ui-lang names it.
type Language string

// The languages that there are.
const (
	English Language = "en"
	Chinese Language = "zh" // Simplified
)

// Parse reads a value of --ui-lang or WXCTL_LANG.
func Parse(text string) (Language, error) {
	switch l := Language(text); l {
	case English, Chinese:
		return l, nil
	}
	return English, fmt.Errorf("invalid language %q", text)
}

// Of is the language of the locale, which the first of LC_ALL, LC_MESSAGES and
// LANG names that is not empty. Chinese is written in Simplified characters
// here: locales of Traditional ones get English, as all others do.
func Of(getenv func(string) string) Language {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		locale := getenv(name)
		if locale == "" {
			continue
		}
		locale, _, _ = strings.Cut(locale, ".") // zh_CN.UTF-8
		locale, _, _ = strings.Cut(locale, "@")
		switch strings.ToLower(strings.ReplaceAll(locale, "-", "_")) {
		case "zh", "zh_cn", "zh_sg", "zh_hans", "zh_hans_cn", "zh_hans_sg":
			return Chinese
		}
		return English
	}
	return English
}
