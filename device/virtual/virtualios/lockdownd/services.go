package lockdownd

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"path"
	"slices"
	"strings"
	"time"

	"howett.net/plist"

	"github.com/wxctl/wxctl/device/virtual/virtualios/idevice"
)

// attributes are what installation_proxy returns about an app.
func attributes(a idevice.App) dict {
	kind := "User"
	if a.System {
		kind = "System"
	}
	out := dict{
		"CFBundleIdentifier": a.BundleID, "CFBundleName": a.Name, "CFBundleDisplayName": a.Name, "CFBundleExecutable": a.Name,
		"CFBundleShortVersionString": a.Version, "CFBundleVersion": a.Build, "ApplicationType": kind, "Path": a.Path(),
		"SignerIdentity": a.Signer, "CFBundlePackageType": "APPL", "MinimumOSVersion": "13.0", "UIFileSharingEnabled": a.FileSharing,
		"StaticDiskUsage": 1 << 28, "DynamicDiskUsage": 1 << 26, "IsUpgradeable": true,
	}
	entitlements := dict{"application-identifier": a.Team + "." + a.BundleID}
	if a.Debuggable {
		entitlements["get-task-allow"] = true
	}
	if len(a.Domains) > 0 {
		entitlements["com.apple.developer.associated-domains"] = a.Domains
	}
	if a.Team != "" {
		entitlements["com.apple.developer.team-identifier"] = a.Team
	}
	if !a.System {
		out["Container"], out["Entitlements"] = a.Container(), entitlements
		out["ProfileValidated"] = a.HasProfile
	}
	if len(a.Schemes) > 0 {
		out["CFBundleURLTypes"] = []any{dict{"CFBundleURLName": a.BundleID, "CFBundleTypeRole": "Editor", "CFBundleURLSchemes": a.Schemes}}
	}
	if len(a.Queries) > 0 {
		out["LSApplicationQueriesSchemes"] = a.Queries
	}
	return out
}

// choose lists the apps that the options of a request select, with the
// requested attributes.
func (d *Daemon) choose(options dict) []dict {
	kind := options.text("ApplicationType")
	ids, some := options.texts("BundleIDs")
	wanted, few := options.texts("ReturnAttributes")
	var out []dict
	for _, app := range d.Phone.Apps() {
		all := attributes(app)
		if kind != "" && kind != "Any" && all["ApplicationType"] != kind || some && !slices.Contains(ids, app.BundleID) {
			continue
		}
		if few {
			chosen := dict{}
			for _, key := range wanted {
				if v, ok := all[key]; ok {
					chosen[key] = v
				}
			}
			all = chosen
		}
		all["key"] = app.BundleID
		out = append(out, all)
	}
	return out
}

// requests answers a computer's requests to a service, until an answer fails or
// is the last; verb is the key of a request's name.
func (d *Daemon) requests(ctx context.Context, conn net.Conn, service, verb string, answer func(q dict, out net.Conn) error) {
	for {
		var q dict
		if readFrame(conn, &q) != nil {
			return
		}
		out := d.Faults.Reach(service+" "+q.text(verb), conn)
		if out == nil || answer(q, out) != nil {
			return
		}
	}
}

// installationProxy lists apps, in pieces as iPhones do, and looks some up.
func (d *Daemon) installationProxy(ctx context.Context, conn net.Conn) {
	d.requests(ctx, conn, "installation_proxy", "Command", func(q dict, out net.Conn) error {
		apps := d.choose(q.dict("ClientOptions"))
		switch command := q.text("Command"); command {
		case "Browse":
			const piece = 2
			for i := 0; i < len(apps); i += piece {
				list := apps[i:min(i+piece, len(apps))]
				for _, app := range list {
					delete(app, "key")
				}
				message := dict{"Status": "BrowsingApplications", "CurrentIndex": i, "CurrentAmount": len(list), "Total": len(apps),
					"CurrentList": list}
				if err := writeFrame(out, message); err != nil {
					return err
				}
			}
			return writeFrame(out, dict{"Status": "Complete"})
		case "Lookup":
			found := dict{}
			for _, app := range apps {
				id := app.text("key")
				delete(app, "key")
				found[id] = app
			}
			return writeFrame(out, dict{"Status": "Complete", "LookupResult": found})
		default:
			return writeFrame(out, dict{"Error": "UnknownCommand", "ErrorDescription": fmt.Sprintf("no command %q", command)})
		}
	})
}

