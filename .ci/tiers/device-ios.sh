#!/usr/bin/env bash
# The tier device-ios: libimobiledevice, on the same usbmuxd, must report the same
# about phones as wxctl. "full" adds the race detector, repetitions and measurements.
set -euo pipefail
cd "$(dirname "$0")/../.."

. .ci/lib.sh
command -v ideviceinstaller >/dev/null || need_apt libimobiledevice-utils ideviceinstaller
tier ios

if [ "${1:-}" = full ]; then
	go test -race -count=3 ./device/ios
	# Each fault 200 times: no goroutine, file or socket may leak.
	tier faults
	go test -count=1 -timeout 60m -run '^TestFaults$' ./device/ios
	go test -run '^$' -bench . ./device/ios
else
	go test -count=1 ./device/ios
fi
