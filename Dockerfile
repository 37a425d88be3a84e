# syntax=docker/dockerfile:1
# wxctl in a container. The default has the program alone, for virtual phones
# and for adb servers and labs of other hosts (ADB_SERVER_SOCKET, --lab):
#
#   docker build -t wxctl .
#   docker run --rm wxctl share webpage --device virtual:android --scene session
#
# With --target adb there is an adb beside it, for phones on this host's USB.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -buildid=" -o /wxctl .

FROM debian:bookworm-slim AS adb
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends adb ca-certificates \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /wxctl /usr/bin/wxctl
ENTRYPOINT ["/usr/bin/wxctl"]

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /wxctl /usr/bin/wxctl
ENTRYPOINT ["/usr/bin/wxctl"]
