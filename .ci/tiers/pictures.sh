#!/usr/bin/env bash
# The tier pictures: Tesseract reads what virtual phones show, Chromium shows
# their live page and plays their films. adb, libimobiledevice and pymobiledevice3
# take the same pictures as wxctl, of phones that differ. "full" also measures
# how long one takes.
set -euo pipefail
cd "$(dirname "$0")/../.."
. .ci/lib.sh

need_apt chromium tesseract-ocr tesseract-ocr-chi-sim adb libimobiledevice-utils ideviceinstaller libusbmuxd-tools
clients=fixtures/interop/ios
need_pip "$clients/.venv" -r "$clients/requirements.txt"
tier pictures adb ios

go test -count=1 -run 'TestTesseract|TestChromium' ./device/virtual/screen
go test -count=1 -run 'TestLibimobiledevice|TestPymobiledevice3' ./device/virtual/virtualios
go test -count=1 -v -run 'TestLabThroughRealServer|TestHundredPictures' ./cmd
if [ "${1:-}" = full ]; then
	go test -run '^$' -bench Picture ./device/virtual/screen
fi