// hangUp returns a context that ends when the computer disconnects, for
// connections on which it sends nothing more.
func hangUp(ctx context.Context, conn net.Conn) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer cancel()
		for buf := make([]byte, 256); ; {
			if _, err := conn.Read(buf); err != nil {
				return
			}
		}
	}()
	return ctx, func() {
		cancel()
		_ = conn.Close()
		<-done
	}
}

// syslogRelay writes the phone's log as text.
func (d *Daemon) syslogRelay(ctx context.Context, conn net.Conn) {
	n := d.Phone.LogEnd()
	if conn = d.Faults.Reach("syslog_relay", conn); conn == nil {
		return
	}
	ctx, end := hangUp(ctx, conn)
	defer end()
	const recent = 20 // lines from before, which the real one sends as well
	for n = max(0, n-recent); ; {
		lines, next, err := d.Phone.LogSince(ctx, n)
		if err != nil {
			return
		}
		for _, line := range lines {
			if _, err := conn.Write(syslogLine(d.Phone.Name(), line)); err != nil {
				return
			}
		}
		n = next
	}
}

// syslogLine is a line of the log as syslog_relay writes it: non-ASCII bytes
// encoded as vis(3) does, a line break and a NUL.
func syslogLine(name string, line idevice.Line) []byte {
	level := map[idevice.Level]string{idevice.Default: "Notice", idevice.Info: "Info", idevice.Debug: "Debug", idevice.Error: "Error",
		idevice.Fault: "Fault"}[line.Level]
	image := ""
	if line.Image != line.Process.Path {
		image = "(" + path.Base(line.Image) + ")"
	}
	head := fmt.Sprintf("%s %s %s%s[%d] <%s>: ", line.Time.Format(time.Stamp), strings.ReplaceAll(name, " ", "-"), line.Process.Name, image,
		line.Process.PID, level)
	return append(vis(head+line.Message), '\n', 0)
}

// vis encodes as vis(3) does.
func vis(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		plain := c & 0x7f
		switch {
		case c == '\\' || c == 0xa0:
			out = fmt.Appendf(out, `\%03o`, c)
		case c == 0xff:
			out = append(out, `\M^?`...)
		case c >= 0x80 && plain < 0x20:
			out = append(out, '\\', 'M', '^', plain+'@')
		case c >= 0x80:
			out = append(out, '\\', 'M', '-', plain)
		case c < 0x20 && c != '\t':
			out = append(out, '\\', '^', c+'@')
		case c == 0x7f:
			out = append(out, `\^?`...)
		default:
			out = append(out, c)
		}
	}
	return out
}

// osTraceRelay writes the phone's log as records, from iOS 10 on.
func (d *Daemon) osTraceRelay(ctx context.Context, conn net.Conn) {
	d.requests(ctx, conn, "os_trace_relay", "Request", func(q dict, out net.Conn) error {
		switch q.text("Request") {
		case "PidList":
			pids := dict{}
			for _, pr := range d.Phone.Processes() {
				pids[fmt.Sprint(pr.PID)] = dict{"ProcessName": pr.Name}
			}
			return traceAnswer(out, 1, binary.BigEndian, dict{"Status": "RequestSuccessful", "Payload": pids})
		case "StartActivity":
			n := d.Phone.LogEnd()
			if err := traceAnswer(out, 4, binary.LittleEndian, dict{"Status": "RequestSuccessful"}); err != nil {
				return err
			}
			d.trace(ctx, out, n, q)
			return net.ErrClosed
		}
		return traceAnswer(out, 4, binary.LittleEndian, dict{"Status": "RequestFailed"})
	})
}

