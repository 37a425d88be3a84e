#!/usr/bin/env bash
# conformance-ios.sh [full]: Tencent's SDK for iOS, on an emulated processor, checks intents/ioswire.
# The quick form repeats one recorded case in eight and about 100 command lines, the full form all of them and
# 2000 command lines.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. .ci/lib.sh

need_npm
python3 -c 'import ensurepip, venv' 2>/dev/null || need_apt python3-venv
for sdk in 2.0.0 1.8.7.1; do fixtures/conformance/ios/ask --sdk "$sdk" fetch; done
tier conformance-ios

every=8 lines=100 seed=1
[ "${1:-}" = full ] && every=1 lines=2000 seed=$RANDOM
go build -o "$work/wxctl" .
WXCTL_CONFIG_DIR=$work WXCTL_STATE_DIR=$work python3 fixtures/conformance/ios/commands.py "$work/wxctl" "$seed" "$lines"
go test -count=1 -timeout 30m -run 'Emulated$|CommandLine$' ./intents/ioswire -every "$every"
