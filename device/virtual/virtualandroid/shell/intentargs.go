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
func (r *argReader) required() string {
	a, ok := r.next()
	if !ok {
		illegal("Argument expected after \"%s\"", r.last)
	}
	return a
}

// illegal ends a command with the exception that its arguments are met with;
// java prints it.
func illegal(format string, a ...any) {
	panic(&phone.Exception{Class: "java.lang.IllegalArgumentException", Message: fmt.Sprintf(format, a...)})
}

func notNumber(v string) {
	panic(&phone.Exception{Class: "java.lang.NumberFormatException", Message: fmt.Sprintf("For input string: %q", v)})
}

// thrown runs do, and returns the exception that it ended with.
func thrown(do func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*phone.Exception)
			if !ok {
				panic(r)
			}
			err = e
		}
	}()
	do()
	return nil
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

// intentArgs reads an intent as Intent.parseCommandArgs of that API level does.
// other takes the options that are not the intent's own, and reports whether it
// knows them.
func intentArgs(r *argReader, other func(opt string) bool) phone.Intent {
	in := phone.Intent{}
	has := false
	for {
		opt, ok := r.option()
		if !ok {
			break
		}
		switch {
		case intentOption(r, opt, &in):
			has = has || slices.Contains([]string{"-a", "-d", "-t", "-c", "-n", "-p"}, opt)
		case !other(opt):
			illegal("Unknown option: %s", opt)
		}
	}
	// The argument that is left names an intent: a URI, a component, or a
	// package.
	if arg, ok := r.next(); ok {
		in = mergeIntents(in, positional(arg))
	} else if !has {
		illegal("No intent supplied")
	}
	slices.Sort(in.Categories)
	return in
}

func positional(arg string) phone.Intent {
	if strings.HasPrefix(arg, "intent:") {
		return intentURI(arg)
	}
	if strings.Contains(arg, ":") {
		return phone.Intent{Action: "android.intent.action.VIEW", Data: arg}
	}
	in := phone.Intent{Action: "android.intent.action.MAIN", Categories: []string{"android.intent.category.LAUNCHER"}}
	if strings.Contains(arg, "/") {
		in.Component = component(arg)
	} else {
		in.Package = arg
	}
	return in
}

// component reads package/class.
func component(arg string) string {
	pkg, class, ok := phone.SplitComponent(arg)
	if !ok {
		illegal("Bad component name: %s", arg)
	}
	return pkg + "/" + class
}

// mergeIntents is Intent.fillIn as parseCommandArgs uses it: values from the
// options take precedence.
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

// intentOption takes one option of the intent itself, and reports whether it
// is one.
func intentOption(r *argReader, opt string, in *phone.Intent) bool {
	if flag, ok := flagOptions[opt]; ok {
		in.Flags |= flag
		return true
	}
	switch opt {
	case "-a":
		in.Action = r.required()
	case "-d":
		in.Data = r.required()
	case "-t":
		in.Type = r.required()
	case "-c":
		if v := r.required(); !slices.Contains(in.Categories, v) {
			in.Categories = append(in.Categories, v)
		}
	case "-p":
		in.Package = r.required()
	case "-n":
		in.Component = component(r.required())
	case "-f":
		in.Flags = decodeInt(r.required())
	case "--selector":
		in.Data, in.Type = "", ""
	case "--esn":
		in.Extras.Set(r.required(), androidwire.Value{})
	case "-e", "--es", "--ei", "--eu", "--el", "--ef", "--ez", "--esa", "--eia":
		key := r.required()
		in.Extras.Set(key, extraValue(strings.TrimLeft(opt, "-"), r.required()))
	default:
		return false
	}
	return true
}

// decodeInt is Integer.decode.
func decodeInt(v string) int32 {
	t := strings.Replace(v, "#", "0x", 1)
	n, err := strconv.ParseInt(t, 0, 64)
	if err != nil || n < -1<<31 || n > 1<<31-1 || strings.Contains(v, "_") || strings.HasPrefix(strings.ToLower(t), "0b") ||
		strings.HasPrefix(strings.ToLower(t), "0o") {
		notNumber(v)
	}
	return int32(n)
}

// extraValue makes an extra of a text. What the model has no type for keeps its
// class and its text.
func extraValue(kind, v string) androidwire.Value {
	switch kind {
	case "e", "es":
		return androidwire.String(v)
	case "ei":
		return androidwire.Int(decodeInt(v))
	case "el":
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			notNumber(v)
		}
		return androidwire.Long(n)
	case "ez":
		switch strings.ToLower(v) {
		case "true", "t":
			return androidwire.Bool(true)
		case "false", "f":
			return androidwire.Bool(false)
		}
		number := int32(0)
		if thrown(func() { number = decodeInt(v) }) != nil {
			illegal("Invalid boolean value: %s", v)
		}
		return androidwire.Bool(number != 0)
	case "eu":
		return androidwire.URI(v)
	case "ed", "ef":
		f, err := strconv.ParseFloat(v, map[string]int{"ed": 64, "ef": 32}[kind])
		if err != nil {
			notNumber(v)
		}
		if kind == "ed" {
			return androidwire.Double(f)
		}
		return androidwire.Other("java.lang.Float", v)
	case "eia":
		for part := range strings.SplitSeq(v, ",") {
			decodeInt(part)
		}
		return androidwire.Other("int[]", v)
	}
	return androidwire.Other("java.lang.String[]", v)
}

// ParseIntentURI reads intent:…#Intent;…;end (Intent.parseUri).
func ParseIntentURI(s string) (in phone.Intent, err error) {
	err = thrown(func() { in = intentURI(s) })
	return in, err
}

func intentURI(s string) phone.Intent {
	in := phone.Intent{Action: "android.intent.action.VIEW"}
	body, frag, ok := strings.Cut(strings.TrimPrefix(s, "intent:"), "#Intent;")
	if !ok {
		in.Data = strings.TrimPrefix(s, "intent:")
		return in
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
			illegal("unknown EXTRA type")
		case key == "action":
			in.Action = val
		case key == "category":
			in.Categories = append(in.Categories, val)
		case key == "type":
			in.Type = val
		case key == "launchFlags":
			n, err := strconv.ParseInt(val, 0, 64)
			if err != nil {
				notNumber(val)
			}
			in.Flags = int32(n)
		case key == "package":
			in.Package = val
		case key == "component":
			if pkg, class, ok := phone.SplitComponent(val); ok {
				in.Component = pkg + "/" + class
			}
		case key == "scheme":
			scheme = val
		case len(key) > 2 && key[1] == '.':
			uriExtra(&in, key, val)
		}
	}
	if scheme != "" && body != "" {
		in.Data = scheme + ":" + body
	}
	return in
}

func uriExtra(in *phone.Intent, key, val string) {
	name, err := url.PathUnescape(key[2:])
	if err != nil {
		name = key[2:]
	}
	kind, ok := map[byte]string{'S': "es", 'i': "ei", 'l': "el", 'd': "ed", 'B': "B"}[key[0]]
	switch {
	case !ok:
		illegal("unknown EXTRA type")
	case kind == "B":
		in.Extras.Set(name, androidwire.Bool(strings.EqualFold(val, "true")))
	default:
		in.Extras.Set(name, extraValue(kind, val))
	}
}
