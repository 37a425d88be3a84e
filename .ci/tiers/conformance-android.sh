#!/usr/bin/env bash
# conformance-android.sh [full]: Tencent's SDK for Android, on Android's framework
# classes in a JVM, checks intents/androidwire. The quick form repeats all
# recorded cases, the full form also ten times as many new ones.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. .ci/lib.sh

command -v javac >/dev/null || need_apt openjdk-17-jdk-headless
command -v mvn >/dev/null || need_apt maven
need_npm
retry fixtures/conformance/android/ask fetch
tier conformance-android

go test -count=1 -timeout 15m ./fixtures/conformance/android
if [ "${1:-}" = full ]; then
	seed=$(date +%j)
	echo "new cases, seed $seed"
	go test -count=1 -timeout 60m ./fixtures/conformance/android -seed "$seed" -cases 2000
fi
