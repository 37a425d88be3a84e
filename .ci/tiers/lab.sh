#!/usr/bin/env bash
# The tier lab: a lab of real processes whose server, agents and owners are
# killed, on wxctl's own server and on stock nats-server; no case is fired twice.
# "full" has 1,500 cases on 150 phones.
set -euo pipefail
cd "$(dirname "$0")/../.."
. .ci/lib.sh

version=$(go list -m -f '{{.Version}}' github.com/nats-io/nats-server/v2)
need_go "github.com/nats-io/nats-server/v2@$version"
tier lab

if [ "${1:-}" = full ]; then
	go test -race -count=1 -timeout 20m ./device/lab/...
	go test -count=1 -timeout 30m ./device/lab/natslab/... -run 'TestCluster|TestStock'
	go test -count=1 -timeout 60m -v ./cmd -run '^TestLab' -lab-cases 1500 -lab-phones 50
else
	go test -count=1 ./device/lab/natslab/...
	go test -short -count=1 -timeout 10m -v ./cmd -run '^TestLab' -lab-cases 300 -lab-phones 10
fi
