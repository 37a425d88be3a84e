#!/usr/bin/env bash
# The tier keyring: Debian's gnome-keyring, in its own D-Bus sessions, stores
# secrets and tokens. "full" also kills a thousand writers, repeats the concurrent
# refreshes, and adds the race detector.
set -euo pipefail
cd "$(dirname "$0")/../.."

. .ci/lib.sh
need_apt gnome-keyring dbus curl
tier keyring

if [ "${1:-}" = full ]; then
	go test -race -count=1 ./oauth/...
	go test -count=1 ./oauth/credentials -run TestKilledWriter -kills 1000
	go test -count=20 ./oauth/credentials ./cmd -run Crowd
	go test -count=1 ./cmd -run 'AuthMemory|Leak'
	tier curl
	go test -run '^$' -bench AuthUserInfo -benchtime 50x ./cmd
else
	go test -count=1 ./oauth/credentials -run 'SecretService|Buses'
fi
