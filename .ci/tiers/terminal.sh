#!/usr/bin/env bash
# The tier terminal: Debian's tmux, 40, 80 and 120 columns wide, dark and light,
# shows what a new user types in English and in Chinese.
set -euo pipefail
cd "$(dirname "$0")/../.."
. .ci/lib.sh

need_apt tmux
tier terminal
go build -o "$work/wxctl" .
PATH=$work:$PATH go test -count=1 ./cmd -run TestTmux -parallel 6
