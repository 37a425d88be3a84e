package ios

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/danielpaulus/go-ios/ios"
	"howett.net/plist"

	"github.com/wxctl/wxctl/device"
)

// goIOS connects go-ios to the peer.
func goIOS(t *testing.T, p *peer) (*ios.UsbMuxConnection, net.Conn) {
	t.Helper()
	c, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return ios.NewUsbMuxConnection(ios.NewDeviceConnectionWithConn(c)), c
}

// go-ios accepts the peer of these tests as an iPhone, and reads the same from
// it as this package.
func TestGoIOSAgrees(t *testing.T) {
	p := startPeer(t)
	m, _ := goIOS(t, p)
	list, err := m.ListDevices()
	if err != nil || len(list.DeviceList) != 1 || list.DeviceList[0].Properties.SerialNumber != testUDID {
		t.Fatalf("go-ios lists %v, %v", list, err)
	}
	record, err := m.ReadPair(testUDID)
	if err != nil {
		t.Fatal(err)
	}
	lockdown, err := m.ConnectLockdown(list.DeviceList[0].DeviceID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockdown.StartSession(record); err != nil {
		t.Fatal(err)
	}
	theirs, err := lockdown.GetProductVersion()
	if err != nil {
		t.Fatal(err)
	}
	service, err := lockdown.StartService(installationProxy)
	if err != nil || service.Port != servicePort || !service.EnableServiceSSL {
		t.Errorf("go-ios starts %+v, %v", service, err)
	}
	link, err := p.server().Link(until(t), testUDID)
	if err != nil {
		t.Fatal(err)
	}
	if ours, err := value(until(t), link, "ProductVersion"); err != nil || ours != theirs {
		t.Errorf("ours is %v, %v, go-ios's %v", ours, err, theirs)
	}
}

// Why this package doesn't use go-ios for these answers: it treats unreadable
// answers as success. When one of these tests fails, go-ios has been fixed.
func TestGoIOSDefects(t *testing.T) {
	nonsense := fault{raw: []byte("<plist><array/></plist>")}
	t.Run("a list that is none is an empty one", func(t *testing.T) {
		p := startPeer(t)
		p.set("ListDevices", nonsense)
		m, _ := goIOS(t, p)
		if list, err := m.ListDevices(); err != nil || len(list.DeviceList) != 0 {
			t.Errorf("go-ios says %v, %v", list, err)
		}
		ours, err := (&Backend{Server: p.server()}).List(until(t), "")
		if device.AsError(err) == nil || device.AsError(err).Code != device.ServerMisbehaved {
			t.Errorf("ours says %v, %v", ours, err)
		}
	})
	t.Run("a result that is none is success", func(t *testing.T) {
		p := startPeer(t)
		p.set("Connect", nonsense)
		m, _ := goIOS(t, p)
		if _, err := m.ConnectLockdown(p.number); err != nil {
			t.Errorf("go-ios says %v", err)
		}
		l := &Link{server: p.server(), udid: testUDID, number: p.number}
		if _, err := l.Dial(until(t), lockdownPort); device.AsError(err) == nil || device.AsError(err).Code != device.ServerMisbehaved {
			t.Errorf("ours says %v", err)
		}
	})
	t.Run("a refused value is none", func(t *testing.T) {
		p := startPeer(t)
		m, _ := goIOS(t, p)
		lockdown, err := m.ConnectLockdown(p.number)
		if err != nil {
			t.Fatal(err)
		}
		p.mu.Lock()
		p.refuse["GetValue"] = "PasswordProtected"
		p.mu.Unlock()
		if v, err := lockdown.GetValue("ProductVersion"); err != nil || v != nil {
			t.Errorf("go-ios says %v, %v", v, err)
		}
		l := &Link{server: p.server(), udid: testUDID, number: p.number}
		_, err = value(until(t), l, "ProductVersion")
		var refused *LockdownError
		if !errors.As(err, &refused) || device.AsError(err).Code != device.PhoneNotReady {
			t.Errorf("ours says %v", err)
		}
	})
}

// The content of a pair record is in no error, however usbmuxd has changed it.
func TestNoErrorQuotesARecord(t *testing.T) {
	const secret = "MIIEpAIBAAKCAQEA-this-is-a-key"
	base64 := base64.StdEncoding.EncodeToString([]byte(secret))
	key := "<key>HostPrivateKey</key><string>" + secret + "</string>"
	for name, record := range map[string]string{
		"text":         secret,
		"cut":          "<plist><dict>" + key,
		"wrong types":  "<plist><dict><key>HostID</key><data>" + base64 + "</data>" + key + "</dict></plist>",
		"a number":     "<plist><dict><key>HostPrivateKey</key><integer>" + secret + "</integer></dict></plist>",
		"a key":        "<plist><dict><key>" + secret + "</key></dict></plist>",
		"no identity":  "<plist><dict><key>HostPrivateKey</key><data>" + base64 + "</data></dict></plist>",
		"no real keys": "<plist><dict><key>HostID</key><string>x</string><key>HostPrivateKey</key><data>" + base64 + "</data></dict></plist>",
	} {
		t.Run(name, func(t *testing.T) {
			p := startPeer(t)
			answer, err := plist.Marshal(map[string]any{"PairRecordData": []byte(record)}, plist.XMLFormat)
			if err != nil {
				t.Fatal(err)
			}
			p.set("ReadPairRecord", fault{raw: answer})
			err = serviceOf(until(t), p.server())
			e := device.AsError(err)
			if e == nil || e.Code != device.PhoneNotReady || !strings.Contains(e.Message, "pair record") {
				t.Fatalf("got %v", err)
			}
			said := fmt.Sprintf("%v %+v %q", err, err, e.Hint)
			// Nor is it in the errors below that one.
			m, err := p.server().open(until(t))
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			if read, err := m.pairRecord(until(t), testUDID); err != nil {
				said += fmt.Sprintf("%v %+v", err, err)
			} else {
				_, far := pair(t)
				err := phoneConn{ios.NewDeviceConnectionWithConn(far)}.encrypt(read)
				said += fmt.Sprintf("%v %+v", err, err)
			}
			for inner := error(e); inner != nil; inner = errors.Unwrap(inner) {
				said += fmt.Sprintf("%v %#v", inner, inner)
			}
			for _, form := range []string{secret, base64, hex.EncodeToString([]byte(secret)), fmt.Sprint([]byte(secret))[1:40]} {
				if strings.Contains(said, form) {
					t.Errorf("the error quotes the record: %s", said)
				}
			}
		})
	}
}

// An answer of another kind is not usbmuxd's, also if a property list is in it.
func TestOtherKinds(t *testing.T) {
	for kind, taken := range map[uint32]bool{plistKind: true, 1: false} {
		near, far := pair(t)
		body, err := plist.Marshal(map[string]any{"MessageType": "Result", "Number": 0}, plist.XMLFormat)
		if err != nil {
			t.Fatal(err)
		}
		var message []byte
		for _, n := range []uint32{uint32(16 + len(body)), 1, kind, 7} {
			message = binary.LittleEndian.AppendUint32(message, n)
		}
		go far.Write(append(message, body...))
		var answer muxAnswer
		if _, err := newMux(Server{}, near).read(&answer); (err == nil) != taken {
			t.Errorf("kind %d: %v", kind, err)
		}
	}
}

// A library that panics on invalid data does not end the command.
func TestPanics(t *testing.T) {
	_, b := pair(t)
	err := during(t.Context(), b, func() error { panic("interface conversion") })
	if !errors.Is(err, errNoPlist) || !strings.Contains(err.Error(), "interface conversion") {
		t.Errorf("got %v", err)
	}
}

// A connection that is cut during TLS is a lost phone; only a phone that refuses
// the certificate needs another pair record.
func TestTLSErrors(t *testing.T) {
	for _, step := range []string{"TLS", "TLSService"} {
		for name, c := range map[string]struct {
			fault fault
			want  device.Code
			hint  string
		}{
			"cut":      {fault{cut: true}, device.PhoneLost, "plug it in again"},
			"garbage":  {fault{bytes: []byte("HTTP/1.1 400 Bad Request\r\n\r\n")}, device.ServerMisbehaved, "plug it in again"},
			"an alert": {fault{bytes: []byte{21, 3, 3, 0, 2, 2, 42}}, device.PhoneNotReady, "unpair"}, // bad_certificate
		} {
			p := startPeer(t)
			p.set(step, c.fault)
			err := serviceOf(until(t), p.server())
			if e := device.AsError(err); e == nil || e.Code != c.want || !strings.Contains(e.Hint, c.hint) {
				t.Errorf("%s at %s: got %v", name, step, err)
			}
		}
	}
}

// What is used of go-ios dials nothing: goios.go alone imports it, two packages
// of it, and from the first only these names. All others are to be read before
// they are added.
func TestGoIOSDialsNothing(t *testing.T) {
	allowed := map[string][]string{
		"github.com/danielpaulus/go-ios/ios": {"DeviceConnectionInterface", "NewDeviceConnectionWithConn", "NewPlistCodec", "NewUsbMuxConnection",
			"PairRecord", "SetLogger", "UsbMuxConnection"},
		"github.com/danielpaulus/go-ios/ios/xpc": {"DecodeMessage", "EncodeMessage", "Message"},
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		names := map[string][]string{} // by what the file calls the package
		for _, imported := range file.Imports {
			of := strings.Trim(imported.Path.Value, `"`)
			if !strings.HasPrefix(of, "github.com/danielpaulus/go-ios") {
				continue
			}
			if seen++; name != "goios.go" || imported.Name != nil || allowed[of] == nil {
				t.Errorf("%s imports %s", name, of)
			}
			names[path.Base(of)] = allowed[of]
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if of, ok := s.X.(*ast.Ident); ok && of.Obj == nil && names[of.Name] != nil && !slices.Contains(names[of.Name], s.Sel.Name) {
					t.Errorf("%s uses %s.%s", name, of.Name, s.Sel.Name)
				}
			}
			return true
		})
	}
	if seen != len(allowed) {
		t.Errorf("%d imports of go-ios were seen", seen)
	}
}
