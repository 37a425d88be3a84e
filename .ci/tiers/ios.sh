#!/usr/bin/env bash
# The tier ios: libimobiledevice, pymobiledevice3 and facebook-wda drive the
# virtual iPhone. "full" runs them with the race detector, several times.
set -euo pipefail
cd "$(dirname "$0")/../.."
. .ci/lib.sh

need_apt libimobiledevice-utils ideviceinstaller libusbmuxd-tools
python3 -c 'import venv, ensurepip' 2>/dev/null || need_apt python3 python3-venv
clients=fixtures/interop/ios
[ -x "$clients/.venv/bin/python" ] || python3 -m venv "$clients/.venv"
retry "$clients/.venv/bin/pip" install -q --disable-pip-version-check -r "$clients/requirements.txt"

export WXCTL_TIERS="${WXCTL_TIERS:+$WXCTL_TIERS,}ios"
packages="./device/virtual/virtualios ./device/virtual/virtualios/lockdownd ./device/virtual/virtualios/usbmuxd ./device/virtual/virtualios/webdriveragent ./device/virtual/virtualios/idevice"
if [ "${1:-}" = full ]; then
	go test -race -count=3 $packages
else
	go test -count=1 $packages
fi
