package shell

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

// logOptions are logcat's arguments.
type logOptions struct {
	buffers []phone.LogBuffer
	dump    bool
	clear   bool
	tail    int // -1: all
	since   time.Time
	format  logFormat
	filter  map[string]int // tag -> priority; "*" for the rest
	rx      *regexp.Regexp
	most    int
	pid     int
	year    int // now
}

func logcat(c *call) int {
	o, code := c.logArgs()
	if code >= 0 {
		return code
	}
	if o.clear {
		c.p.Log.Clear(o.buffers...)
		return 0
	}
	return c.readLog(o)
}

// logArgs reads the arguments; a code that is not negative ends the run.
func (c *call) logArgs() (o logOptions, code int) {
	o = logOptions{tail: -1, most: -1, filter: map[string]int{}, format: logFormat{kind: "threadtime"}, year: c.p.Now().UTC().Year()}
	args := c.args[1:]
	bad := func(format string, a ...any) (logOptions, int) {
		c.errorf("logcat: "+format+"\n", a...)
		return o, 1
	}
	for i := 0; i < len(args); i++ {
		a := args[i]
		if len(a) < 2 || a[0] != '-' {
			if !o.spec(a) {
				return bad("Invalid filter expression '%s'", a)
			}
			continue
		}
		name, value, long := strings.Cut(a, "=")
		switch {
		case a == "-d":
			o.dump = true
			continue
		case a == "-c" || a == "--clear":
			o.clear = true
			continue
		case a == "-s":
			o.filter["*"] = 8
			continue
		case a == "-S" || a == "--statistics" || a == "-L" || a == "--last":
			continue
		case !long && !strings.HasPrefix(a, "--"):
			name, value = a[:2], a[2:]
		}
		if value == "" && !long {
			if i++; i >= len(args) {
				return bad("option requires an argument -- %s", strings.TrimLeft(a, "-"))
			}
			value = args[i]
		}
		if err := o.set(name, value); err != nil {
			return bad("%v", err)
		}
	}
	if len(o.buffers) == 0 {
		o.buffers = []phone.LogBuffer{phone.LogMain, phone.LogSystem, phone.LogCrash}
	}
	return o, -1
}

func (o *logOptions) set(name, value string) error {
	var err error
	switch name {
	case "-b", "--buffer":
		return o.addBuffers(value)
	case "-v", "--format":
		return o.format.add(value)
	case "-t", "-T":
		o.dump = o.dump || name == "-t"
		if n, err := strconv.Atoi(value); err == nil {
			o.tail = n
			return nil
		}
		if o.since, err = logTime(value, o.year); err != nil {
			return fmt.Errorf("%s \"%s\" not in time format", name, value)
		}
	case "-e", "--regex":
		if o.rx, err = regexp.Compile(value); err != nil {
			return fmt.Errorf("bad regex %s", value)
		}
	case "-m", "--max-count":
		if o.most, err = strconv.Atoi(value); err != nil || o.most < 1 {
			return fmt.Errorf("-m \"%s\" isn't an integer greater than zero", value)
		}
	case "--pid":
		if o.pid, err = strconv.Atoi(value); err != nil {
			return fmt.Errorf("--pid %s is out of range", value)
		}
	case "-f", "-r", "-n", "-G", "-P", "-p":
	default:
		return fmt.Errorf("Unrecognized Option %s", name)
	}
	return nil
}

func (o *logOptions) addBuffers(value string) error {
	for b := range strings.SplitSeq(value, ",") {
		switch b {
		case "default":
			o.buffers = append(o.buffers, phone.LogMain, phone.LogSystem, phone.LogCrash)
		case "all":
			o.buffers = append(o.buffers, phone.LogMain, phone.LogRadio, phone.LogEvents, phone.LogSystem, phone.LogCrash)
		case "kernel", "security", "stats":
		default:
			i := slices.Index(phone.LogBuffers, b)
			if i < 0 {
				return fmt.Errorf("unknown buffer %s", b)
			}
			o.buffers = append(o.buffers, phone.LogBuffer(i))
		}
	}
	slices.Sort(o.buffers)
	o.buffers = slices.Compact(o.buffers)
	return nil
}

