// Package adbtest has a small phone for tests of what speaks adb: a file
// system in memory, a dozen commands, and a state that a test can change.
package adbtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/adb"
)

// Command runs one command of a Phone; args[0] is its name. It returns the
// exit status.
type Command func(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int

// Phone is a Device for tests. Set its fields before it is served.
type Phone struct {
	adb.Signal
	SerialNo string
	Ident    adb.Identity
	Files    *FS
	// Commands are what the shell knows besides its own: cat, echo, exit,
	// false, logcat, printf, sleep, true, yes.
	Commands map[string]Command
	// Services is what Dial reaches, by adb's name for it.
	Services map[string]func(ctx context.Context, conn net.Conn)
	// Processes are the debuggable ones.
	Processes []int

	mu    sync.Mutex
	state adb.State
}

// NewPhone returns a phone that is ready for use.
func NewPhone(serial string) *Phone {
	return &Phone{
		SerialNo: serial,
		Ident:    adb.Identity{Product: "wxphone", Model: "Virtual 1", Device: "wx"},
		Files:    NewFS(),
		state:    adb.StateDevice,
	}
}

// Serial implements adb.Device.
func (p *Phone) Serial() string { return p.SerialNo }

// Identity implements adb.Device.
func (p *Phone) Identity() adb.Identity { return p.Ident }

// FS implements adb.Device.
func (p *Phone) FS() adb.FS { return p.Files }

// JDWP implements adb.Debuggee.
func (p *Phone) JDWP() []int { return p.Processes }

// State implements adb.Device.
func (p *Phone) State() adb.State {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state
}

// SetState changes the state and tells everyone who watches.
func (p *Phone) SetState(s adb.State) {
	p.mu.Lock()
	p.state = s
	p.mu.Unlock()
	p.Notify()
}

// Dial implements adb.Dialer.
func (p *Phone) Dial(ctx context.Context, service string) (io.ReadWriteCloser, error) {
	serve := p.Services[service]
	if serve == nil {
		return nil, errors.New("connection refused")
	}
	ours, theirs := net.Pipe()
	go func() {
		defer ours.Close()
		serve(ctx, ours)
	}()
	return theirs, nil
}

// Exec implements adb.Device: commands separated by ';' or newlines, words
// separated by spaces, and $? for the last status. No quoting.
func (p *Phone) Exec(ctx context.Context, line string, stdin io.Reader, stdout, stderr io.Writer) int {
	if line == "" {
		return p.interactive(ctx, stdin, stdout, stderr)
	}
	status := 0
	for _, part := range strings.FieldsFunc(line, func(r rune) bool { return r == ';' || r == '\n' }) {
		args := strings.Fields(strings.ReplaceAll(part, "$?", strconv.Itoa(status)))
		if len(args) == 0 {
			continue
		}
		if args[0] == "exit" {
			return exitStatus(args, status)
		}
		status = p.run(ctx, args, stdin, stdout, stderr)
	}
	return status
}

func (p *Phone) interactive(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) int {
	status := 0
	lines := bufio.NewScanner(stdin)
	for lines.Scan() {
		args := strings.Fields(lines.Text())
		if len(args) > 0 && args[0] == "exit" {
			return exitStatus(args, status)
		}
		status = p.Exec(ctx, lines.Text()+"\n", strings.NewReader(""), stdout, stderr)
	}
	return status
}

func exitStatus(args []string, last int) int {
	if len(args) < 2 {
		return last
	}
	n, _ := strconv.Atoi(args[1])
	return n & 0xff
}

func (p *Phone) run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if command := p.Commands[args[0]]; command != nil {
		return command(ctx, args, stdin, stdout, stderr)
	}
	switch args[0] {
	case "true":
		return 0
	case "false":
		return 1
	case "echo":
		fmt.Fprintln(stdout, strings.Join(args[1:], " "))
		return 0
	case "err": // err WORDS...: to stderr, status 3
		fmt.Fprintln(stderr, strings.Join(args[1:], " "))
		return 3
	case "cat":
		return p.cat(args[1:], stdin, stdout, stderr)
	case "sleep":
		d, _ := time.ParseDuration(args[len(args)-1] + "s")
		select {
		case <-time.After(d):
			return 0
		case <-ctx.Done():
			return 129
		}
	case "yes": // yes N: N bytes of output
		n, _ := strconv.Atoi(args[len(args)-1])
		block := []byte(strings.Repeat("0123456789abcde\n", 256))
		for ; n > 0; n -= len(block) {
			if _, err := stdout.Write(block[:min(n, len(block))]); err != nil {
				return 141
			}
		}
		return 0
	case "logcat": // a line every millisecond until nobody listens
		for i := 0; ; i++ {
			if _, err := fmt.Fprintf(stdout, "11-24 10:00:00.%03d  1000  1000 I wx      : line %d\n", i%1000, i); err != nil {
				return 141
			}
			select {
			case <-time.After(time.Millisecond):
			case <-ctx.Done():
				return 129
			}
		}
	}
	fmt.Fprintf(stderr, "/system/bin/sh: %s: inaccessible or not found\n", args[0])
	return 127
}

func (p *Phone) cat(files []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(files) == 0 {
		if _, err := io.Copy(stdout, stdin); err != nil {
			return 1
		}
		return 0
	}
	status := 0
	for _, name := range files {
		f, err := p.Files.Open(name)
		if err != nil {
			fmt.Fprintf(stderr, "cat: %s: %s\n", name, err)
			status = 1
			continue
		}
		io.Copy(stdout, f)
		f.Close()
	}
	return status
}
