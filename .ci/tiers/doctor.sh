#!/usr/bin/env bash
# The tier doctor: Debian's aapt, apksigner and zipalign make APKs, openssl makes
# provisioning profiles, and what wxctl reads of them is compared with
# what those tools, androguard and lief read. "full" adds the race detector.
set -euo pipefail
cd "$(dirname "$0")/../.."
. .ci/lib.sh

need_apt aapt apksigner zipalign android-framework-res openjdk-17-jdk-headless openssl
need_pip "$cache/doctor" androguard==4.1.4 lief==1.0.0
tier doctor

export WXCTL_DOCTOR_PYTHON=$cache/doctor/bin/python
go test -count=1 ./fixtures/doctor
if [ "${1:-}" = full ]; then
	go test -race -count=1 ./device/archive ./device/cms ./device/android/apk ./device/ios/ipa ./device/ios/universallink ./device/check
	go test -race -count=1 ./cmd -run 'Doctor|Broken'
fi
