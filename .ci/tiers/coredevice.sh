#!/usr/bin/env bash
# The tier coredevice: pymobiledevice3 uses what iOS 17 brought to the virtual
# iPhone — RSD, appservice, the tunnel — and decodes our XPC messages. "full" adds
# appium-ios-remotexpc (through an interface of the kernel, too, where a network
# namespace may be made) and the crate idevice, and runs with the race detector.
set -euo pipefail
cd "$(dirname "$0")/../.."
. .ci/lib.sh

clients=fixtures/interop/ios
need_pip "$clients/.venv" -r "$clients/requirements.txt"
tier coredevice

race=()
if [ "${1:-}" = full ]; then
	race=(-race)
	command -v ip >/dev/null || need_apt iproute2
	command -v cargo >/dev/null || { echo "cargo (Rust 1.85 or newer) is needed for the crate idevice; Debian 12 has an older one"; exit 1; }
	need_npm "$clients"
	(cd "$clients/idevice" && retry cargo fetch -q --locked && cargo build -q --locked --offline)
	tier coredevice-full
	if unshare -n true 2>/dev/null && [ -e /dev/net/tun ]; then
		tier coredevice-tunnel
	else
		echo "no network namespace may be made here: the tunnel of the kernel is left out"
	fi
fi
go test "${race[@]}" -count=1 ./device/virtual/virtualios/coredevice
