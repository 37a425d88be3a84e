// Package natslab is a lab of many hosts: the queue of device/lab on NATS
// JetStream.
//
// The claim of a job, a key that is changed only by compare-and-set, is
// authoritative; the work queue only distributes jobs. A worker creates the
// claim before it acknowledges the job, so a job that is delivered twice is
// refused the second time. Before a request is sent to a phone, the run's owner
// has recorded it and the claim says so. If it is lost after that, it is never
// handed out again.
//
// Nothing depends on the hosts' clocks: leases expire by the age of their keys
// on the server, and a worker measures how long ago it last renewed.
package natslab

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Protocol is the version of the messages between hosts of a lab. Agents and
// runs of different versions ignore each other.
const Protocol = 1

// The buckets and streams of a lab, and the subjects of requests to the owner
// of a run.
const (
	devicesBucket = "wx-devices" // <agent> and <agent>.<phone>: connected hosts and phones
	leasesBucket  = "wx-leases"  // <phone>: who drives it; run.<run>: who owns it
	runsBucket    = "wx-runs"    // <run>: what agents need to know about it
	claimsBucket  = "wx-claims"  // <run>.<job>.<try>: the job's state
	marksBucket   = "wx-marks"   // <phone> or agent.<agent>: held, quarantined, drained
	blobsBucket   = "wx-blobs"   // files of suites and of attempts
	jobsStream    = "wx-jobs"    // wx.job.<run>.<target>
	eventsStream  = "wx-events"  // wx.ev.<run>.<job>.<try>

	jobSubject   = "wx.job."
	eventSubject = "wx.ev."
	fireSubject  = "wx.fire."  // <run>: may this request be sent?
	ownerSubject = "wx.oauth." // <run>: commands that need the owner's secrets
	moreSubject  = "wx.more."  // <run>: there are new jobs
)

// Times of a lab. Those of leases and devices are the buckets' own, so that all
// hosts agree; see [Settings].
const (
	ackWait      = 10 * time.Second // after this a job that was fetched and not claimed is delivered again
	keepFor      = 7 * 24 * time.Hour
	jobsFor      = 24 * time.Hour
	idleConsumer = time.Hour
	opTimeout    = 3 * time.Second // for one request; it is repeated while that makes sense
	pollEvery    = time.Second     // for jobs that were returned without a notification
)

// Settings are used to set up a lab.
type Settings struct {
	// LeaseTTL is how long a host keeps a phone without renewing its lease.
	LeaseTTL time.Duration
	// DeviceTTL is how long an agent stays listed without renewing its entry.
	DeviceTTL time.Duration
	// Replicas is how many servers store each bucket and stream.
	Replicas int
	// MaxBlobs limits the stored files, in bytes.
	MaxBlobs int64
}

// Defaults are the settings for a lab with this many servers.
func Defaults(servers int) Settings {
	replicas := 1
	if servers >= 3 {
		replicas = 3
	}
	return Settings{LeaseTTL: 30 * time.Second, DeviceTTL: 15 * time.Second, Replicas: replicas, MaxBlobs: 8 << 30}
}

// Lab is a connection to a lab.
type Lab struct {
	nc *nats.Conn
	js jetstream.JetStream

	devices, leases, runs, claims, marks jetstream.KeyValue
	blobs                                jetstream.ObjectStore
	jobs                                 jetstream.Stream
	leaseTTL, deviceTTL                  time.Duration
	stateTime                            time.Duration // for reading the state

	denied *denials
}

// Open opens the lab behind a connection, and sets it up if it is new, with the
// defaults if fresh is nil. The Lab owns the connection.
func Open(ctx context.Context, nc *nats.Conn, fresh *Settings) (*Lab, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	l := &Lab{nc: nc, js: js, stateTime: stateTime, denied: watchDenials(nc)}
	err = l.bind(ctx)
	if errors.Is(err, jetstream.ErrBucketNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
		if fresh == nil {
			fresh = new(Defaults(len(nc.Servers())))
		}
		if err = l.setup(ctx, *fresh); err == nil {
			err = l.bind(ctx)
		}
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

// setup creates missing buckets and streams. Existing ones are not changed.
func (l *Lab) setup(ctx context.Context, s Settings) error {
	js := l.js
	ctx, cancel := l.denied.guard(ctx, subjects{"$JS.API.STREAM."})
	defer cancel()
	bucket := func(name string, ttl time.Duration, history uint8) error {
		_, err := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket: name, TTL: ttl, History: history, Storage: jetstream.FileStorage, Replicas: s.Replicas,
			LimitMarkerTTL: time.Minute, // so that watchers are notified of expired keys
		})
		if errors.Is(err, jetstream.ErrBucketExists) {
			return nil
		}
		return err
	}
	stream := func(c jetstream.StreamConfig) error {
		c.Storage, c.Replicas = jetstream.FileStorage, s.Replicas
		_, err := js.CreateStream(ctx, c)
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			return nil
		}
		return err
	}
	for _, step := range []func() error{
		func() error { return bucket(devicesBucket, s.DeviceTTL, 1) },
		func() error { return bucket(leasesBucket, s.LeaseTTL, 1) },
		func() error { return bucket(runsBucket, keepFor, 1) },
		func() error { return bucket(claimsBucket, keepFor, 5) },
		func() error { return bucket(marksBucket, 0, 1) },
		func() error {
			return stream(jetstream.StreamConfig{Name: jobsStream, Subjects: []string{jobSubject + ">"}, Retention: jetstream.WorkQueuePolicy,
				Discard: jetstream.DiscardNew, MaxAge: jobsFor})
		},
		func() error {
			return stream(jetstream.StreamConfig{Name: eventsStream, Subjects: []string{eventSubject + ">"}, MaxAge: keepFor})
		},
		func() error { return createBlobs(ctx, js, s) },
	} {
		if err := step(); err != nil {
			return deniedBy(ctx, err)
		}
	}
	return nil
}

