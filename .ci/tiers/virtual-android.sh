#!/usr/bin/env bash
# The tier adb, second part: every request by every route, with Debian's adb server
# between wxctl and the virtual phone; and five phones of two processes behind
# it. "full" runs it with the race detector.
set -euo pipefail
cd "$(dirname "$0")/../.."

. .ci/lib.sh
{ command -v adb && command -v script; } >/dev/null || need_apt adb bsdutils
tier adb

race=()
[ "${1:-}" != full ] || race=(-race)
go test "${race[@]}" -count=1 -run ThroughRealServer ./device/virtual/virtualandroid ./cmd
