package natslab

import (
	"crypto/rand"
	"errors"

	"golang.org/x/crypto/nacl/box"
)

// pair is a key pair of X25519, created for each run and each question.
type pair struct{ public, private *[32]byte }

func newPair() (pair, error) {
	public, private, err := box.GenerateKey(rand.Reader)
	return pair{public, private}, err
}

// seal encrypts text for the holder of one key.
func seal(text, public []byte) ([]byte, error) {
	if len(public) != 32 {
		return nil, errors.New("the key to seal to is not one of X25519")
	}
	return box.SealAnonymous(nil, text, (*[32]byte)(public), rand.Reader)
}

func (p pair) open(sealed []byte) ([]byte, error) {
	text, ok := box.OpenAnonymous(nil, sealed, p.public, p.private)
	if !ok {
		return nil, errors.New("what came was not sealed to this key")
	}
	return text, nil
}
