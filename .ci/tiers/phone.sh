#!/usr/bin/env bash
# phone.sh [SERIAL [PACKAGE] | UDID [BUNDLE-ID]]: proves on a phone in your hand what
# docs/verified.md lists as open, and prints a table to paste there. Android: USB
# debugging on, the phone unlocked; a test app, com.example.wxphone, is
# installed and removed again. With WeChat on it, and PACKAGE of a debug build that
# is registered with WeChat, requests are opened in WeChat; nobody sends them.
# iPhone: paired and unlocked, Developer Mode on,
# BUNDLE-ID of a debug build on it.
#
# Without a phone, as in CI, it runs on virtual ones; "full" reads 200 replies.
set -euo pipefail
cd "$(dirname "$0")/../.."
. .ci/lib.sh

need_apt adb aapt apksigner android-framework-res openjdk-17-jdk-headless maven
retry bash fixtures/phone/app/build.sh "$work/app.apk"
tier phone

args=(-table "$work/table")
case ${1:-} in
"") ;;
full) args+=(-replies 200) ;;
????????-????????????????|????????????????????????????????????????) args+=(-udid "$1" ${2:+-bundle-id "$2"} -run TestIPhone) ;;
*) args+=(-serial "$1" -apk "$work/app.apk" -replies 200 ${2:+-package "$2"} -run TestAndroid)
	trap 'status=$?; adb -s "$1" uninstall com.example.wxphone >/dev/null || true; finish "$status"' EXIT ;;
esac
status=0
go test -count=1 -timeout 30m ./fixtures/phone "${args[@]}" || status=$?
cat "$work/table"
exit "$status"
