//go:build race

package android

// raceDetector is set in builds whose allocations say nothing.
const raceDetector = true