// traceAnswer writes an answer of os_trace_relay: how many bytes its length
// takes, or the mark 1 alone before PidList's, the length and a property list.
func traceAnswer(conn net.Conn, mark uint32, order binary.AppendByteOrder, message any) error {
	body, err := plist.Marshal(message, plist.BinaryFormat)
	if err != nil {
		return err
	}
	head := []byte{byte(mark)}
	if mark != 1 {
		head = binary.LittleEndian.AppendUint32(nil, mark)
	}
	_, err = conn.Write(append(order.AppendUint32(head, uint32(len(body))), body...))
	return err
}

// trace writes the log from line n on, of one process if Pid names one.
func (d *Daemon) trace(ctx context.Context, conn net.Conn, n int, q dict) {
	ctx, end := hangUp(ctx, conn)
	defer end()
	only := int64(-1)
	switch pid := q["Pid"].(type) {
	case int64:
		only = pid
	case uint64:
		if pid < 1<<31 {
			only = int64(pid)
		}
	}
	for {
		lines, next, err := d.Phone.LogSince(ctx, n)
		if err != nil {
			return
		}
		for i, line := range lines {
			if only >= 0 && only != int64(line.Process.PID) {
				continue
			}
			if _, err := conn.Write(TraceRecord(line, next-len(lines)+i)); err != nil {
				return
			}
		}
		n = next
	}
}

// TraceRecord is a line of the log as os_trace_relay sends it: the mark 2, the
// length, a header of 129 bytes with the sizes of the texts, and these with a
// NUL after each.
func TraceRecord(line idevice.Line, number int) []byte {
	texts := []string{line.Process.Path, line.Image, line.Message, line.Subsystem, line.Category}
	var tail []byte
	for i, text := range texts {
		const imageMost = 0xffff - 1 // its size and the message's have 16 bits
		if text = strings.ReplaceAll(text, "\x00", ""); len(text) > imageMost {
			text = text[:imageMost]
		}
		texts[i] = text
		tail = append(append(tail, text...), 0)
	}
	const size = 129
	le := binary.LittleEndian
	h := make([]byte, size, size+len(tail))
	le.PutUint32(h[9:], uint32(line.Process.PID))
	le.PutUint64(h[13:], uint64(line.Process.PID)) // the unique pid
	le.PutUint16(h[37:], uint16(len(texts[0])+1))
	le.PutUint32(h[55:], uint32(line.Time.Unix()))
	le.PutUint32(h[63:], uint32(line.Time.Nanosecond()/1000))
	h[68] = byte(line.Level)
	le.PutUint64(h[75:], uint64(number))
	le.PutUint16(h[107:], uint16(len(texts[1])+1))
	le.PutUint16(h[109:], uint16(len(texts[2])+1))
	le.PutUint32(h[117:], uint32(len(texts[3])+1))
	le.PutUint32(h[121:], uint32(len(texts[4])+1))
	record := append(h, tail...)
	return append(le.AppendUint32([]byte{2}, uint32(len(record))), record...)
}

// notificationProxy accepts notifications, and posts none itself.
func (d *Daemon) notificationProxy(ctx context.Context, conn net.Conn) {
	d.requests(ctx, conn, "notification_proxy", "Command", func(q dict, out net.Conn) error {
		if q.text("Command") != "Shutdown" {
			return nil
		}
		_ = writeFrame(out, dict{"Command": "ProxyDeath"})
		return net.ErrClosed
	})
}

// screenshotr takes screenshots, with the protocol of backups: property lists
// that are arrays, and the phone sends first.
func (d *Daemon) screenshotr(ctx context.Context, conn net.Conn) {
	out := d.Faults.Reach("screenshotr", conn)
	if out == nil || writeFrame(out, []any{"DLMessageVersionExchange", 300, 0}) != nil {
		return
	}
	var version any
	if readFrame(conn, &version) != nil || writeFrame(out, []any{"DLMessageDeviceReady"}) != nil {
		return
	}
	for {
		var q []any
		if readFrame(conn, &q) != nil || len(q) < 2 || q[0] != "DLMessageProcessMessage" {
			return
		}
		if out = d.Faults.Reach("screenshotr ScreenShotRequest", conn); out == nil {
			return
		}
		if writeFrame(out, []any{"DLMessageProcessMessage",
			dict{"MessageType": "ScreenShotReply", "ScreenShotData": d.Phone.Screenshot()}}) != nil {
			return
		}
	}
}
