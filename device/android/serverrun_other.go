//go:build !linux

package android

const noWait = 0 // nothing is remembered

// serverRun is "" where nothing tells one run of an adb server from the next.
func serverRun(string) string { return "" }
