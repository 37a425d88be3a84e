#!/usr/bin/env bash
# The tier aosp: AOSP's own am, pm, event writers and liblog print what the virtual
# Android phone must print. Quick: five API levels. full: all fourteen.
set -euo pipefail
cd "$(dirname "$0")/../.."
. .ci/lib.sh

need_apt openjdk-17-jdk-headless maven gcc libc6-dev util-linux android-liblog android-liblog-dev bash
levels=24,26,30,33,36
fixtures/conformance/aosp/ask fetch ${levels//,/ }
tier aosp

[ "${1:-}" != full ] || levels=all
go test -count=1 -timeout 25m ./fixtures/conformance/aosp -levels "$levels"
