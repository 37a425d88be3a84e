#!/usr/bin/env bash
# Runs suites with wxctl and adds the result to the job's summary. Ends with
# wxctl's exit code.
#
#   WXCTL_SUITES      suite files, one a line
#   WXCTL_RUN_DEVICE  --device, none if empty
#   WXCTL_RUN_ARGS    more arguments, one a line
#   WXCTL_OUT         the folder of run folders
set -uo pipefail

args=()
lines() { while IFS= read -r line; do [ -z "${line//[[:space:]]/}" ] || args+=("$line"); done <<<"$1"; }
lines "$WXCTL_SUITES"
[ -z "${WXCTL_RUN_DEVICE:-}" ] || args+=(--device "$WXCTL_RUN_DEVICE")
lines "${WXCTL_RUN_ARGS:-}"

wxctl run "${args[@]}" --out "$WXCTL_OUT" --report "github=$GITHUB_STEP_SUMMARY"
code=$?
echo "exit-code=$code" >>"$GITHUB_OUTPUT"
exit "$code"
