#!/usr/bin/env bash
# conformance-ios.sh [full]: Tencent's SDK for iOS, on an emulated processor, checks intents/ioswire.
# The quick form asks it one recorded case in eight again and about 100 command lines, the full form all of them and
# 2000 command lines.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. .ci/lib.sh
command -v npm >/dev/null || need_apt npm
python3 -c 'import ensurepip, venv' 2>/dev/null || need_apt python3-venv
every=8 lines=100 seed=1
[ "${1:-}" = full ] && every=1 lines=2000 seed=$RANDOM
export WXCTL_TIERS=conformance-ios
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
go build -o "$build/wxctl" .
WXCTL_CONFIG_DIR=$build WXCTL_STATE_DIR=$build python3 fixtures/conformance/ios/commands.py "$build/wxctl" "$seed" "$lines"
go test -count=1 -timeout 30m -run 'Emulated$|CommandLine$' ./intents/ioswire -every "$every"
