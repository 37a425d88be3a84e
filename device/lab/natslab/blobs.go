package natslab

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// PutFile keeps what runs need, once however often it is put, and returns its
// name.
func (l *Lab) PutFile(ctx context.Context, data []byte) (string, error) {
	sum := sha256.Sum256(data)
	name := "files/" + hex.EncodeToString(sum[:])
	if _, err := l.blobs.GetInfo(ctx, name); err == nil {
		return name, nil
	} else if !errors.Is(err, jetstream.ErrObjectNotFound) {
		return "", err
	}
	return name, l.Put(ctx, name, data)
}

// File returns what PutFile has kept.
func (l *Lab) File(ctx context.Context, name string) ([]byte, error) {
	data, err := l.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(data); name != "files/"+hex.EncodeToString(sum[:]) {
		return nil, fmt.Errorf("the lab's %q is damaged", name)
	}
	return data, nil
}

// Put keeps a file of a run.
func (l *Lab) Put(ctx context.Context, name string, data []byte) error {
	ctx, release := l.denied.guard(ctx)
	defer release()
	_, err := l.blobs.PutBytes(ctx, name, data)
	return deniedBy(ctx, err)
}

// Get returns a file of a run.
func (l *Lab) Get(ctx context.Context, name string) ([]byte, error) {
	ctx, release := l.denied.guard(ctx)
	defer release()
	data, err := l.blobs.GetBytes(ctx, name)
	return data, deniedBy(ctx, err)
}
