#!/usr/bin/env bash
# The tier reports: junitparser reads the JUnit report of a run, and Debian's
# chromium opens the page: its filters work, it says nothing on the console, asks
# for nothing, and fits 320 px.
set -euo pipefail
cd "$(dirname "$0")/../.."
. .ci/lib.sh

need_apt chromium
command -v npm >/dev/null || need_apt nodejs npm
python3 -c 'import venv, ensurepip' 2>/dev/null || need_apt python3 python3-venv
judges=$PWD/fixtures/strangers/reports
[ -x "$judges/.venv/bin/python" ] || python3 -m venv "$judges/.venv"
retry "$judges/.venv/bin/pip" install -q --disable-pip-version-check -r "$judges/requirements.txt"
(cd "$judges" && retry npm ci --silent --no-audit --no-fund)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/wxctl" .
cd "$work"
code=0
./wxctl run "$judges/suite.yaml" --device 'virtual:android?count=3' --state-dir state --out run --report junit=junit.xml --report html=page.html \
  >out.txt 2>err.txt || code=$?
[ "$code" = 5 ] || { cat out.txt err.txt; exit 1; }

want() { [ "$1" = "$2" ] || { printf 'got  %s\nwant %s\n' "$1" "$2"; exit 1; }; }
want "$("$judges/.venv/bin/python" "$judges/junit.py" junit.xml)" "6 tests, 3 failures, 0 errors, 3 passed, 6 names, 3 suites"
want "$(node "$judges/page.mjs" "$(command -v chromium)" "file://$work/page.html")" \
  '{"all":"6 results","failed":"3 of 6 results","boxes":3,"login":"3 of 6 results","phone":"1 of 6 results","name":"3 of 6 results","open":2,"pics":[540,540],"names":0,"width":320,"errs":[],"asked":0}'
