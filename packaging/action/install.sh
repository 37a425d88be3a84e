#!/usr/bin/env bash
# Puts wxctl on the PATH of the job: downloads a release, checks it against the
# release's checksums, and unpacks it.
#
#   WXCTL_VERSION   the release, the newest if empty
#   WXCTL_RELEASES  where releases are (default: GitHub); tests give a file: URL
set -euo pipefail

releases=${WXCTL_RELEASES:-https://github.com/wxctl/wxctl/releases}
version=${WXCTL_VERSION#v}
fail() { echo "::error title=wxctl::$1"; exit 1; }
get() { curl --fail --silent --show-error --location --retry 3 --max-time 300 --output "$2" "$1"; }

case "$RUNNER_OS" in
  Linux) os=linux ending=tar.gz ;;
  macOS) os=darwin ending=tar.gz ;;
  Windows) os=windows ending=zip ;;
  *) fail "wxctl does not run on $RUNNER_OS: use Linux, macOS or Windows" ;;
esac
case "$RUNNER_ARCH" in
  X64) arch=amd64 ;;
  ARM64) arch=arm64 ;;
  *) fail "wxctl does not run on $RUNNER_ARCH: use X64 or ARM64" ;;
esac

if [ -z "$version" ]; then
  # The page of the newest release is a redirect to its tag.
  url=$(curl --fail --silent --show-error --location --retry 3 --max-time 60 --output /dev/null --write-out '%{url_effective}' "$releases/latest") \
    || fail "the newest release can't be looked up at $releases/latest: name one with version"
  version=${url##*/v}
fi
[[ "$version" =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] || fail "invalid version \"$version\": use a release such as 0.2.0"

name="wxctl_${version}_${os}_${arch}"
dir="$RUNNER_TEMP/wxctl-$version"
rm -rf "$dir"
mkdir -p "$dir"
cd "$dir"
get "$releases/download/v$version/checksums.txt" checksums.txt || fail "there is no release $version at $releases"
get "$releases/download/v$version/$name.$ending" "$name.$ending" || fail "release $version has no $name.$ending"

# Only the line of this archive; without one there is nothing to compare with.
wanted=$(awk -v n="$name.$ending" '$2 == n {print $1}' checksums.txt)
[ -n "$wanted" ] || fail "checksums.txt of release $version does not name $name.$ending"
if command -v sha256sum >/dev/null; then got=$(sha256sum "$name.$ending"); else got=$(shasum -a 256 "$name.$ending"); fi
[ "${got%% *}" = "$wanted" ] || fail "the checksum of $name.$ending is not the one in checksums.txt: the download was changed on the way"

if [ "$ending" = zip ]; then unzip -q "$name.$ending"; else tar -xzf "$name.$ending"; fi
echo "$dir" >>"$GITHUB_PATH"
echo "path=$dir" >>"$GITHUB_OUTPUT"
"$dir/wxctl" version
