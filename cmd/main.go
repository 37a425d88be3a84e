// Package cmd is the command line: one file per command, each turning flags
// into an options struct and the options into a run.
package cmd

// Main runs wxctl with the process's arguments and returns its exit code.
func Main() int { return 0 }
