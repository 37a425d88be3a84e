package shell

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// argReader returns arguments as ShellCommand's getNextArg and getNextOption
// do.
type argReader struct {
	args []string
	last string // the argument read last
}

func (r *argReader) next() (string, bool) {
	if len(r.args) == 0 {
		return "", false
	}
	r.last = r.args[0]
	r.args = r.args[1:]
	return r.last, true
}

// option gives the next argument if it is an option.
func (r *argReader) option() (string, bool) {
	if len(r.args) == 0 || len(r.args[0]) < 1 || r.args[0][0] != '-' {
		return "", false
	}
	a, _ := r.next()
	if a == "--" {
		return "", false
	}
	return a, true
}

// required gives an option's value.
func (r *argReader) required() (string, error) {
	a, ok := r.next()
	if !ok {
		return "", illegal("Argument expected after \"%s\"", r.last)
	}
	return a, nil
}

func illegal(format string, a ...any) error {
	return &phone.Exception{Class: "java.lang.IllegalArgumentException", Message: fmt.Sprintf(format, a...)}
}

func notNumber(v string) error {
	return &phone.Exception{Class: "java.lang.NumberFormatException", Message: fmt.Sprintf("For input string: %q", v)}
}

// flagOptions are the options that only set a flag of the intent.
var flagOptions = map[string]int32{
	"--grant-read-uri-permission":        0x1,
	"--grant-write-uri-permission":       0x2,
	"--grant-persistable-uri-permission": 0x40,
	"--grant-prefix-uri-permission":      0x80,
	"--exclude-stopped-packages":         0x10,
	"--include-stopped-packages":         0x20,
	"--debug-log-resolution":             0x8,
	"--activity-brought-to-front":        0x00400000,
	"--activity-clear-top":               0x04000000,
	"--activity-clear-when-task-reset":   0x00080000,
	"--activity-exclude-from-recents":    0x00800000,
	"--activity-launched-from-history":   0x00100000,
	"--activity-multiple-task":           0x08000000,
	"--activity-no-animation":            0x00010000,
	"--activity-no-history":              0x40000000,
	"--activity-no-user-action":          0x00040000,
	"--activity-previous-is-top":         0x01000000,
	"--activity-reorder-to-front":        0x00020000,
	"--activity-reset-task-if-needed":    0x00200000,
	"--activity-single-top":              0x20000000,
	"--activity-clear-task":              0x00008000,
	"--activity-task-on-home":            0x00004000,
}

// intentArgs reads an intent as Intent.parseCommandArgs of that level does.
// other gets the options that are not the intent's own, and reports whether
// it knows them.
func intentArgs(api int, r *argReader, other func(opt string) (bool, error)) (phone.Intent, error) {
	in := phone.Intent{}
	has := false
	for {
		opt, ok := r.option()
		if !ok {
			break
		}
		known, err := intentOption(api, r, opt, &in)
		if err != nil {
			return in, err
		}
		if known {
			if !strings.HasPrefix(opt, "--") || strings.HasPrefix(opt, "--e") {
				has = has || slices.Contains([]string{"-a", "-d", "-t", "-c", "-n", "-p"}, opt)
			}
			continue
		}
		if known, err = other(opt); err != nil {
			return in, err
		}
		if !known {
			return in, illegal("Unknown option: %s", opt)
		}
	}
	// The argument that is left names an intent: a URI, a component, or a
	// package.
	if arg, ok := r.next(); ok {
		base, err := positional(arg)
		if err != nil {
			return in, err
		}
		in = mergeIntents(in, base)
		has = true
	}
	if !has {
		return in, illegal("No intent supplied")
	}
	slices.Sort(in.Categories)
	return in, nil
}

