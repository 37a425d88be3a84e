#!/usr/bin/env bash
# The tiers adb and adb-clients: Debian's adb, and clients from PyPI and npm,
# drive both the adb server and the adbd of the virtual Android phone. "full" runs
# them with the race detector, several times, and measures files against a plain peer.
set -euo pipefail
cd "$(dirname "$0")/../.."
. .ci/lib.sh

need_apt adb
command -v npm >/dev/null || need_apt nodejs npm
python3 -c 'import venv, ensurepip' 2>/dev/null || need_apt python3 python3-venv

clients=fixtures/interop/adb
[ -x "$clients/.venv/bin/python" ] || python3 -m venv "$clients/.venv"
retry "$clients/.venv/bin/pip" install -q --disable-pip-version-check -r "$clients/requirements.txt"
(cd "$clients" && retry npm ci --silent --no-audit --no-fund)

export WXCTL_TIERS="${WXCTL_TIERS:+$WXCTL_TIERS,}adb,adb-clients"
if [ "${1:-}" = full ]; then
	go test -race -count=3 ./device/virtual/virtualandroid/adb/...
	go test -run '^$' -bench . ./device/virtual/virtualandroid/adb/
	go test -race -count=1 -run 'TestConnect$|TestKey|TestPhoneFor' ./device/virtual/virtualandroid
else
	go test -count=1 ./device/virtual/virtualandroid/adb/...
	go test -count=1 -run 'TestConnect$|TestKey|TestPhoneFor' ./device/virtual/virtualandroid
fi
