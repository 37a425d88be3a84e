package ios

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/pem"
	"io"
	"math/big"
	"math/bits"
	"net"
	"sync"
	"testing"
	"time"

	"howett.net/plist"
)

const testUDID = "00008110-000A1B2C3D4E5F60"

// peer is a usbmuxd with one iPhone behind it, that can misbehave at any step.
// It shares no code with the client.
type peer struct {
	addr  string
	keys  keys
	close func()

	mu sync.Mutex
	// fault is what happens at a step instead of its answer.
	faults map[string]fault
	values map[string]any // of lockdown, by key, or domain/key
	apps   map[string]map[string]any
	// devices is what ListDevices answers; nil: one phone on USB.
	devices    []map[string]any
	number     int               // usbmuxd's number of the phone
	refuse     map[string]string // lockdown's errors, by request
	steps      []string
	conns      int
	events     chan map[string]any // for Listen
	unpaired   bool
	noLockdown bool // nothing listens on lockdownd's port
}

// fault is what a peer does at a step.
type fault struct {
	stall bool   // say nothing, and keep the connection
	cut   bool   // close the connection
	half  bool   // close it in the middle of the answer
	raw   []byte // send this instead of the answer's plist
	bytes []byte // send this instead of the answer, framing and all
	then  func() // called when the step is reached
}

type keys struct{ host, hostKey, device, deviceKey []byte }

// freshKeys makes the certificates of a pairing, once: 2048 bits take time.
var freshKeys = sync.OnceValue(func() keys {
	make := func(name string) (cert, key []byte) {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
			NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0),
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
		if err != nil {
			panic(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
			pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)})
	}
	var k keys
	k.host, k.hostKey = make("host")
	k.device, k.deviceKey = make("device")
	return k
})

// startPeer starts a peer that ends with the test.
func startPeer(t testing.TB) *peer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{
		addr: ln.Addr().String(), keys: freshKeys(), number: 7,
		faults: map[string]fault{}, refuse: map[string]string{},
		values: map[string]any{
			"DeviceName": "Ada's iPhone", "ProductType": "iPhone14,2", "ProductVersion": "17.5.1",
			"UniqueDeviceID": testUDID, "PasswordProtected": false,
			"com.apple.security.mac.amfi/DeveloperModeStatus": true,
		},
		apps:   map[string]map[string]any{},
		events: make(chan map[string]any, 10),
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				defer context.AfterFunc(ctx, func() { c.Close() })()
				p.serve(ctx, c)
			})
		}
	})
	p.close = sync.OnceFunc(func() {
		cancel()
		ln.Close()
		wg.Wait()
	})
	t.Cleanup(p.close)
	return p
}

func (p *peer) server() Server { return Server{Addr: p.addr} }

// at records a step and returns its fault.
func (p *peer) at(step string) fault {
	p.mu.Lock()
	p.steps = append(p.steps, step)
	f := p.faults[step]
	p.mu.Unlock()
	if f.then != nil {
		f.then()
	}
	return f
}

// set says what happens at a step from now on.
func (p *peer) set(step string, f fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults[step] = f
}

// visited returns the steps so far.
func (p *peer) visited() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string{}, p.steps...)
}

func (p *peer) get(key string) (any, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v, ok := p.values[key]
	return v, ok
}

// answer sends a message, or what the step's fault says, and reports whether
// the connection continues.
func (p *peer) answer(ctx context.Context, step string, c net.Conn, message any, frame func([]byte) []byte) bool {
	f := p.at(step)
	body, err := plist.Marshal(message, plist.XMLFormat)
	if err != nil {
		panic(err)
	}
	switch {
	case f.stall:
		<-ctx.Done()
		return false
	case f.cut:
		return false
	case f.raw != nil:
		body = f.raw
	}
	out := frame(body)
	switch {
	case f.bytes != nil:
		out = f.bytes
	case f.half:
		c.Write(out[:len(out)/2])
		return false
	}
	_, err = c.Write(out)
	return err == nil
}