// fewestBlobs is the smallest store of files, in bytes.
const fewestBlobs = 16 << 20

// createBlobs makes the store of files. The server reserves its size: on a small
// disk it gets as much of it as there is, halved.
func createBlobs(ctx context.Context, js jetstream.JetStream, s Settings) error {
	for size := s.MaxBlobs; ; size /= 2 {
		_, err := js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{
			Bucket: blobsBucket, TTL: keepFor, MaxBytes: size, Replicas: s.Replicas, Storage: jetstream.FileStorage,
		})
		switch {
		case errors.Is(err, jetstream.ErrBucketExists):
			return nil
		case err == nil || !noRoom(err) || size/2 < fewestBlobs:
			return err
		}
	}
}

// noRoom reports whether the server's disk is too small, or full. The numbers are
// JSStorageResourcesExceededErr and JSInsufficientResourcesErr of nats-server's
// errors.json.
func noRoom(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.ErrorCode == 10047 || api.ErrorCode == 10023)
}

// bind opens the buckets and streams.
func (l *Lab) bind(ctx context.Context) error {
	ctx, cancel := l.denied.guard(ctx, subjects{"$JS.API.STREAM.INFO."})
	defer cancel()
	for _, b := range []struct {
		name string
		into *jetstream.KeyValue
		ttl  *time.Duration
	}{
		{devicesBucket, &l.devices, &l.deviceTTL}, {leasesBucket, &l.leases, &l.leaseTTL}, {runsBucket, &l.runs, nil},
		{claimsBucket, &l.claims, nil}, {marksBucket, &l.marks, nil},
	} {
		kv, err := l.js.KeyValue(ctx, b.name)
		if err != nil {
			return deniedBy(ctx, err)
		}
		*b.into = kv
		if b.ttl != nil {
			status, err := kv.Status(ctx)
			if err != nil {
				return err
			}
			*b.ttl = status.TTL()
		}
	}
	var err error
	if l.jobs, err = l.js.Stream(ctx, jobsStream); err == nil {
		l.blobs, err = l.js.ObjectStore(ctx, blobsBucket)
	}
	return deniedBy(ctx, err)
}

// Close ends the connection.
func (l *Lab) Close() { l.nc.Close() }

// token converts text to one word of a subject, the same for the same text. If
// characters had to be replaced, a hash is appended.
func token(text string) string {
	return word(text, "-_", 80)
}

// key converts text to the end of a key: like a token, but dots are allowed.
func key(text string) string { return word(text, "-_.", 200) }

func word(text, marks string, most int) string {
	plain := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(marks, r) {
			return r
		}
		return '-'
	}, text)
	plain = strings.Trim(strings.ReplaceAll(plain, "..", "--"), ".")
	if plain == text && plain != "" && len(plain) <= most {
		return plain
	}
	sum := sha256.Sum256([]byte(text))
	return plain[:min(len(plain), most/2)] + "-" + hex.EncodeToString(sum[:6])
}

// refused reports whether somebody else changed the key first.
func refused(err error) bool {
	var api *jetstream.APIError
	if errors.Is(err, jetstream.ErrKeyExists) {
		return true
	}
	// Clusters report the same condition with the code 10164.
	return errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == 10164)
}

// settle repeats an operation on these subjects until its result is known: the
// answer may have been lost although the operation was done. op returns whether
// it is settled.
func (l *Lab) settle(ctx context.Context, over <-chan struct{}, on subjects, op func(context.Context) (settled bool, err error)) error {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		try, cancel := context.WithTimeout(ctx, opTimeout)
		try, release := l.denied.guard(try, on)
		settled, err := op(try)
		err = deniedBy(try, err)
		release()
		cancel()
		var denied *DeniedError
		if settled || errors.As(err, &denied) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-over:
			return errors.Join(errLeaseOver, err)
		case <-time.After(wait):
		}
	}
}
