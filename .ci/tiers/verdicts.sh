#!/usr/bin/env bash
# The tier verdicts: every request under every condition, on both platforms, ends
# as fixtures/golden/verdicts.txt says. "full" runs all of them, the quick form a
# part.
set -euo pipefail
cd "$(dirname "$0")/../.."
. .ci/lib.sh

tier verdicts
[ "${1:-}" != full ] || tier verdicts-all
go test -count=1 -timeout 30m -run '^TestVerdicts$' ./cmd