// logTime reads a time as -t and -T take it; one without a year is in year.
func logTime(s string, year int) (time.Time, error) {
	if sec, frac, ok := strings.Cut(s, "."); ok {
		if n, err := strconv.ParseInt(sec, 10, 64); err == nil {
			f, err := strconv.ParseInt((frac + "000000000")[:9], 10, 64)
			return time.Unix(n, f), err
		}
	}
	for _, layout := range []string{"2006-01-02 15:04:05.999999999", "01-02 15:04:05.999999999"} {
		if t, err := time.Parse(layout, s); err == nil {
			if t.Year() == 0 {
				t = t.AddDate(year, 0, 0)
			}
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("not a time")
}

const priorities = "??VDIWEFS"

// spec adds a filter: tag:priority.
func (o *logOptions) spec(s string) bool {
	for one := range strings.FieldsSeq(strings.ReplaceAll(s, ",", " ")) {
		tag, prio, ok := strings.Cut(one, ":")
		level := phone.Verbose
		if tag == "" {
			return false
		}
		if ok && prio != "" && prio != "*" {
			if level = strings.IndexByte(priorities, strings.ToUpper(prio)[0]); level < 2 || len(prio) > 1 {
				return false
			}
		} else if tag == "*" {
			level = phone.Debug
		}
		o.filter[tag] = level
	}
	return true
}

func (o *logOptions) wants(e phone.LogEntry) bool {
	least, ok := o.filter[e.Tag]
	if !ok {
		least = o.filter["*"]
	}
	return e.Priority >= least && (o.pid == 0 || e.PID == o.pid) && (o.since.IsZero() || !e.Time.Before(o.since))
}

// readLog prints the existing lines and, unless it should stop then, new ones.
func (c *call) readLog(o logOptions) int {
	var after uint64
	seen := map[phone.LogBuffer]bool{}
	printed := 0
	for {
		entries, grown := c.p.Log.Read(after, o.buffers...)
		if after == 0 && o.tail >= 0 {
			entries = entries[max(0, len(entries)-o.tail):]
		}
		var b strings.Builder
		for _, e := range entries {
			after = e.Seq
			if !o.wants(e) {
				continue
			}
			text := messageText(e)
			if o.rx != nil && !o.rx.MatchString(text) {
				continue
			}
			if (len(o.buffers) > 1 || c.p.API >= 30) && !seen[e.Buffer] {
				fmt.Fprintf(&b, "--------- beginning of %s\n", phone.LogBuffers[e.Buffer])
			}
			seen[e.Buffer] = true
			o.format.line(&b, e, text)
			if printed++; printed == o.most {
				break
			}
		}
		if b.Len() > 0 {
			if _, err := io.WriteString(c.out, b.String()); err != nil {
				return 0
			}
		}
		if o.dump || printed == o.most {
			return 0
		}
		if after == 0 {
			after = c.p.Log.Last()
			if after == 0 {
				o.tail = -1
			}
		}
		select {
		case <-grown:
		case <-c.ctx.Done():
			return 130
		}
	}
}

// messageText is a record's message; of an event, its values as liblog joins
// them: nothing is escaped, and a single one has no brackets.
func messageText(e phone.LogEntry) string {
	if e.Event == 0 {
		return e.Text
	}
	parts := make([]string, len(e.Args))
	for i, a := range e.Args {
		parts[i] = fmt.Sprint(a)
	}
	s := strings.Join(parts, ",")
	if len(e.Args) == 1 {
		return s
	}
	return "[" + s + "]"
}

// logFormat is a -v format with its modifiers.
type logFormat struct {
	kind                    string
	uid, usec, epoch, color bool
}

func (f *logFormat) add(v string) error {
	for one := range strings.FieldsFuncSeq(v, func(r rune) bool { return r == ',' || r == ' ' }) {
		switch one {
		case "brief", "long", "process", "raw", "tag", "thread", "threadtime", "time":
			f.kind = one
		case "color", "colour":
			f.color = true
		case "usec":
			f.usec = true
		case "epoch":
			f.epoch = true
		case "uid":
			f.uid = true
		default:
			return fmt.Errorf("Invalid parameter \"%s\" to -v", one)
		}
	}
	return nil
}

func (f *logFormat) time(t time.Time) string {
	s := t.UTC().Format("01-02 15:04:05")
	if f.epoch {
		s = fmt.Sprintf("%19d", t.Unix())
	}
	if f.usec {
		return s + fmt.Sprintf(".%06d", t.Nanosecond()/1000)
	}
	return s + fmt.Sprintf(".%03d", t.Nanosecond()/1e6)
}

// EpochLines prints a record as liblog's threadtime with the modifiers epoch
// and, from API 26 on, uid.
func EpochLines(api int, e phone.LogEntry) string {
	f := logFormat{kind: "threadtime", epoch: true, uid: api >= 26}
	var b strings.Builder
	f.line(&b, e, messageText(e))
	return strings.TrimSuffix(b.String(), "\n")
}

// line prints a record: its prefix before each line of the message, as
// android_log_formatLogLine does.
func (f *logFormat) line(b *strings.Builder, e phone.LogEntry, text string) {
	uid := ""
	if f.uid {
		uid = strconv.Itoa(e.UID)
		if n := phone.UserName(e.UID); len(n) <= 5 {
			uid = n
		}
		uid = fmt.Sprintf("%5s:", uid)
	}
	p := priorities[min(max(e.Priority, 0), 8)]
	prefix, suffix := "", "\n"
	switch f.kind {
	case "tag":
		prefix = fmt.Sprintf("%c/%-8s: ", p, e.Tag)
	case "process":
		prefix, suffix = fmt.Sprintf("%c(%s%5d) ", p, uid, e.PID), fmt.Sprintf("  (%s)\n", e.Tag)
	case "thread":
		prefix = fmt.Sprintf("%c(%s%5d:%5d) ", p, uid, e.PID, e.TID)
	case "raw":
	case "time":
		prefix = fmt.Sprintf("%s %c/%-8s(%s%5d): ", f.time(e.Time), p, e.Tag, uid, e.PID)
	case "threadtime":
		prefix = fmt.Sprintf("%s %s%5d %5d %c %-8s: ", f.time(e.Time), strings.Replace(uid, ":", " ", 1), e.PID, e.TID, p, e.Tag)
	case "long":
		fmt.Fprintf(b, "[ %s %s%5d:%5d %c/%-8s ]\n", f.time(e.Time), uid, e.PID, e.TID, p, e.Tag)
		b.WriteString(text + "\n\n")
		return
	default:
		prefix = fmt.Sprintf("%c/%-8s(%s%5d): ", p, e.Tag, uid, e.PID)
	}
	if f.color {
		colour := map[byte]string{'V': "39", 'D': "38;5;75", 'I': "38;5;40", 'W': "38;5;166", 'E': "38;5;196", 'F': "38;5;196"}[p]
		prefix, suffix = "\x1b["+colour+"m"+prefix, "\x1b[0m"+suffix
	}
	for l := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		b.WriteString(prefix + l + suffix)
	}
}
