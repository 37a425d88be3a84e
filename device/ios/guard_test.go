package ios_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"

	"github.com/danielpaulus/go-ios/ios"
	"github.com/danielpaulus/go-ios/ios/xpc"
	"golang.org/x/net/http2"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/virtual/virtualios"
	"github.com/wxctl/wxctl/device/virtual/virtualios/coredevice"
	"github.com/wxctl/wxctl/fixtures/fault"
)

// records counts what is logged.
type records struct{ n atomic.Int64 }

func (r *records) Enabled(context.Context, slog.Level) bool      { return true }
func (r *records) Handle(_ context.Context, _ slog.Record) error { r.n.Add(1); return nil }
func (r *records) WithAttrs([]slog.Attr) slog.Handler            { return r }
func (r *records) WithGroup(string) slog.Handler                 { return r }

// go-ios logs pair records, private keys included: whatever its logger was
// before, it logs nothing for wxctl.
func TestGoIOSLogsNothing(t *testing.T) {
	l := newLab(t, virtualios.Options{}, nil)
	log := &records{}
	ios.SetLogger(slog.New(log))
	if _, err := l.open(t).Deliver(timed(t), device.Job{Request: webpage(), Until: device.Opened}); err != nil {
		t.Fatal(err)
	}
	if n := log.n.Load(); n > 0 {
		t.Errorf("%d lines were logged", n)
	}
}

// Nothing is sent to the usbmuxd or the tunnel service that go-ios would find
// by itself if the user has named others.
func TestNothingDialsPastTheServer(t *testing.T) {
	trap, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var caught atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := trap.Accept()
			if err != nil {
				return
			}
			caught.Add(1)
			conn.Close()
		}
	}()
	host, port, _ := net.SplitHostPort(trap.Addr().String())
	t.Setenv("USBMUXD_SOCKET_ADDRESS", trap.Addr().String())
	t.Setenv("GO_IOS_AGENT_HOST", host)
	t.Setenv("GO_IOS_AGENT_PORT", port)
	l := newLab(t, virtualios.Options{}, nil)
	phone := l.open(t)
	for _, route := range []device.Route{device.RouteURL, device.RouteBridge} {
		if _, err := phone.Deliver(timed(t), device.Job{Request: webpage(), Route: route, Until: device.Replied, After: device.AfterStopWeChat}); err != nil {
			t.Error(err)
		}
	}
	if _, err := phone.(device.Inspector).Inspect(timed(t), device.AppIdentity{}, device.UserChoice{}); err != nil {
		t.Error(err)
	}
	trap.Close()
	<-done
	if n := caught.Load(); n > 0 {
		t.Errorf("%d connections did not go to --usbmuxd", n)
	}
}

// A service directory with values of wrong types gives a sentence; go-ios's own
// handshake panics on these.
func TestOddDirectory(t *testing.T) {
	properties := map[string]any{"UniqueDeviceID": "00008110-000A1B2C3D4E5F60"}
	for name, services := range map[string]any{
		"no dictionary":         []any{"x"},
		"nothing":               nil,
		"a service as text":     map[string]any{coredevice.AppService: "50001"},
		"a port as a boolean":   map[string]any{coredevice.AppService: map[string]any{"Port": true}},
		"a port that is none":   map[string]any{coredevice.AppService: map[string]any{"Port": "x"}},
		"a port out of bounds":  map[string]any{coredevice.AppService: map[string]any{"Port": uint64(70000)}},
		"a port that is absent": map[string]any{coredevice.AppService: map[string]any{}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, virtualios.Options{}, nil)
			properties["UniqueDeviceID"] = l.Phones[0].UDID()
			lie := frame(t, coredevice.Root, map[string]any{"MessageType": "Handshake", "Properties": properties, "Services": services})
			l = newLab(t, virtualios.Options{}, fault.New(fault.Fault{Step: "rsd Handshake", Answer: lie, Then: fault.Stall}))
			_, err := l.open(t).Deliver(timed(t), device.Job{Request: webpage(), Until: device.Opened})
			if e := device.AsError(err); e == nil || e.Code != device.PhoneNotReady || e.Hint == "" {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Neither does a list of processes with values of wrong types end the program.
func TestOddProcesses(t *testing.T) {
	for name, output := range map[string]any{
		"no dictionary":    []any{"x"},
		"nothing":          nil,
		"processes as one": map[string]any{"processTokens": map[string]any{"processIdentifier": int64(1)}},
		"a text":           map[string]any{"processTokens": []any{"x", nil}},
		"a pid as a text":  map[string]any{"processTokens": []any{map[string]any{"processIdentifier": "1", "executableURL": "x"}}},
	} {
		t.Run(name, func(t *testing.T) {
			lie := frame(t, coredevice.Answers, map[string]any{"CoreDevice.output": output})
			plan := fault.New(fault.Fault{Step: "appservice listprocesses", Answer: lie, Then: fault.Stall})
			_, err := newLab(t, virtualios.Options{}, plan).open(t).Deliver(timed(t), device.Job{Request: webpage(), After: device.AfterStopWeChat})
			if plan.Count("appservice listprocesses") != 1 || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v; steps %q", err, plan.Steps())
			}
		})
	}
}

// frame is a message as a phone sends it.
func frame(t *testing.T, stream uint32, body map[string]any) []byte {
	t.Helper()
	var message, out bytes.Buffer
	err := xpc.EncodeMessage(&message, xpc.Message{Flags: xpc.AlwaysSetFlag | xpc.DataFlag, Id: 1, Body: body})
	if err = errors.Join(err, http2.NewFramer(&out, nil).WriteData(stream, false, message.Bytes())); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
