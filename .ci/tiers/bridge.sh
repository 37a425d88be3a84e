#!/usr/bin/env bash
# The tier conformance-android, second part: the debug hook of docs/bridge.md,
# compiled against Tencent's OpenSDK, must produce the same as the SDK.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. .ci/lib.sh

command -v javac >/dev/null || need_apt openjdk-17-jdk-headless
command -v mvn >/dev/null || need_apt maven
need_npm
retry fixtures/conformance/android/ask fetch
tier conformance-android

go test -count=1 ./fixtures/conformance/bridge
