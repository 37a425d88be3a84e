#!/usr/bin/env bash
# The way to Android phones, with Debian's adb server on it: the same results
# through it as through our own, its lists of phones, and what it costs. "full"
# races, repeats, fuzzes the parsers for longer and measures.
set -euo pipefail
cd "$(dirname "$0")/../.."

if ! command -v adb >/dev/null; then
	apt-get update -q
	apt-get install -qy --no-install-recommends adb
fi

export WXCTL_TIERS="${WXCTL_TIERS:+$WXCTL_TIERS,}adb"
if [ "${1:-}" = full ]; then
	go test -race -count=3 ./device ./device/android
	for target in FuzzParseList FuzzServerAnswers FuzzShellPackets FuzzSyncAnswers FuzzParseActivityEvent; do
		go test -run '^$' -fuzz "^$target\$" -fuzztime 2m ./device/android
	done
	go test -run '^$' -fuzz '^FuzzParseSelector$' -fuzztime 2m ./device
	go test -run '^$' -bench . ./device/android
else
	go test -count=1 ./device ./device/android
fi
