package adb

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math/big"
	"slices"
	"sync"
)

// The kinds of an AUTH packet (adb/adb_auth.h).
const (
	authToken     = 1
	authSignature = 2
	authPublicKey = 3

	tokenSize = 20
)

// Auth makes a phone ask for computers' keys. The zero value accepts every key,
// and remembers it.
type Auth struct {
	// Accept answers "Allow USB debugging?" for a key that was never allowed;
	// name is the computer's name, such as "me@laptop". It may take until ctx
	// ends. nil allows every key.
	Accept func(ctx context.Context, key *rsa.PublicKey, name string) bool

	mu   sync.Mutex
	keys []*rsa.PublicKey
}

// Allow adds a key that is accepted without a question.
func (a *Auth) Allow(key *rsa.PublicKey) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keys = append(a.keys, key)
}

// signed reports whether an allowed key signed token: PKCS #1 v1.5, with the
// token used as a SHA-1 digest.
func (a *Auth) signed(token, signature []byte) bool {
	a.mu.Lock()
	keys := slices.Clone(a.keys)
	a.mu.Unlock()
	return slices.ContainsFunc(keys, func(k *rsa.PublicKey) bool {
		return rsa.VerifyPKCS1v15(k, crypto.SHA1, token, signature) == nil
	})
}

// ask asks the virtual user about a key, and stores the answer.
func (a *Auth) ask(ctx context.Context, key *rsa.PublicKey, name string) bool {
	if a.Accept != nil && !a.Accept(ctx, key, name) {
		return false
	}
	a.Allow(key)
	return true
}

// The layout of a public key that adb sends: the modulus's length in words,
// -1/n[0], the modulus, R² mod n, the exponent; all little-endian
// (libcrypto_utils android_pubkey.c).
const (
	keyWords   = 64 // RSA with 2048 bits
	keyModulus = 8
	keySize    = keyModulus + 2*4*keyWords + 4
)

var errPublicKey = errors.New("not a public key of adb")

// parsePublicKey reads what an AUTH packet carries: the key in base64, a
// space, the computer's name, NUL.
func parsePublicKey(data []byte) (*rsa.PublicKey, string, error) {
	data = bytes.TrimRight(data, "\x00")
	text, name, _ := bytes.Cut(data, []byte(" "))
	raw, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil || len(raw) != keySize || binary.LittleEndian.Uint32(raw) != keyWords {
		return nil, "", errPublicKey
	}
	modulus := slices.Clone(raw[keyModulus : keyModulus+4*keyWords])
	slices.Reverse(modulus)
	exponent := binary.LittleEndian.Uint32(raw[keySize-4:])
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: int(exponent)}
	if key.N.BitLen() != 32*keyWords || key.N.Bit(0) == 0 || exponent != 3 && exponent != 65537 {
		return nil, "", errPublicKey
	}
	return key, string(name), nil
}
