#!/usr/bin/env bash
# Makes what the packages hold besides the program, in build/: man pages,
# completions, the changelog. The same commit gives the same bytes.
set -euo pipefail
cd "$(dirname "$0")/.."

rm -rf build
mkdir -p build/man-gz
go run ./docs/gen -man build/man -completions build/completions
for page in build/man/*.1; do
  gzip -9nc "$page" >"build/man-gz/$(basename "$page").gz"
done
gzip -9nc CHANGELOG.md >build/changelog.gz
