#!/usr/bin/env bash
# inside.sh [full]: HotSpot, with Tencent's OpenSDK and Android's framework
# classes in it, is the debuggable app that wxctl attaches to. The quick form
# reads some 60 replies in a row, the full form 500.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. .ci/lib.sh

command -v javac >/dev/null || need_apt openjdk-17-jdk-headless
command -v mvn >/dev/null || need_apt maven
need_npm
fixtures/conformance/inside/app build
tier inside

count=60
[ "${1:-}" != full ] || count=500
go test -count=1 -timeout 15m ./fixtures/conformance/inside -replies "$count"
