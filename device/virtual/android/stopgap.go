package virtualandroid

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/device/virtual/android/phone"
)

// stopgap runs the few command lines that wxctl itself sends, until package
// shell is there to run any.
type stopgap struct{}

var (
	runLine     = regexp.MustCompile(`\[ -r (\S+) \] \|\| exit 44; CLASSPATH=(\S+) exec app_process / (\S+)$`)
	installLine = regexp.MustCompile(`^s=\$\(sha256sum (\S+) .* in ([0-9a-f]{64})\*.*mv -f \S+ (\S+) && `)
)

func (stopgap) Exec(ctx context.Context, p *phone.Phone, c phone.Command) int {
	cred := phone.CredOf(c.UID)
	if m := installLine.FindStringSubmatch(c.Line); m != nil {
		dex, err := p.FS.ReadFile(cred, m[1])
		if err != nil || agent.Hash(dex) != m[2] {
			return 45
		}
		if err := p.FS.Rename(cred, m[1], m[3]); err != nil {
			return 1
		}
	}
	if m := runLine.FindStringSubmatch(c.Line); m != nil {
		if p.FS.Access(cred, m[1], 4) != nil {
			return agent.MissingExit
		}
		pid := p.Spawn(c.UID, "app_process")
		defer p.Exit(pid)
		if program := p.Program(m[3]); program != nil {
			return program.Run(ctx, p, phone.ProgramEnv{Class: m[3], ClassPath: []string{m[2]}, UID: c.UID, PID: pid, Stdin: c.Stdin, Stdout: c.Stdout, Stderr: c.Stderr})
		}
		return 1
	}
	for part := range strings.SplitSeq(c.Line, ";") {
		words := strings.Fields(part)
		switch {
		case len(words) == 2 && words[0] == "getprop":
			fmt.Fprintln(c.Stdout, p.Property(words[1]))
		case len(words) == 1 && words[0] == "true":
		case len(words) > 0:
			fmt.Fprintf(c.Stderr, "/system/bin/sh: %s: inaccessible or not found\n", words[0])
			return 127
		}
	}
	return 0
}
