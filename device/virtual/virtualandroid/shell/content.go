package shell

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
	"github.com/wxctl/wxctl/intents/androidwire"
)

// contentArgs are the arguments of the content command.
type contentArgs struct {
	uri, where, sort, method, arg string
	hasWhere, hasSort, hasMethod  bool
	projection                    []string
	user                          int
	extras                        androidwire.Extras
}

// content is the content command (com.android.commands.content.Content). It
// exits with 0 whatever happens.
func content(c *call) int {
	if len(c.args) < 2 {
		return c.contentUsage("Unsupported operation: null")
	}
	op := c.args[1]
	if !slices.Contains([]string{"query", "call", "insert", "update", "delete", "read", "write", "gettype"}, op) {
		return c.contentUsage("Unsupported operation: " + op)
	}
	a, err := contentParse(op, c.args[2:])
	if err == nil && a.uri == "" {
		err = fmt.Errorf("Content provider URI not specified. Did you specify --uri argument?")
	}
	if err == nil && op == "call" && !a.hasMethod {
		err = fmt.Errorf("Content provider method not specified.")
	}
	if err != nil {
		return c.contentUsage(err.Error())
	}
	caller := ""
	if c.cred.UID == phone.ShellUID || c.cred.UID == phone.RootUID {
		caller = "com.android.shell"
	}
	switch op {
	case "query":
		err = c.contentQuery(a, caller)
	case "call":
		var res map[string]any
		res, err = c.p.Call(c.ctx, phone.Call{UID: c.cred.UID, PID: c.pid, Package: caller, External: true, User: a.user, URI: a.uri, Method: a.method, Arg: a.arg, Extras: a.extras})
		if err == nil {
			c.printf("Result: %s\n", bundleText(res))
		}
	default:
		err = &phone.Exception{Class: "java.lang.UnsupportedOperationException", Message: "Unsupported operation"}
	}
	if err != nil {
		c.errorf("Error while accessing provider:%s\n%v\n\tat android.os.Parcel.createException(Parcel.java)\n\tat com.android.commands.content.Content$Command.execute(Content.java)\n\tat com.android.commands.content.Content.main(Content.java)\n", phone.Authority(a.uri), err)
	}
	return 0
}

func (c *call) contentUsage(why string) int {
	c.printf("usage: adb shell content [subcommand] [options]\n\n[ERROR] %s\n", why)
	return 0
}

func contentParse(op string, args []string) (contentArgs, error) {
	var a contentArgs
	r := &argReader{args: args}
	for {
		arg, ok := r.next()
		if !ok {
			return a, nil
		}
		known := slices.Contains([]string{"--uri", "--user"}, arg) ||
			op == "query" && slices.Contains([]string{"--projection", "--where", "--sort"}, arg) ||
			op == "call" && slices.Contains([]string{"--method", "--arg", "--extra"}, arg) ||
			(op == "insert" || op == "update" || op == "delete") && slices.Contains([]string{"--bind", "--where"}, arg)
		if !known {
			return a, fmt.Errorf("Unsupported argument: %s", arg)
		}
		v, ok := r.next()
		if !ok || strings.HasPrefix(v, "--") {
			return a, fmt.Errorf("No value for argument: %s", arg)
		}
		switch arg {
		case "--uri":
			a.uri = v
		case "--user":
			n, err := strconv.Atoi(v)
			if err != nil {
				return a, fmt.Errorf("For input string: %q", v)
			}
			a.user = n
		case "--projection":
			for p := range strings.SplitSeq(v, ":") {
				a.projection = append(a.projection, strings.TrimSpace(p))
			}
		case "--where":
			a.where, a.hasWhere = v, true
		case "--sort":
			a.sort, a.hasSort = v, true
		case "--method":
			a.method, a.hasMethod = v, true
		case "--arg":
			a.arg = v
		case "--extra", "--bind":
			if err := a.bind(v); err != nil {
				return a, err
			}
		}
	}
}

// bind reads KEY:TYPE:VALUE.
func (a *contentArgs) bind(v string) error {
	key, rest, ok := strings.Cut(v, ":")
	kind, val, ok2 := strings.Cut(rest, ":")
	if !ok || !ok2 {
		return fmt.Errorf("Binding not well formed: %s", v)
	}
	switch strings.ToLower(kind) {
	case "s":
		a.extras.Set(key, androidwire.String(val))
	case "b":
		a.extras.Set(key, androidwire.Bool(strings.EqualFold(val, "true")))
	case "i", "l":
		n, err := strconv.ParseInt(val, 10, 64)
		if err != nil {
			return fmt.Errorf("For input string: %q", val)
		}
		a.extras.Set(key, androidwire.Long(n))
	case "f", "d":
		f, err := strconv.ParseFloat(val, 64)
		if err != nil {
			return fmt.Errorf("For input string: %q", val)
		}
		a.extras.Set(key, androidwire.Double(f))
	default:
		return fmt.Errorf("Unsupported type: %s", kind)
	}
	return nil
}

func (c *call) contentQuery(a contentArgs, caller string) error {
	q := phone.Query{UID: c.cred.UID, PID: c.pid, Package: caller, External: true, User: a.user, URI: a.uri, Projection: a.projection}
	if a.hasWhere {
		q.Selection = &a.where
	}
	if a.hasSort {
		q.SortOrder = &a.sort
	}
	cur, err := c.p.Query(c.ctx, q)
	if err != nil {
		return err
	}
	if cur == nil || len(cur.Rows) == 0 {
		fmt.Fprintln(c.out, "No result found.")
		return nil
	}
	for i, row := range cur.Rows {
		parts := make([]string, len(cur.Columns))
		for j, col := range cur.Columns {
			parts[j] = col + "=" + columnText(row[j])
		}
		c.printf("Row: %d %s\n", i, strings.Join(parts, ", "))
	}
	return nil
}

func columnText(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case []byte:
		return "BLOB"
	case float64:
		return javaFloat(v)
	}
	return fmt.Sprint(v)
}

// javaFloat is String.valueOf of a float, for the range that occurs.
func javaFloat(f float64) string {
	if f == math.Trunc(f) && math.Abs(f) < 1e7 {
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return strconv.FormatFloat(f, 'g', -1, 32)
}

// bundleText is Bundle.toString.
func bundleText(m map[string]any) string {
	if m == nil {
		return "null"
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	parts := make([]string, len(keys))
	for i, k := range keys {
		v := m[k]
		if v == nil {
			v = "null"
		}
		parts[i] = fmt.Sprintf("%s=%v", k, v)
	}
	return "Bundle[{" + strings.Join(parts, ", ") + "}]"
}