func positional(arg string) (phone.Intent, error) {
	switch {
	case strings.HasPrefix(arg, "intent:"):
		return ParseIntentURI(arg)
	case strings.Contains(arg, ":"):
		return phone.Intent{Action: "android.intent.action.VIEW", Data: arg}, nil
	case strings.Contains(arg, "/"):
		pkg, class, ok := phone.SplitComponent(arg)
		if !ok {
			return phone.Intent{}, illegal("Bad component name: %s", arg)
		}
		return phone.Intent{Action: "android.intent.action.MAIN", Categories: []string{"android.intent.category.LAUNCHER"}, Component: pkg +
			"/" + class}, nil
	}
	return phone.Intent{Action: "android.intent.action.MAIN", Categories: []string{"android.intent.category.LAUNCHER"}, Package: arg}, nil
}

// mergeIntents is Intent.fillIn as parseCommandArgs uses it: what the options
// gave wins.
func mergeIntents(in, base phone.Intent) phone.Intent {
	fill := func(v *string, b string) {
		if *v == "" {
			*v = b
		}
	}
	if in.Action != "" {
		base.Categories = nil
	}
	fill(&in.Action, base.Action)
	if in.Data == "" && in.Type == "" {
		in.Data, in.Type = base.Data, base.Type
	}
	fill(&in.Component, base.Component)
	fill(&in.Package, base.Package)
	if len(in.Categories) == 0 {
		in.Categories = base.Categories
	}
	in.Flags |= base.Flags
	for _, e := range base.Extras {
		if !in.Extras.Has(e.Key) {
			in.Extras.Set(e.Key, e.Value)
		}
	}
	return in
}

// intentOption takes one option of the intent itself.
func intentOption(api int, r *argReader, opt string, in *phone.Intent) (bool, error) {
	if flag, ok := flagOptions[opt]; ok {
		in.Flags |= flag
		return true, nil
	}
	if strings.HasPrefix(opt, "-e") || strings.HasPrefix(opt, "--e") {
		return extraOption(r, opt, in)
	}
	switch opt {
	case "-a", "-d", "-t", "-c", "-p", "-n", "-f":
	case "--selector":
		in.Data, in.Type = "", ""
		return true, nil
	default:
		return false, nil
	}
	v, err := r.required()
	if err != nil {
		return true, err
	}
	switch opt {
	case "-a":
		in.Action = v
	case "-d":
		in.Data = v
	case "-t":
		in.Type = v
	case "-c":
		if !slices.Contains(in.Categories, v) {
			in.Categories = append(in.Categories, v)
		}
	case "-p":
		in.Package = v
	case "-n":
		pkg, class, ok := phone.SplitComponent(v)
		if !ok {
			return true, illegal("Bad component name: %s", v)
		}
		in.Component = pkg + "/" + class
	case "-f":
		n, err := decodeInt(v)
		if err != nil {
			return true, err
		}
		in.Flags = n
	}
	return true, nil
}

// decodeInt is Integer.decode.
func decodeInt(v string) (int32, error) {
	t := strings.Replace(v, "#", "0x", 1)
	n, err := strconv.ParseInt(t, 0, 64)
	if err != nil || n < -1<<31 || n > 1<<31-1 || strings.Contains(v, "_") || strings.HasPrefix(strings.ToLower(t), "0b") ||
		strings.HasPrefix(strings.ToLower(t), "0o") {
		return 0, notNumber(v)
	}
	return int32(n), nil
}

// extraOption takes -e and its kin. What the model has no type for keeps its
// class and its text.
func extraOption(r *argReader, opt string, in *phone.Intent) (bool, error) {
	kind := strings.TrimPrefix(strings.TrimPrefix(opt, "-"), "-")
	if !slices.Contains([]string{"e", "es", "esn", "ei", "eu", "el", "ef", "ez", "esa", "eia"}, kind) || kind == "e" != (opt == "-e") {
		return false, nil
	}
	key, err := r.required()
	if err != nil {
		return true, err
	}
	if kind == "esn" {
		in.Extras.Set(key, androidwire.Value{})
		return true, nil
	}
	v, err := r.required()
	if err != nil {
		return true, err
	}
	val, err := extraValue(kind, v)
	if err == nil {
		in.Extras.Set(key, val)
	}
	return true, err
}

