// Package suite has the types that `wxctl run` works with: a suite of cases,
// read from YAML with the position of everything in it ([Load]); the plan that
// it becomes ([Plan]); the expected answers of commands ([Expectation]); the
// events of a run ([Event]), and the results that they fold into ([Fold]), from
// which reports are made.
//
// It uses no file system, phone or clock by itself.
package suite
