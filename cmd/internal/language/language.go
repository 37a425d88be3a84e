// Package language chooses the language of wxctl's messages, and translates
// sentences when they are printed.
//
// The packages below produce English only: an error, an Outcome or a finding
// crosses sockets, run folders and JSON as an English sentence, the same for
// every reader. It is translated in the last step before it is printed, by the
// catalogue: the keys are the English formats in the source, so a sentence is
// recognized together with the values in it.
package language

import (
	"fmt"
	"strings"
)

// Language is a language of the user interface, as --ui-lang names it.
type Language string

// The supported languages.
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

// Of is the language of the locale, which is the first of LC_ALL, LC_MESSAGES
// and LANG that is not empty. The Chinese texts use Simplified characters, so
// locales with Traditional ones get English, like all others.
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
