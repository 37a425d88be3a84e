package adb

import (
	"context"
	"net"
	"strings"
	"time"

	"github.com/wxctl/wxctl/device/virtual/fault"
	"github.com/wxctl/wxctl/device/virtual/local"
)

// Daemon is a phone's adbd: adb servers (and clients that use the transport
// protocol directly) connect to it. Set the exported fields before Serve.
type Daemon struct {
	// Auth makes computers authenticate; nil accepts every computer.
	Auth *Auth
	// Latency is a delay each time the direction of the traffic changes, like
	// half of a slow link's round trip.
	Latency time.Duration
	// Version is the protocol version announced; 0 for the current one. Below
	// 0x01000001, data carries a checksum.
	Version uint32
	// MaxPayload is the longest data accepted in a packet, at least 4096 and at
	// most 1 MiB; 0 for 1 MiB.
	MaxPayload uint32
	// Faults is what goes wrong with whole connections.
	Faults fault.Hook

	device   Device
	reverses reverses
}

// NewDaemon returns the adbd of device.
func NewDaemon(device Device) *Daemon {
	return &Daemon{device: device}
}

// Serve answers computers on l until ctx ends; then it closes l and every
// connection, waits for all that it started and returns nil. An error is l's.
func (d *Daemon) Serve(ctx context.Context, l net.Listener) error {
	return local.Serve(ctx, l, d.serveConn)
}

func (d *Daemon) serveConn(ctx context.Context, conn net.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conn = delay(ctx, conn, d.Latency)
	if conn = d.Faults.Reach("connection", conn); conn == nil {
		return
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	newDaemonConn(d, conn).run(ctx)
}

// banner is the phone's description in CNXN (adb/adb.cpp
// get_connection_string).
func (d *Daemon) banner() string {
	kind := d.device.State()
	if !kind.Online() {
		kind = StateDevice
	}
	id := d.device.Identity()
	clean := strings.NewReplacer(":", "_", ";", "_", "=", "_")
	return string(kind) + "::ro.product.name=" + clean.Replace(id.Product) +
		";ro.product.model=" + clean.Replace(id.Model) +
		";ro.product.device=" + clean.Replace(id.Device) +
		";features=" + strings.Join(features(d.device), ",")
}

func (d *Daemon) version() uint32 {
	if d.Version == 0 {
		return versionSkipChecksum
	}
	return d.Version
}

func (d *Daemon) maxPayload() uint32 {
	if d.MaxPayload == 0 {
		return maxPayload
	}
	return min(max(d.MaxPayload, minPayload), maxPayload)
}
