//go:build race

package android

// raceDetector is set in builds in which counts of allocations are meaningless.
const raceDetector = true
