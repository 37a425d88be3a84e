#!/usr/bin/env bash
# The tier device-android: the client of device/android with Debian's adb server
# gives the same results as with our own, lists the same phones, and takes the same
# round trips. "full" adds the race detector, repetitions and measurements.
set -euo pipefail
cd "$(dirname "$0")/../.."

. .ci/lib.sh
command -v adb >/dev/null || need_apt adb
tier adb

if [ "${1:-}" = full ]; then
	go test -race -count=3 ./device ./device/android
	# Each fault 200 times: no goroutine, file or connection may leak. An app whose VM falls silent after each of
	# its answers; ten thousand replies, none of which is lost.
	tier faults replies
	go test -count=1 -timeout 60m -run '^(TestFaultsOften|TestCutAnywhere|TestBadServers|TestSilentVM|TestWatchLosesNoReply)$' ./device/android
	go test -run '^$' -bench . ./device/android
else
	go test -count=1 ./device ./device/android
fi
