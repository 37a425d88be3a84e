package natslab

import (
	"strconv"
	"strings"
)

// Skew says why an agent gets no jobs from a wxctl of this version: it is "too
// old" or "too new". It is empty if the agent gets jobs.
func (a Agent) Skew(version string) string {
	theirs, ours := major(a.Version), major(version)
	switch {
	case a.Protocol < Protocol || a.Protocol == Protocol && older(theirs, ours):
		return "too old"
	case a.Protocol > Protocol || older(ours, theirs):
		return "too new"
	}
	return ""
}

// fits reports whether an agent of this version takes the jobs of the run.
func (r *Run) fits(version string) bool {
	return Agent{Protocol: r.Protocol, Version: r.Version}.Skew(version) == ""
}

// older compares major versions. A build without a version goes with every one.
func older(a, b int) bool { return a >= 0 && b >= 0 && a < b }

// major is the major version in "v1.2.3" or "1.2.3", -1 if there is none.
func major(version string) int {
	text, _, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}
