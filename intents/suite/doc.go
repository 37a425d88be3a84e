// Package suite is what `wxctl run` works with and leaves behind: a suite of
// cases, read from YAML with the position of everything in it ([Load]); the
// plan that it becomes ([Plan]); what is expected of a command's answer
// ([Expectation]); the events of a run ([Event]), and the results that they
// amount to ([Fold]), which reports are made of.
//
// It touches no file, no phone and no clock of its own.
package suite
