#!/usr/bin/env bash
# The tier agent: the shipped dex, verified by dexdump and run on the real
# framework classes of Android. "full" does so at all API levels from 24 to 37
# and with the Intents of every SDK version.
set -euo pipefail
cd "$(dirname "$0")/../.."
. .ci/lib.sh

need_apt openjdk-17-jdk-headless maven dexdump enjarify
# The levels of the quick form, and D8.
fixtures/conformance/framework.sh 24 29 31 34 37 >/dev/null
retry bash device/android/agent/build.sh "$work/agent.dex"
tier agent

if [ "${1:-}" = full ]; then
	go test -count=1 -timeout 30m ./fixtures/conformance/agent -all-levels
else
	go test -count=1 ./fixtures/conformance/agent
fi
