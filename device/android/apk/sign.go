package apk

import (
	"bytes"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/wxctl/wxctl/device/archive"
	"github.com/wxctl/wxctl/device/cms"
)

// Signer is one certificate that an APK is signed with. Signatures are not
// verified here: the system does that when it installs the APK.
type Signer struct {
	// Certificate is DER: the first of the signer's chain, which is the one
	// that Android, and therefore WeChat, uses.
	Certificate []byte
	// Scheme is "v1", "v2", "v3" or "v3.1".
	Scheme string
	// MinSDK and MaxSDK are the API levels that use it; MaxSDK 0 means no
	// limit. If an APK has v2 or v3, Android from 7 on ignores v1.
	MinSDK, MaxSDK int
	// Lineage are the certificates before it, the oldest first, for a key that
	// was rotated.
	Lineage [][]byte
}

// Schemes of an APK signing block by the ids of its pairs, and the attribute
// that holds a rotated key's lineage (AOSP, ApkSignatureSchemeV2Verifier and
// ApkSignatureSchemeV3Verifier).
const (
	blockMagic       = "APK Sig Block 42"
	pairV2           = 0x7109871a
	pairV3           = 0xf05368c0
	pairV31          = 0x1b93ad61
	attributeLineage = 0x3ba06f8c

	maxBlock   = 8 << 20
	maxSigners = 32 // apksig's bound is 10
	maxPKCS7   = 1 << 20
)

var errBlock = errors.New("its signing block is broken")

// signers returns the certificates of all schemes, the newest scheme first;
// none for an APK that is not signed.
func signers(d *archive.Directory) ([]Signer, error) {
	pairs, err := signingBlock(d)
	if err != nil {
		return nil, err
	}
	var out []Signer
	for _, s := range []struct {
		id     uint32
		scheme string
		min    int
	}{{pairV31, "v3.1", 33}, {pairV3, "v3", 28}, {pairV2, "v2", 24}} {
		if pairs[s.id] == nil {
			continue
		}
		found, err := parseSigners(pairs[s.id], s.scheme)
		if err != nil {
			return nil, err
		}
		for i := range found {
			found[i].MinSDK = max(found[i].MinSDK, s.min)
		}
		out = append(out, found...)
	}
	v1, err := signersV1(d)
	if err != nil && len(out) == 0 {
		return nil, err
	}
	return append(out, v1...), nil
}

// signingBlock reads the pairs of the block before the directory; nil if there
// is no such block.
func signingBlock(d *archive.Directory) (map[uint32][]byte, error) {
	if d.Start() < 32 {
		return nil, nil
	}
	var foot [24]byte
	if err := archive.ReadFull(d, foot[:], d.Start()-24); err != nil {
		return nil, err
	}
	if string(foot[8:]) != blockMagic {
		return nil, nil
	}
	size := binary.LittleEndian.Uint64(foot[:])
	if size < 24 || size > uint64(d.Start()-8) {
		return nil, errBlock
	}
	if size > maxBlock {
		return nil, fmt.Errorf("its signing block has %d MB, of which %d are read", size>>20, maxBlock>>20)
	}
	block := make([]byte, size+8)
	if err := archive.ReadFull(d, block, d.Start()-int64(len(block))); err != nil {
		return nil, err
	}
	if binary.LittleEndian.Uint64(block) != size {
		return nil, errBlock
	}
	pairs := map[uint32][]byte{}
	for rest := block[8 : len(block)-24]; len(rest) > 0; {
		if len(rest) < 12 {
			return nil, errBlock
		}
		n := binary.LittleEndian.Uint64(rest)
		if n < 4 || n > uint64(len(rest)-8) {
			return nil, errBlock
		}
		if id := binary.LittleEndian.Uint32(rest[8:]); pairs[id] == nil {
			pairs[id] = rest[12 : 8+n]
		}
		rest = rest[8+n:]
	}
	return pairs, nil
}

// prefixed splits off a value that is preceded by its length in four bytes.
func prefixed(b []byte) (value, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, errBlock
	}
	n := binary.LittleEndian.Uint32(b)
	if uint64(n) > uint64(len(b)-4) {
		return nil, nil, errBlock
	}
	return b[4 : 4+n], b[4+n:], nil
}

