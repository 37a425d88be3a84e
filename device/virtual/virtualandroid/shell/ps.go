package shell

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/phone"
)

func pidof(c *call) int {
	set, names := c.flags("s", "o")
	var pids []string
	for _, pr := range slices.Backward(c.p.Processes()) {
		if slices.Contains(names, pr.Name) {
			pids = append(pids, strconv.Itoa(pr.PID))
		}
	}
	if len(pids) == 0 {
		return 1
	}
	if has(set, 's') {
		pids = pids[:1]
	}
	fmt.Fprintln(c.out, strings.Join(pids, " "))
	return 0
}

// ps prints what toybox's ps does on 26 and up (without -A the caller's own),
// and toolbox's, which lists all, below.
func ps(c *call) int {
	all := c.p.API < 26
	var fields []string
	args := c.args[1:]
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "-o" && i+1 < len(args):
			i++
			fields = append(fields, strings.Split(args[i], ",")...)
		case strings.HasPrefix(a, "-o"):
			fields = append(fields, strings.Split(a[2:], ",")...)
		case strings.HasPrefix(a, "-") && strings.ContainsAny(a, "Ae"):
			all = true
		}
	}
	if fields == nil {
		fields = []string{"USER", "PID", "PPID", "VSZ", "RSS", "WCHAN", "ADDR", "S", "NAME"}
	}
	var rows [][]string
	header := make([]string, len(fields))
	for i, f := range fields {
		header[i] = strings.ToUpper(f)
		if header[i] == "VSZ" && c.p.API < 26 {
			header[i] = "VSIZE"
		}
	}
	rows = append(rows, header)
	for _, pr := range c.p.Processes() {
		if !all && pr.UID != c.cred.UID {
			continue
		}
		row := make([]string, len(fields))
		for i, f := range fields {
			row[i] = psField(strings.ToUpper(f), pr)
		}
		rows = append(rows, row)
	}
	width := make([]int, len(fields))
	for _, r := range rows {
		for i, v := range r {
			width[i] = max(width[i], len(v))
		}
	}
	for _, r := range rows {
		var b strings.Builder
		for i, v := range r {
			switch f := strings.ToUpper(fields[i]); {
			case i == len(r)-1 && f != "PID":
				b.WriteString(v)
			case f == "USER" || f == "NAME" || f == "S" || f == "CMD" || f == "ARGS":
				fmt.Fprintf(&b, "%-*s ", width[i], v)
			default:
				fmt.Fprintf(&b, "%*s ", width[i], v)
			}
		}
		fmt.Fprintln(c.out, strings.TrimRight(b.String(), " "))
	}
	return 0
}

func psField(f string, pr phone.Process) string {
	switch f {
	case "USER":
		return phone.UserName(pr.UID)
	case "UID":
		return strconv.Itoa(pr.UID)
	case "PID":
		return strconv.Itoa(pr.PID)
	case "PPID":
		return strconv.Itoa(pr.PPID)
	case "VSZ":
		return strconv.Itoa(10000 + pr.PID*4)
	case "RSS":
		return strconv.Itoa(2000 + pr.PID)
	case "S":
		return "S"
	case "NAME", "CMD", "ARGS", "CMDLINE", "COMM":
		return pr.Name
	}
	return "0"
}

func kill(c *call) int {
	args := c.args[1:]
	sig := "TERM"
	if len(args) > 1 && strings.HasPrefix(args[0], "-") {
		sig, args = args[0][1:], args[1:]
	}
	if len(args) == 0 {
		c.errorf("usage:\tkill [-signum | -signame] { job | pid } ...\n")
		return 1
	}
	code := 0
	for _, a := range args {
		if job, ok := jobNumber(a); ok && c.jobs.signal(job, signalNumber(sig)) {
			continue
		}
		pid, err := strconv.Atoi(a)
		if err != nil {
			c.complain("kill: %s: arguments must be jobs or process IDs", a)
			code = 1
			continue
		}
		if err = c.p.Kill(c.cred, pid); err == nil && pid == c.session.pid {
			c.ended = 128 + signalNumber(sig)
			return 0
		}
		if err != nil {
			c.complain("kill: %d: %v", pid, err)
			code = 1
		}
	}
	return code
}

// signalNumber is the number of a signal that is given by name or number.
func signalNumber(name string) int {
	if n, err := strconv.Atoi(name); err == nil {
		return n & 0x7f
	}
	name = strings.TrimPrefix(strings.ToUpper(name), "SIG")
	for i, s := range strings.Fields("HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM") {
		if s == name {
			return i + 1
		}
	}
	return 15
}
