package lockdownd

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"howett.net/plist"
)

// Keys are the secrets of a computer and its phones, made anew for each run and
// only when they are first used: one RSA key, since making it is the most
// expensive part of a virtual phone, and its certificates. It is RSA since
// libimobiledevice only supports that in pair records.
type Keys struct {
	HostID, BUID string
	made         func() (*material, error)
}

type material struct {
	public                           []byte // PKCS#1 PEM, the phone's DevicePublicKey
	private, root, host, certificate []byte // PEM
	server                           tls.Certificate
}

// NewKeys returns keys that are not made yet.
func NewKeys() *Keys {
	return &Keys{HostID: newUUID(), BUID: newUUID(), made: sync.OnceValues(makeMaterial)}
}

// Make makes the keys now, so that the first client does not have to wait.
func (k *Keys) Make() error {
	_, err := k.made()
	return err
}

func newUUID() string { return strings.ToUpper(uuid.NewString()) }

func makeMaterial() (*material, error) {
	const bits = 2048
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := func(serial int64, ca bool) *x509.Certificate {
		c := &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: pkix.Name{}, NotBefore: now.Add(-24 * time.Hour), NotAfter: now.AddDate(10, 0, 0),
			BasicConstraintsValid: true, IsCA: ca, SubjectKeyId: []byte{byte(serial)},
		}
		if !ca {
			c.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
		}
		return c
	}
	m := &material{}
	root := template(1, true)
	var device []byte
	for _, c := range []struct {
		serial int64
		pem    *[]byte
	}{{1, &m.root}, {2, &m.host}, {3, &m.certificate}} {
		der, err := x509.CreateCertificate(rand.Reader, template(c.serial, c.serial == 1), root, key.Public(), key)
		if err != nil {
			return nil, err
		}
		*c.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
		device = der
	}
	m.private = pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	m.public = pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&key.PublicKey)})
	m.server = tls.Certificate{Certificate: [][]byte{device}, PrivateKey: key}
	return m, nil
}

// Record is the pair record of a computer that a phone trusts, as a property
// list.
func (k *Keys) Record(wifi string) ([]byte, error) {
	m, err := k.made()
	if err != nil {
		return nil, err
	}
	return plist.Marshal(map[string]any{
		"HostID": k.HostID, "SystemBUID": k.BUID, "HostCertificate": m.host, "HostPrivateKey": m.private,
		"RootCertificate": m.root, "RootPrivateKey": m.private, "DeviceCertificate": m.certificate,
		"EscrowBag": make([]byte, 32), "WiFiMACAddress": wifi,
	}, plist.XMLFormat)
}

// tls is the phone's side of a secure connection. A computer must show a
// certificate, as iPhones demand; whose it is was settled by its HostID.
func (k *Keys) tls() (*tls.Config, error) {
	m, err := k.made()
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		Certificates: []tls.Certificate{m.server}, ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12,
		SessionTicketsDisabled: true,
		// Without the post-quantum exchange, which doubles the computation.
		CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256},
	}, nil
}
