#!/usr/bin/env bash
# The tier verdicts: every request into every condition, on both platforms, ends
# with what fixtures/golden/verdicts.txt says. "full" walks all of it, which
# takes minutes; the quick form walks the rows that `go test ./cmd` does.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ "${1:-}" = full ]; then
	export WXCTL_TIERS="${WXCTL_TIERS:+$WXCTL_TIERS,}verdicts"
	go test -count=1 -timeout 30m -run '^TestVerdicts$' ./cmd
else
	go test -count=1 -run '^TestVerdicts$' ./cmd
fi
