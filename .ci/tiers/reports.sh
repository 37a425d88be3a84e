#!/usr/bin/env bash
# The tier reports: junitparser and junit-to-ctrf read the JUnit report of a run,
# npm's ctrf checks the CTRF one, allure makes its report of Allure's results, and
# Debian's chromium opens the page: its filters work, it says nothing on the
# console, asks for nothing, and fits 320 px; 2,000 results scroll smoothly; the
# page of --web follows a run to its end.
set -euo pipefail
cd "$(dirname "$0")/../.."
. .ci/lib.sh

need_apt chromium
readers=$PWD/fixtures/interop/reports
need_pip "$readers/.venv" -r "$readers/requirements.txt"
need_npm "$readers"
installed

go build -o "$work/wxctl" .
cd "$work"
code=0
./wxctl run "$readers/suite.yaml" --device 'virtual:android?count=3' --state-dir state --out run --report junit=junit.xml --report html=page.html \
  --report ctrf=ctrf.json --report allure=allure-results \
  >out.txt 2>err.txt || code=$?
[ "$code" = 5 ] || { cat out.txt err.txt; exit 1; }

want() { [ "$1" = "$2" ] || { printf 'got  %s\nwant %s\n' "$1" "$2"; exit 1; }; }
want "$("$readers/.venv/bin/python" "$readers/junit.py" junit.xml)" "6 tests, 3 failures, 0 errors, 3 passed, 6 names, 3 suites"
want "$(node "$readers/ctrf.mjs" ctrf.json)" "6 tests: 3 passed, 3 failed, 0 other; files"
"$readers/node_modules/.bin/allure" generate allure-results -o allure-report
want "$(node -p 'const {total, passed, failed} = require("./allure-report/summary.json").stats; [total, passed, failed].join()')" 6,3,3
want "$(node -p 'require("fs").readdirSync("allure-report/data/attachments").filter(f => f.endsWith(".png")).length')" 3
want "$(node "$readers/page.mjs" "$(command -v chromium)" "file://$work/page.html")" \
  '{"all":"6 results","failed":"3 of 6 results","boxes":3,"login":"3 of 6 results","phone":"1 of 6 results","name":"3 of 6 results","open":2,"pics":[540,540],"names":0,"width":320,"errs":[],"asked":0}'

./wxctl run "$readers/flaky.yaml" --device 'virtual:android?flaky=2' --state-dir state --out flaky --report junit=flaky.xml >out.txt 2>err.txt ||
  { cat out.txt err.txt; exit 1; }
"$readers/node_modules/.bin/junit-to-ctrf" flaky.xml -o converted.json >/dev/null
want "$(node -p 'const {summary, tests} = require("./converted.json").results;
  [summary.tests, summary.passed, tests.filter(t => t.flaky).length, tests.filter(t => t.flaky)[0].retryAttempts.length].join()')" 2,2,1,1

python3 "$readers/many.py" run many 200 10
./wxctl report many --report html=many.html >out.txt 2>err.txt || [ $? = 5 ] || { cat out.txt err.txt; exit 1; }
want "$(node "$readers/scroll.mjs" "$(command -v chromium)" "file://$work/many.html")" '{"shown":"2000 results","smooth":true}'

./wxctl run "$readers/suite.yaml" --device 'virtual:android?think=6s' --state-dir state --out live --web 127.0.0.1:0 >out.txt 2>err.txt &
run=$!
for _ in $(seq 100); do grep -q http: err.txt && break; sleep 0.1; done
want "$(node "$readers/live.mjs" "$(command -v chromium)" "$(grep -o 'http://[^ ]*' err.txt)")" \
  '{"first":"2 results","open":1,"totals":"1 failed, 1 passed","left":0,"width":320,"errs":[],"elsewhere":0}'
wait $run || [ $? = 5 ]