// parseSigners reads the signers of scheme v2, v3 or v3.1.
func parseSigners(pair []byte, scheme string) ([]Signer, error) {
	list, _, err := prefixed(pair)
	if err != nil {
		return nil, err
	}
	var out []Signer
	for len(list) > 0 {
		if len(out) == maxSigners {
			return nil, fmt.Errorf("it has more than %d signers", maxSigners)
		}
		var one []byte
		if one, list, err = prefixed(list); err != nil {
			return nil, err
		}
		s, err := parseSigner(one, scheme)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func parseSigner(one []byte, scheme string) (Signer, error) {
	s := Signer{Scheme: scheme}
	signed, _, err := prefixed(one)
	if err != nil {
		return s, err
	}
	_, rest, err := prefixed(signed) // digests
	if err != nil {
		return s, err
	}
	certificates, rest, err := prefixed(rest)
	if err != nil {
		return s, err
	}
	if s.Certificate, _, err = prefixed(certificates); err != nil || len(s.Certificate) == 0 {
		return s, errBlock
	}
	if scheme == "v2" {
		return s, nil
	}
	if len(rest) < 8 {
		return s, errBlock
	}
	s.MinSDK = int(binary.LittleEndian.Uint32(rest))
	if last := binary.LittleEndian.Uint32(rest[4:]); last < 1<<16 { // otherwise: no limit
		s.MaxSDK = int(last)
	}
	attributes, _, err := prefixed(rest[8:])
	if err != nil {
		return s, err
	}
	for len(attributes) > 0 {
		var a []byte
		if a, attributes, err = prefixed(attributes); err != nil || len(a) < 4 {
			return s, errBlock
		}
		if binary.LittleEndian.Uint32(a) == attributeLineage {
			if s.Lineage, err = parseLineage(a[4:], s.Certificate); err != nil {
				return s, err
			}
		}
	}
	return s, nil
}

// parseLineage reads the certificates of a lineage except the current one.
func parseLineage(b, current []byte) ([][]byte, error) {
	if len(b) < 4 {
		return nil, errBlock
	}
	var out [][]byte
	for b = b[4:]; len(b) > 0; { // after the version
		if len(out) > maxSigners {
			return nil, errBlock
		}
		node, rest, err := prefixed(b)
		if err != nil {
			return nil, err
		}
		b = rest
		signed, _, err := prefixed(node)
		if err != nil {
			return nil, err
		}
		certificate, _, err := prefixed(signed)
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(certificate, current) {
			out = append(out, certificate)
		}
	}
	return out, nil
}

// isSignatureV1 reports whether a file holds a JAR signature.
func isSignatureV1(name string) bool {
	name = strings.ToUpper(name)
	if path.Dir(name) != "META-INF" {
		return false
	}
	switch path.Ext(name) {
	case ".RSA", ".DSA", ".EC":
		return true
	}
	return false
}

// signersV1 reads the JAR signatures.
func signersV1(d *archive.Directory) ([]Signer, error) {
	var names []string
	for _, name := range d.Names() {
		if isSignatureV1(name) {
			names = append(names, name)
		}
	}
	if len(names) > maxSigners {
		return nil, fmt.Errorf("it has more than %d signers", maxSigners)
	}
	var out []Signer
	var broken error
	for _, name := range names {
		der, err := signerV1(d, name)
		if err != nil {
			broken = err
			continue
		}
		out = append(out, Signer{Certificate: der, Scheme: "v1"})
	}
	if len(out) == 0 {
		return nil, broken
	}
	return out, nil
}

func signerV1(d *archive.Directory, name string) ([]byte, error) {
	data, err := d.Read(name, maxPKCS7)
	if err != nil {
		return nil, err
	}
	p, err := cms.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("its signature %q can't be read: %w", name, err)
	}
	if c := p.GetOnlySigner(); c != nil {
		return c.Raw, nil
	}
	// With several signers Android uses the first one's certificate.
	for _, s := range p.Signers {
		if i := slices.IndexFunc(p.Certificates, func(c *x509.Certificate) bool {
			return c.SerialNumber.Cmp(s.IssuerAndSerialNumber.SerialNumber) == 0
		}); i >= 0 {
			return p.Certificates[i].Raw, nil
		}
	}
	return nil, fmt.Errorf("its signature %q holds no certificate of its signer", name)
}
