//go:build !linux

package android

// serverRun is "" where nothing tells one run of an adb server from the next.
func serverRun(string) string { return "" }
