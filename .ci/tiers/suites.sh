#!/usr/bin/env bash
# The tier suites: yaml-language-server, which editors use, reads the schema of
# suites and finds their errors where wxctl does; runs are killed and resumed.
# "full" kills a hundred.
set -euo pipefail
cd "$(dirname "$0")/../.."
. .ci/lib.sh

clients=fixtures/interop/suites
need_npm "$clients"
tier suites

export PATH="$PWD/$clients/node_modules/.bin:$PATH"
go test -count=1 ./cmd -run TestYAMLLanguageServer
if [ "${1:-}" = full ]; then
	go test -count=1 ./cmd -run TestKilledRun -run-kills 100
	go test -race -count=1 ./intents/suite ./device/lab
	go test -race -count=1 ./cmd -run 'TestRun|TestKilledRun'
	go test -run '^$' -bench RunCases -benchtime 1x ./cmd
else
	go test -count=1 ./cmd -run TestKilledRun -run-kills 10
fi
