#!/usr/bin/env bash
# The tiers adb and adb-clients: Debian's adb, and clients from PyPI and npm,
# drive both the adb server and the adbd of the virtual Android phone. "full" runs
# them with the race detector, several times, and measures files against a plain peer.
set -euo pipefail
cd "$(dirname "$0")/../.."
. .ci/lib.sh

need_apt adb
clients=fixtures/interop/adb
need_pip "$clients/.venv" -r "$clients/requirements.txt"
need_npm "$clients"
tier adb adb-clients

if [ "${1:-}" = full ]; then
	go test -race -count=3 ./device/virtual/virtualandroid/adb/...
	go test -run '^$' -bench . ./device/virtual/virtualandroid/adb/
	go test -race -count=1 -run 'TestConnect$|TestKey|TestPhoneFor' ./device/virtual/virtualandroid
else
	go test -count=1 ./device/virtual/virtualandroid/adb/...
	go test -count=1 -run 'TestConnect$|TestKey|TestPhoneFor' ./device/virtual/virtualandroid
fi
