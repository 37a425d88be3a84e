package suite

// This is the one table of what a suite may contain. The checker, the JSON
// Schema and the reference are generated from it.

// shape is what a value may look like.
type shape interface{ shape() }

// object is a map with fixed keys, or with free ones.
type object struct {
	name   string // "a case", for sentences
	fields []field
	// free is the shape of the values of keys that are not fields; if nil, such
	// keys are refused.
	free shape
	// inner is called with the checker for what the table can't express.
	inner func(*checker, *node)
}

// field is a key of an object.
type field struct {
	name     string
	shape    shape
	required bool
	doc      string
	example  string
}

// list is a list; a single value may be given instead of a list of one.
type list struct {
	of    shape
	alone bool
	min   int
}

// text is a string.
type text struct {
	words  []string // the only ones
	format string   // "duration", "selector", "line" (one line, not empty), "name" (of a variable)
	names  bool     // may contain ${…}
}

// scalar is any value that is neither a list nor a map, taken literally.
type scalar struct{ names bool }

// boolean is true or false.
type boolean struct{}

// integer is a whole number within bounds.
type integer struct{ min, max int }

// choice is a scalar or a map.
type choice struct {
	scalar shape
	object object
}

// with is the flags of a step's command and command its name; expectations and
// captures have their own syntax.
type (
	flags        struct{}
	commandName  struct{}
	expectations struct{}
)

func (object) shape()       {}
func (list) shape()         {}
func (text) shape()         {}
func (scalar) shape()       {}
func (boolean) shape()      {}
func (integer) shape()      {}
func (choice) shape()       {}
func (flags) shape()        {}
func (commandName) shape()  {}
func (expectations) shape() {}

const durationExample = "30s"

// tables builds the table; the words of some fields come from the vocabulary.
type tables struct{ suite, defaults, oneCase, step, retry, on, capture object }

func makeTables(v *Vocabulary) *tables {
	t := &tables{}
	whens := []string{string(Never), string(OnFailure), string(Always)}
	t.retry = object{name: "retry", fields: []field{
		{name: "times", shape: integer{0, 10}, required: true,
			doc: "how often a case that did not pass is tried again, on another phone if one fits", example: "2"},
		{name: "after-sent", shape: boolean{},
			doc: "also when a request may have reached WeChat, where people could have seen it (default false)"},
	}}
	t.on = object{name: "on", fields: []field{
		{name: "phones", shape: text{format: "selector"}, doc: "selector that narrows the phones of the run",
			example: "platform=android,os>=12"},
		{name: "count", shape: text{words: []string{"each", "any"}}, doc: "each of them, or any one that is free (default each)"},
	}}
	t.capture = object{name: "a capture", fields: []field{
		{name: "from", shape: text{format: "line"}, required: true, doc: "path of the value in the command's JSON", example: "reply.code"},
		{name: "secret", shape: boolean{}, doc: "show it as *** in every event and report (default false)"},
	}}
	shared := []field{
		{name: "on", shape: choice{text{words: []string{"each", "any"}}, t.on},
			doc: "the phones that a case runs on: `each` phone of the run, `any` one that is free, or a map (default each; " +
				"any where no step drives a phone)"},
		{name: "timeout", shape: text{format: "duration"}, doc: "bound on each step (default: the command's own)", example: durationExample},
		{name: "after", shape: text{words: v.Afters}, doc: "how a request leaves the phone, as `--after`"},
		{name: "screenshot", shape: text{words: whens}, doc: "when a picture of the screen is kept (default on-failure)"},
		{name: "record", shape: text{words: whens}, doc: "when a screen recording is kept (default never); it may show real contacts"},
		{name: "retry", shape: t.retry, doc: "when a case that did not pass is tried again (default: never)"},
	}
	work := []field{
		{name: "do", shape: commandName{}, doc: "a command of wxctl, without its flags", example: "share webpage"},
		{name: "with", shape: flags{}, doc: "the command's flags, without the dashes; a flag that may be repeated takes a list"},
		{name: "args", shape: list{of: scalar{names: true}, alone: true}, doc: "the command's arguments, without its flags", example: "[Hello]"},
		{name: "expect", shape: expectations{}, doc: "what the command's JSON must hold (default: exit code 0)"},
		{name: "capture", shape: object{name: "capture", free: choice{text{format: "line"}, t.capture}},
			doc: "values of the command's JSON that later steps of the case use as `${name}`: a path, or a map"},
	}
	t.step = object{name: "a step", fields: append([]field{}, work...)}
	t.step.fields[0].required = true
	own := []field{
		{name: "name", shape: text{format: "line", names: true}, required: true, doc: "unique in the suite, after the matrix was filled in"},
		{name: "tags", shape: list{of: text{format: "line"}, alone: true}, doc: "words that `--tags` picks cases by",
			example: "[smoke, share]"},
		{name: "matrix", shape: object{name: "matrix", free: list{of: scalar{}, min: 1}},
			doc: "the case runs once for every combination of these values, each under its name as `${name}`"},
		{name: "optional", shape: boolean{}, doc: "a case that fits no phone is skipped, not errored (default false)"},
		{name: "steps", shape: list{of: t.step, min: 1},
			doc: "several commands, in order, on one phone; the case ends at the first that is not as expected"},
	}
	t.oneCase = object{name: "a case", fields: append(append(own, shared...), work...), inner: (*checker).doOrSteps}
	t.defaults = object{name: "defaults", fields: shared}
	t.suite = object{name: "the suite", fields: []field{
		{name: "version", shape: integer{1, 1}, required: true, doc: "version of this format: 1"},
		{name: "name", shape: text{format: "line"}, required: true, doc: "what reports call the suite"},
		{name: "profile", shape: text{format: "line"}, doc: "profile of the configuration, as `--profile`, which wins"},
		{name: "vars", shape: object{name: "vars", free: scalar{names: true}}, doc: "values that cases use as `${name}`"},
		{name: "env", shape: list{of: text{format: "name"}, alone: true},
			doc: "environment variables that the suite uses as `${env.NAME}`; no others are read"},
		{name: "secrets", shape: list{of: text{format: "name"}, alone: true},
			doc: "environment variables whose values are shown as ***; they may be used as `${env.NAME}`, too"},
		{name: "app", shape: object{name: "app", fields: []field{
			{name: "android", shape: text{format: "line"}, doc: "an APK"},
			{name: "ios", shape: text{format: "line"}, doc: "an IPA or .app"},
		}}, doc: "the app under test, for readers of the suite: wxctl does not install it"},
		{name: "defaults", shape: t.defaults, doc: "what holds for cases that say nothing else"},
		{name: "cases", shape: list{of: t.oneCase, min: 1}, required: true, doc: "the cases; they run in any order"},
	}}
	return t
}
