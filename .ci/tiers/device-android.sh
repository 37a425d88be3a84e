#!/usr/bin/env bash
# The way to Android phones, with Debian's adb server on it: the same results
# through it as through our own, its lists of phones, and what it costs. "full"
# races, repeats and measures.
set -euo pipefail
cd "$(dirname "$0")/../.."

. .ci/lib.sh
command -v adb >/dev/null || need_apt adb

export WXCTL_TIERS="${WXCTL_TIERS:+$WXCTL_TIERS,}adb"
if [ "${1:-}" = full ]; then
	go test -race -count=3 ./device ./device/android
	go test -run '^$' -bench . ./device/android
else
	go test -count=1 ./device ./device/android
fi
