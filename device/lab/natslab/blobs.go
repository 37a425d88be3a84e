package natslab

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// MaxFile limits a file of a lab, in bytes: it is kept in memory as a whole.
const MaxFile = 256 << 20

// fileTime limits the time for one file.
const fileTime = time.Minute

// PutFile stores a file for runs and returns its name; the same content is
// stored once.
func (l *Lab) PutFile(ctx context.Context, data []byte) (string, error) {
	sum := sha256.Sum256(data)
	name := "files/" + hex.EncodeToString(sum[:])
	asking, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	if _, err := l.blobs.GetInfo(asking, name); err == nil {
		return name, nil
	} else if !errors.Is(err, jetstream.ErrObjectNotFound) {
		return "", err
	}
	return name, l.Put(ctx, name, data)
}

// File returns a file that PutFile stored.
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

// Put stores a file of a run.
func (l *Lab) Put(ctx context.Context, name string, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, fileTime)
	defer cancel()
	ctx, release := l.denied.guard(ctx, ofFiles)
	defer release()
	_, err := l.blobs.PutBytes(ctx, name, data)
	return deniedBy(ctx, err)
}

// Get returns a file of a run.
func (l *Lab) Get(ctx context.Context, name string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fileTime)
	defer cancel()
	ctx, release := l.denied.guard(ctx, ofFiles)
	defer release()
	info, err := l.blobs.GetInfo(ctx, name)
	if err != nil {
		return nil, deniedBy(ctx, err)
	}
	if info.Size > MaxFile {
		return nil, fmt.Errorf("the lab's %q has %d bytes, at most %d are read", name, info.Size, MaxFile)
	}
	data, err := l.blobs.GetBytes(ctx, name)
	return data, deniedBy(ctx, err)
}
