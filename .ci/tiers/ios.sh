#!/usr/bin/env bash
# The tier ios: libimobiledevice, pymobiledevice3 and facebook-wda drive the
# virtual iPhone. "full" runs them with the race detector, several times.
set -euo pipefail
cd "$(dirname "$0")/../.."
. .ci/lib.sh

need_apt libimobiledevice-utils ideviceinstaller libusbmuxd-tools
clients=fixtures/interop/ios
need_pip "$clients/.venv" -r "$clients/requirements.txt"
tier ios

packages="./device/virtual/virtualios ./device/virtual/virtualios/lockdownd ./device/virtual/virtualios/usbmuxd ./device/virtual/virtualios/webdriveragent ./device/virtual/virtualios/idevice"
if [ "${1:-}" = full ]; then
	go test -race -count=3 $packages
else
	go test -count=1 $packages
fi