func (p *peer) serve(ctx context.Context, c net.Conn) {
	p.mu.Lock()
	p.conns++
	p.mu.Unlock()
	for {
		var head [16]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return
		}
		body := make([]byte, binary.LittleEndian.Uint32(head[:])-16)
		if _, err := io.ReadFull(c, body); err != nil {
			return
		}
		var q map[string]any
		if _, err := plist.Unmarshal(body, &q); err != nil {
			return
		}
		frame := func(tag []byte) func([]byte) []byte {
			return func(body []byte) []byte {
				out := binary.LittleEndian.AppendUint32(nil, uint32(len(body)+16))
				out = binary.LittleEndian.AppendUint32(out, 1)
				out = binary.LittleEndian.AppendUint32(out, 8)
				return append(append(out, tag...), body...)
			}
		}
		kind := q["MessageType"].(string)
		result := func(n int) map[string]any { return map[string]any{"MessageType": "Result", "Number": n} }
		switch kind {
		case "ListDevices":
			p.mu.Lock()
			list := p.devices
			if list == nil {
				list = []map[string]any{p.entry()}
			}
			p.mu.Unlock()
			if !p.answer(ctx, kind, c, map[string]any{"DeviceList": list}, frame(head[12:])) {
				return
			}
		case "ReadPairRecord":
			message := result(2)
			p.mu.Lock()
			unpaired := p.unpaired
			p.mu.Unlock()
			if !unpaired {
				record, _ := plist.Marshal(map[string]any{
					"HostID": "11111111-2222", "SystemBUID": "AAAA", "HostCertificate": p.keys.host, "HostPrivateKey": p.keys.hostKey,
				}, plist.XMLFormat)
				message = map[string]any{"PairRecordData": record}
			}
			if !p.answer(ctx, kind, c, message, frame(head[12:])) {
				return
			}
		case "Listen":
			if !p.answer(ctx, kind, c, result(0), frame(head[12:])) {
				return
			}
			for {
				select {
				case e := <-p.events:
					if !p.answer(ctx, "event", c, e, frame([]byte{0, 0, 0, 0})) {
						return
					}
				case <-ctx.Done():
					return
				}
			}
		case "Connect":
			port := bits.ReverseBytes16(uint16(q["PortNumber"].(uint64)))
			p.mu.Lock()
			known := q["DeviceID"].(uint64) == uint64(p.number)
			noLockdown := p.noLockdown
			p.mu.Unlock()
			n := 0
			switch {
			case !known:
				n = 2
			case port == lockdownPort && noLockdown, port != lockdownPort && port != servicePort && port != plainPort:
				n = 3
			}
			step := kind
			if port != lockdownPort {
				step = "ConnectService"
			}
			if !p.answer(ctx, step, c, result(n), frame(head[12:])) {
				return
			}
			switch {
			case n != 0:
			case port == lockdownPort:
				p.lockdown(ctx, c)
				return
			default:
				p.service(ctx, c, port == servicePort)
				return
			}
		default:
			if !p.answer(ctx, kind, c, result(1), frame(head[12:])) {
				return
			}
		}
	}
}

func (p *peer) entry() map[string]any {
	return map[string]any{"MessageType": "Attached", "DeviceID": p.number, "Properties": map[string]any{
		"ConnectionType": "USB", "DeviceID": p.number, "SerialNumber": testUDID,
	}}
}

const (
	servicePort = 49001 // behind TLS
	plainPort   = 8100  // an echo
)

func lockdownFrame(body []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

func readLockdown(c net.Conn) (map[string]any, bool) {
	var head [4]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return nil, false
	}
	body := make([]byte, binary.BigEndian.Uint32(head[:]))
	if _, err := io.ReadFull(c, body); err != nil {
		return nil, false
	}
	var q map[string]any
	_, err := plist.Unmarshal(body, &q)
	return q, err == nil
}

func (p *peer) tls(ctx context.Context, step string, c net.Conn) (net.Conn, bool) {
	f := p.at(step)
	switch {
	case f.stall:
		<-ctx.Done()
		return nil, false
	case f.cut:
		return nil, false
	case f.bytes != nil:
		c.Write(f.bytes)
		return nil, false
	}
	cert, err := tls.X509KeyPair(p.keys.device, p.keys.deviceKey)
	if err != nil {
		panic(err)
	}
	t := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAnyClientCert})
	return t, t.HandshakeContext(ctx) == nil
}

func (p *peer) lockdown(ctx context.Context, c net.Conn) {
	for {
		q, ok := readLockdown(c)
		if !ok {
			return
		}
		kind := q["Request"].(string)
		step := kind
		a := map[string]any{"Request": kind}
		p.mu.Lock()
		refusal := p.refuse[kind]
		p.mu.Unlock()
		switch {
		case refusal != "":
			a["Error"] = refusal
		case kind == "GetValue":
			domain, _ := q["Domain"].(string)
			key, _ := q["Key"].(string)
			if domain != "" {
				key = domain + "/" + key
				step += "/" + key
			}
			if v, ok := p.get(key); ok {
				a["Value"] = v
			} else if key == "" {
				p.mu.Lock()
				a["Value"] = p.values
				p.mu.Unlock()
			} else {
				a["Error"] = "MissingValue"
			}
		case kind == "StartSession":
			a["SessionID"], a["EnableSessionSSL"] = "S1", true
		case kind == "StartService" && q["Service"] == installationProxy:
			a["Port"], a["EnableServiceSSL"] = servicePort, true
		case kind == "StartService" && q["Service"] == "plain":
			a["Port"] = plainPort
		case kind == "StartService":
			a["Error"] = "InvalidService"
		}
		if !p.answer(ctx, step, c, a, lockdownFrame) {
			return
		}
		if kind == "StartSession" && refusal == "" {
			if c, ok = p.tls(ctx, "TLS", c); !ok {
				return
			}
		}
	}
}

func (p *peer) service(ctx context.Context, c net.Conn, encrypted bool) {
	if !encrypted {
		io.Copy(c, c)
		return
	}
	c, ok := p.tls(ctx, "TLSService", c)
	if !ok {
		return
	}
	for {
		q, ok := readLockdown(c)
		if !ok {
			return
		}
		options, _ := q["ClientOptions"].(map[string]any)
		found := map[string]any{}
		p.mu.Lock()
		if ids, ok := options["BundleIDs"].([]any); ok {
			for _, id := range ids {
				if app, ok := p.apps[id.(string)]; ok {
					found[id.(string)] = app
				}
			}
		} else {
			for id, app := range p.apps {
				found[id] = app
			}
		}
		p.mu.Unlock()
		if !p.answer(ctx, q["Command"].(string), c, map[string]any{"LookupResult": found, "Status": "Complete"}, lockdownFrame) {
			return
		}
	}
}

// until is a context for what must end by itself: long enough for a slow machine.
func until(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}
