//go:build !linux

package android

const noWait = 0 // nothing is remembered

// serverRun is "" on systems where runs of an adb server can't be distinguished.
func serverRun(string) string { return "" }
