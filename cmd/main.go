// Package cmd is the command line: one file per command, each turning flags
// into an options struct and the options into a run.
package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/wxctl/wxctl/cmd/internal/exit"
	"github.com/wxctl/wxctl/cmd/internal/input"
	"github.com/wxctl/wxctl/cmd/internal/output"
	"github.com/wxctl/wxctl/device"
)

// Main runs wxctl with the process's arguments and returns its exit code.
func Main() int {
	f := System()
	if os.Getenv("GOGC") == "" {
		// Most commands are short: collecting garbage only from 16 MiB on makes
		// them faster. Those that stay share a host with others.
		debug.SetGCPercent(400)
		f.stays = func() { debug.SetGCPercent(50) }
	}
	ctx, taken, stop := withSignals(context.Background())
	defer stop()
	f.signals = taken
	return Run(ctx, f, os.Args[1:])
}

// Run runs one command line and returns the exit code. Everything that it
// prints goes to the factory's streams.
func Run(ctx context.Context, f *Factory, args []string) (code int) {
	defer func() {
		if p := recover(); p != nil {
			code = f.reportPanic(p)
		}
	}()
	root := rootFor(f, args)
	root.SetArgs(args)
	started := false
	markStarted(root, &started)
	err := f.speak(root, args)
	if err == nil {
		err = input.CheckArgs(args, fileExists)
	}
	if err == nil {
		root.InitDefaultCompletionCmd(args...)
		if completion, _, findErr := root.Find([]string{"completion"}); findErr == nil && completion.Name() == "completion" {
			group(completion)
		}
		err = root.ExecuteContext(ctx)
	}
	if err == nil {
		return 0
	}
	if !started {
		err = asUsage(root, args, err)
	}
	if cause := context.Cause(ctx); cause != nil {
		var signal *exit.Signal
		if errors.As(cause, &signal) {
			err = cause
		}
	}
	report := describe(err)
	if report.ExitCode == exit.Usage && report.Hint == "" {
		report.Hint = helpFor(root, args)
	}
	if f.wantsJSON(args) && (f.printer == nil || !f.printer.Printed()) {
		f.printError(report)
	}
	if report.Message != "" {
		f.Streams.Error(report.Message, report.Hint)
	}
	return report.ExitCode
}

func fileExists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// reportPanic reports a bug in wxctl. It prints where it happened but not the
// panic's value, which may be a secret.
func (f *Factory) reportPanic(p any) int {
	what := fmt.Sprintf("%T", p)
	if err, ok := p.(runtime.Error); ok {
		what = err.Error()
	}
	if f.Verbose() > 0 {
		for line := range strings.Lines(string(debug.Stack())) {
			f.Streams.Note("%s", strings.TrimRight(line, "\n"))
		}
	}
	report := device.ErrorReport{Code: "internal", ExitCode: exit.Failed, Message: "internal error: " + what,
		Hint: "please report it with what -v prints"}
	if f.printer != nil && f.printer.JSON() && !f.printer.Printed() {
		f.printError(report)
	}
	f.Streams.Error(report.Message, report.Hint)
	return report.ExitCode
}

// withSignals cancels the context at SIGINT and SIGTERM, with the exit code as
// the cause, once taken is closed: the runtime takes a signal on a thread of its
// own, and waits for that, which is as long as making the commands takes. A
// second signal ends the process at once.
func withSignals(ctx context.Context) (_ context.Context, taken <-chan struct{}, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 1)
	done, notified := make(chan struct{}), make(chan struct{})
	go func() {
		signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
		defer signal.Stop(signals)
		close(notified)
		select {
		case s := <-signals:
			signal.Stop(signals)
			code := exit.Interrupted
			if s == syscall.SIGTERM {
				code = exit.Terminated
			}
			cancel(&exit.Signal{Code: code})
		case <-done:
		}
	}()
	return ctx, notified, func() {
		close(done)
		cancel(nil)
	}
}

// markStarted sets *started once flags and arguments have been accepted and
// the command itself runs.
func markStarted(cmd *cobra.Command, started *bool) {
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(c *cobra.Command, args []string) error {
			*started = true
			return run(c, args)
		}
	}
	for _, sub := range cmd.Commands() {
		markStarted(sub, started)
	}
}

// asUsage converts cobra's error about flags, arguments or an unknown command
// to an error of usage, with the nearest names as the hint.
func asUsage(root *cobra.Command, args []string, err error) error {
	var own *device.Error
	if errors.As(err, &own) {
		return err
	}
	message, rest, _ := strings.Cut(err.Error(), "\n")
	hint := helpFor(root, args)
	if _, names, ok := strings.Cut(rest, "Did you mean this?"); ok {
		if name := strings.Fields(names); len(name) > 0 {
			hint = didYouMean(root.CommandPath() + " " + name[0])
		}
	}
	if name, ok := strings.CutPrefix(message, `unknown command "`); ok {
		name, _, _ = strings.Cut(name, `"`)
		if near := likely(root, []string{name}); near != "" {
			hint = didYouMean(near)
		}
	}
	if found, _, findErr := root.Find(args); findErr == nil && strings.Contains(message, " arg(s), ") {
		message = fmt.Sprintf("wrong number of arguments for %q: %s", found.CommandPath(), message[strings.LastIndexByte(message, ' ')+1:])
		hint = "usage: " + found.UseLine()
	}
	return &device.Error{Code: device.Usage, Message: message, Hint: hint, Err: err}
}

// didYouMean is the hint that names what is nearest to what was typed.
func didYouMean(near string) string { return fmt.Sprintf("did you mean %s?", near) }

// helpFor is the command line that shows the help of the command that args
// name.
func helpFor(root *cobra.Command, args []string) string {
	if found, _, err := root.Find(args); err == nil && found != nil {
		return found.CommandPath() + " --help"
	}
	return root.CommandPath() + " --help"
}

// wantsJSON also works if the flags could not be parsed: a script that asked
// for JSON gets it.
func (f *Factory) wantsJSON(args []string) bool {
	if f.printer != nil {
		return f.printer.JSON()
	}
	for _, a := range args {
		if a == "--" {
			return false
		}
		if a == "--json" || a == "--json=true" || a == "--jq" || strings.HasPrefix(a, "--jq=") {
			return true
		}
	}
	return false
}

// printError prints the object of a command that failed before it printed
// its own.
func (f *Factory) printError(report device.ErrorReport) {
	p := f.printer
	if p == nil {
		var err error
		if p, err = output.New(context.Background(), f.Streams, true, ""); err != nil {
			return
		}
	}
	_ = p.Object(struct {
		SchemaVersion int                `json:"schemaVersion"`
		Error         device.ErrorReport `json:"error"`
	}{output.SchemaVersion, report})
}