func extraValue(kind, v string) (androidwire.Value, error) {
	switch kind {
	case "e", "es":
		return androidwire.String(v), nil
	case "ei":
		n, err := decodeInt(v)
		return androidwire.Int(n), err
	case "el":
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return androidwire.Value{}, notNumber(v)
		}
		return androidwire.Long(n), nil
	case "ez":
		switch strings.ToLower(v) {
		case "true", "t":
			return androidwire.Bool(true), nil
		case "false", "f":
			return androidwire.Bool(false), nil
		}
		n, err := decodeInt(v)
		if err != nil {
			return androidwire.Value{}, illegal("Invalid boolean value: %s", v)
		}
		return androidwire.Bool(n != 0), nil
	case "eu":
		return androidwire.URI(v), nil
	case "ed":
		f, err := strconv.ParseFloat(v, 64)
		if err != nil {
			return androidwire.Value{}, notNumber(v)
		}
		return androidwire.Double(f), nil
	case "ef":
		if _, err := strconv.ParseFloat(v, 32); err != nil {
			return androidwire.Value{}, notNumber(v)
		}
		return androidwire.Other("java.lang.Float", v), nil
	case "eia":
		for part := range strings.SplitSeq(v, ",") {
			if _, err := decodeInt(part); err != nil {
				return androidwire.Value{}, err
			}
		}
		return androidwire.Other("int[]", v), nil
	}
	return androidwire.Other("java.lang.String[]", v), nil
}

// ParseIntentURI reads intent:…#Intent;…;end (Intent.parseUri).
func ParseIntentURI(s string) (phone.Intent, error) {
	in := phone.Intent{Action: "android.intent.action.VIEW"}
	body, frag, ok := strings.Cut(strings.TrimPrefix(s, "intent:"), "#Intent;")
	if !ok {
		in.Data = strings.TrimPrefix(s, "intent:")
		return in, nil
	}
	scheme := ""
	for part := range strings.SplitSeq(strings.TrimSuffix(frag, ";end"), ";") {
		if part == "end" || part == "" {
			continue
		}
		key, val, ok := strings.Cut(part, "=")
		if u, err := url.PathUnescape(val); err == nil {
			val = u
		}
		switch {
		case !ok:
			return in, illegal("unknown EXTRA type")
		case key == "action":
			in.Action = val
		case key == "category":
			in.Categories = append(in.Categories, val)
		case key == "type":
			in.Type = val
		case key == "launchFlags":
			n, err := strconv.ParseInt(val, 0, 64)
			if err != nil {
				return in, notNumber(val)
			}
			in.Flags = int32(n)
		case key == "package":
			in.Package = val
		case key == "component":
			pkg, class, ok := phone.SplitComponent(val)
			if ok {
				in.Component = pkg + "/" + class
			}
		case key == "scheme":
			scheme = val
		case len(key) > 2 && key[1] == '.':
			if err := uriExtra(&in, key, val); err != nil {
				return in, err
			}
		}
	}
	if scheme != "" && body != "" {
		in.Data = scheme + ":" + body
	}
	return in, nil
}

func uriExtra(in *phone.Intent, key, val string) error {
	name, err := url.PathUnescape(key[2:])
	if err != nil {
		name = key[2:]
	}
	if key[0] == 'B' {
		in.Extras.Set(name, androidwire.Bool(strings.EqualFold(val, "true")))
		return nil
	}
	kind, ok := map[byte]string{'S': "es", 'i': "ei", 'l': "el", 'd': "ed"}[key[0]]
	if !ok {
		return illegal("unknown EXTRA type")
	}
	v, err := extraValue(kind, val)
	if err == nil {
		in.Extras.Set(name, v)
	}
	return err
}
