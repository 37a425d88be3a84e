#!/usr/bin/env bash
# The tier verdicts: every request into every condition, on both platforms, ends
# with what fixtures/golden/verdicts.txt says. "full" walks all of it, the quick
# form a part.
set -euo pipefail
cd "$(dirname "$0")/../.."
. .ci/lib.sh

tier verdicts
[ "${1:-}" != full ] || tier verdicts-all
go test -count=1 -timeout 30m -run '^TestVerdicts$' ./cmd
