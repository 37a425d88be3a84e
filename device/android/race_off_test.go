//go:build !race

package android

const raceDetector = false
