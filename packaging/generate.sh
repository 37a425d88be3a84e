#!/usr/bin/env bash
# Makes what the packages of release VERSION hold besides the program, in
# build/: man pages, completions, Debian's changelog. The same commit gives the
# same bytes.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$1

rm -rf build
mkdir -p build/man-gz
go run ./docs/gen -man build/man -completions build/completions
for page in build/man/*.1; do
  gzip -9nc "$page" >"build/man-gz/$(basename "$page").gz"
done
gzip -9nc >build/changelog.gz <<EOF
wxctl ($version) unstable; urgency=medium

  * What changed is in /usr/share/doc/wxctl/CHANGELOG.md.

 -- The wxctl developers <wxctl@users.noreply.github.com>  $(git log -1 --format=%cD)
EOF
