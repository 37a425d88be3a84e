#!/usr/bin/env bash
# conformance-ios.sh [full]: Tencent's SDK for iOS, on an emulated processor, judges intents/ioswire.
# The quick form asks it one recorded case in eight again, the full form all of them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
missing=()
command -v npm >/dev/null || missing+=(npm)
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
if [ ${#missing[@]} -gt 0 ]; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q >&2
    apt-get install -q -y --no-install-recommends "${missing[@]}" >&2
fi
every=8
[ "${1:-}" = full ] && every=1
export WXCTL_TIERS=conformance-ios
exec go test -count=1 -timeout 30m -run 'Emulated$' ./intents/ioswire -every "$every"
