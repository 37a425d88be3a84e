#!/usr/bin/env bash
# The tier pictures: Tesseract reads what virtual phones show, Chromium shows
# their live page and plays their films.
set -euo pipefail
cd "$(dirname "$0")/../.."
. .ci/lib.sh

need_apt chromium tesseract-ocr tesseract-ocr-chi-sim
tier pictures

go test -count=1 -run 'TestTesseract|TestChromium' ./device/virtual/screen
