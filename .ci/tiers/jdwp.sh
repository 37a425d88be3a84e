#!/usr/bin/env bash
# The tier jdwp: HotSpot as the app for our debugger, JDI as the debugger of the
# virtual phone's app, and Debian's adb between them. "full" attaches and
# detaches 200 times and runs with the race detector.
set -euo pipefail
cd "$(dirname "$0")/../.."
. .ci/lib.sh

{ command -v java && command -v javac && command -v adb; } >/dev/null || need_apt openjdk-17-jdk-headless adb
tier jdwp

mode=(-short)
[ "${1:-}" != full ] || mode=(-race)
go test "${mode[@]}" -count=1 -timeout 20m ./device/android/jdwp/...
go test "${mode[@]}" -count=1 -timeout 20m -run 'JDI|JDB|HotSpotLent|KilledDebugger' ./device/virtual/virtualandroid
