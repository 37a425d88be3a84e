package natsserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nkeys"
)

// The roles of keys.
const (
	Runner = "runner" // runs suites and manages the lab
	Agent  = "agent"  // lends phones
	Viewer = "viewer" // may only read
)

// KeyFile is the file of a role's key in the folder of a lab.
func KeyFile(dir, role string) string { return filepath.Join(dir, role+".nk") }

// CAFile is the file of the certificate authority of a lab.
func CAFile(dir string) string { return filepath.Join(dir, "ca.pem") }

// ConfigFile is the configuration of the n-th server of a lab, from 1, for
// nats-server.
func ConfigFile(dir string, n int) string {
	return filepath.Join(dir, fmt.Sprintf("nats-%d.conf", n))
}

// life is how long the certificates of a lab are valid.
const life = 5 * 365 * 24 * time.Hour

// Init creates the keys, certificates and configurations of a lab with servers
// on these hosts, one or three, in an empty folder.
func Init(dir string, hosts []string, store string, now time.Time) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if _, err := os.Stat(ConfigFile(dir, 1)); err == nil {
		return fs.ErrExist
	}
	public := map[string]string{}
	for _, role := range []string{Runner, Agent, Viewer} {
		pair, err := nkeys.CreateUser()
		if err != nil {
			return err
		}
		seed, err := pair.Seed()
		if err != nil {
			return err
		}
		if public[role], err = pair.PublicKey(); err != nil {
			return err
		}
		if err := write(KeyFile(dir, role), append(seed, '\n'), 0o600); err != nil {
			return err
		}
	}
	if err := certificates(dir, hosts, now); err != nil {
		return err
	}
	for i := range hosts {
		if err := write(ConfigFile(dir, i+1), []byte(config(dir, hosts, i, store, public)), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// write writes a new file.
func write(name string, text []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// certificates creates a certificate authority and a certificate for the
// servers.
func certificates(dir string, hosts []string, now time.Time) error {
	authority := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "wxctl lab"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(life),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	if err := certificate(dir, "ca", authority, authority, authorityKey, authorityKey); err != nil {
		return err
	}
	server := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: hosts[0]}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(life),
		KeyUsage: x509.KeyUsageDigitalSignature,
		// Servers of a cluster are clients of each other.
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:    []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			server.IPAddresses = append(server.IPAddresses, ip)
		} else {
			server.DNSNames = append(server.DNSNames, host)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	return certificate(dir, "server", server, authority, key, authorityKey)
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return big.NewInt(1) // never: crypto/rand does not fail
	}
	return n
}

func certificate(dir, name string, c, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) error {
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		write(filepath.Join(dir, name+".pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644),
		write(filepath.Join(dir, name+"-key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
}

// The subjects that the roles may use, besides those that every client needs.
// Buckets are streams named KV_ and their name.
var (
	looksOn = []string{
		"$JS.API.INFO", "$JS.API.STREAM.INFO.>", "$JS.API.CONSUMER.INFO.>", "$JS.API.STREAM.MSG.GET.>", "$JS.API.DIRECT.GET.>", "$JS.FC.>",
		"$JS.API.CONSUMER.CREATE.KV_wx-devices.>", "$JS.API.CONSUMER.CREATE.KV_wx-leases.>", "$JS.API.CONSUMER.CREATE.KV_wx-runs.>",
		"$JS.API.CONSUMER.CREATE.KV_wx-claims.>", "$JS.API.CONSUMER.CREATE.KV_wx-marks.>", "$JS.API.CONSUMER.CREATE.OBJ_wx-blobs.>",
		"$JS.API.CONSUMER.CREATE.wx-events.>", "$JS.API.CONSUMER.DELETE.KV_wx-devices.>", "$JS.API.CONSUMER.DELETE.KV_wx-leases.>",
		"$JS.API.CONSUMER.DELETE.KV_wx-runs.>", "$JS.API.CONSUMER.DELETE.KV_wx-claims.>", "$JS.API.CONSUMER.DELETE.KV_wx-marks.>",
		"$JS.API.CONSUMER.DELETE.OBJ_wx-blobs.>", "$JS.API.CONSUMER.DELETE.wx-events.>", "$JS.API.CONSUMER.MSG.NEXT.wx-events.>",
	}
	lends = []string{
		"wx.ev.>", "wx.fire.>", "wx.oauth.>", "$KV.wx-claims.>", "$KV.wx-leases.>", "$KV.wx-devices.>", "$KV.wx-marks.>", "$O.wx-blobs.>",
		"$JS.API.CONSUMER.MSG.NEXT.wx-jobs.>", "$JS.ACK.wx-jobs.>",
	}
	// owns is allowed for runs only: an agent must not pretend to own one.
	owns = []string{"$KV.wx-leases.run.>"}
)

// config is the configuration of one server.
func config(dir string, hosts []string, i int, store string, public map[string]string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	tls := fmt.Sprintf("tls { cert_file: %q, key_file: %q, ca_file: %q", filepath.Join(dir, "server.pem"),
		filepath.Join(dir, "server-key.pem"), CAFile(dir))
	line("# Written by wxctl lab init, for nats-server and for wxctl lab serve --config.")
	line("server_name: lab-%d", i+1)
	line("listen: \"0.0.0.0:4222\"")
	line("jetstream { store_dir: %q }", store)
	line("%s }", tls)
	if len(hosts) > 1 {
		var routes []string
		for _, host := range hosts {
			routes = append(routes, fmt.Sprintf("%q", "nats://"+net.JoinHostPort(host, "6222")))
		}
		line("cluster { name: wxctl, listen: \"0.0.0.0:6222\", %s, verify: true }, routes: [%s] }", tls, strings.Join(routes, ", "))
	}
	line("authorization { users: [")
	user := func(role, permissions string) { line("  # %s\n  { nkey: %s%s }", role, public[role], permissions) }
	user(Runner, "")
	user(Agent, fmt.Sprintf(",\n    permissions: { publish: { allow: [%s], deny: [%s] },\n      subscribe: [\"_INBOX.>\", \"wx.more.>\"] }",
		quoted(append(lends, looksOn...)), quoted(owns)))
	user(Viewer, fmt.Sprintf(",\n    permissions: { publish: [%s],\n      subscribe: [\"_INBOX.>\", \"wx.ev.>\"] }", quoted(looksOn)))
	line("] }")
	return b.String()
}

func quoted(subjects []string) string {
	all := make([]string, len(subjects))
	for i, s := range subjects {
		all[i] = fmt.Sprintf("%q", s)
	}
	return strings.Join(all, ", ")
}
