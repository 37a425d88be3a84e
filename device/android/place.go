package android

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"path"
	"slices"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
)

// placed is a file that was brought to the phone.
type placed struct {
	media device.Media
	path  string
	uri   string
}

// stored is a file that was copied to the phone for several requests, and is
// still there.
type stored struct {
	placed
	user   int
	sum    [sha256.Size]byte
	needed bool // WeChat may still read it
}

// way is a connection for the first file, opened while the agent is still asked
// whether the phone can accept the request.
type way struct{ *aside[*conn] }

func (d *delivery) wayForFiles(ctx context.Context) {
	if len(d.Job.Media) > 0 {
		d.way = way{beside(ctx, func(ctx context.Context) (*conn, error) { return d.server.openFiles(ctx, target(d.info)) })}
	}
}

// take returns the connection the first time, then nil.
func (w *way) take() (*conn, error) {
	if w.aside == nil {
		return nil, nil
	}
	c, err := w.wait()
	w.aside = nil
	return c, err
}

// close closes a connection that nobody took.
func (w *way) close() {
	w.stop()
	if c, _ := w.take(); c != nil {
		c.Close()
	}
}

// place copies the job's media to the phone and adds them to MediaStore.
func (d *delivery) place(ctx context.Context) error {
	if len(d.Job.Media) > 0 {
		d.listForgotten(ctx)
	}
	for _, m := range d.Job.Media {
		if err := d.placeOne(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

func (d *delivery) placeOne(ctx context.Context, m device.Media) error {
	if there, err := d.placeAgain(ctx, m); there || err != nil {
		return err
	}
	to := placed{media: m, path: path.Join(mediaDir(d.facts.user), stamp(time.Now())+"-"+fileName(m.Name))}
	r, err := m.Open()
	if err != nil {
		return device.Errorf(device.Failed, "%q can't be read: %w", m.Name, err)
	}
	defer r.Close()
	var pushed func(int64)
	if d.Job.Hooks.Pushed != nil {
		pushed = func(done int64) { d.Job.Hooks.Pushed(m.Name, done, m.Size) }
	}
	far, err := d.way.take()
	if err == nil && far == nil {
		far, err = d.server.openFiles(ctx, target(d.info))
	}
	if err != nil {
		return err
	}
	// From here on the file may be on the phone, in part or as a whole.
	d.placed = append(d.placed, to)
	var content io.Reader = r
	sum := sha256.New()
	if d.Job.KeepMedia {
		content = io.TeeReader(r, sum)
	}
	if err := d.server.pushOver(ctx, far, content, to.path, 0o644, pushed); err != nil {
		return err
	}
	refused, err := d.index(ctx, &to)
	switch {
	case err != nil:
		return err
	case refused != nil:
		return refused
	}
	d.placed[len(d.placed)-1] = to
	if d.Job.KeepMedia {
		d.stored = append(d.stored, &stored{placed: to, user: d.facts.user, sum: [sha256.Size]byte(sum.Sum(nil))})
	}
	return nil
}

// index adds a file to MediaStore. refused is the phone's refusal; err is an
// error of the connection.
func (d *delivery) index(ctx context.Context, to *placed) (refused, err error) {
	var indexed agent.Indexed
	a := &ask{Request: agent.Request{Verb: agent.Index, User: d.facts.user, Path: to.path}, into: &indexed}
	if err := d.do(ctx, a); err != nil {
		return nil, err
	}
	to.uri = indexed.URI
	switch {
	case a.err != nil:
		return refusedByAgent(a.err), nil
	case indexed.URI == "" && !to.media.AsPath:
		return device.Errorf(device.Failed, "the phone's media store does not accept %q, so WeChat can't get access to it", to.media.Name).
			WithHint("send it as --as path or --as bytes"), nil
	}
	return nil, nil
}

// placeAgain finds the file among those that this run has copied to the phone,
// by its name and content, and asks whether it is still there.
func (d *delivery) placeAgain(ctx context.Context, m device.Media) (there bool, err error) {
	alike := func(s *stored) bool {
		return s.user == d.facts.user && s.media.Name == m.Name && s.media.MIME == m.MIME && s.media.Size == m.Size
	}
	if !slices.ContainsFunc(d.stored, alike) {
		return false, nil
	}
	sum, err := sumOf(m)
	if err != nil {
		return false, err
	}
	i := slices.IndexFunc(d.stored, func(s *stored) bool { return alike(s) && s.sum == sum })
	if i < 0 {
		return false, nil
	}
	to := placed{media: m, path: d.stored[i].path}
	refused, err := d.index(ctx, &to)
	if refused != nil || err != nil {
		d.stored = slices.Delete(d.stored, i, i+1)
		return false, err
	}
	d.stored[i].uri = to.uri
	d.placed = append(d.placed, to)
	return true, nil
}

func sumOf(m device.Media) (sum [sha256.Size]byte, err error) {
	r, err := m.Open()
	if err != nil {
		return sum, device.Errorf(device.Failed, "%q can't be read: %w", m.Name, err)
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return sum, device.Errorf(device.Failed, "%q can't be read: %w", m.Name, err)
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// store returns what is known of a file that was placed, nil if nothing is.
func (p *Phone) store(path string) *stored {
	if i := slices.IndexFunc(p.stored, func(s *stored) bool { return s.path == path }); i >= 0 {
		return p.stored[i]
	}
	return nil
}

// needed reports whether an earlier request may still have WeChat read a file.
func (p *Phone) needed(path string) bool {
	s := p.store(path)
	return s != nil && s.needed
}

// forget drops a file that is to be removed.
func (p *Phone) forget(path string) {
	p.stored = slices.DeleteFunc(p.stored, func(s *stored) bool { return s.path == path })
}

// closeTime limits cleaning up the phone when it is closed.
const closeTime = 5 * time.Second

// removeStored removes the files that were kept for more requests.
func (p *Phone) removeStored() error {
	var asks []*ask
	command := "rm -f"
	user := 0
	for _, s := range p.stored {
		switch {
		case s.needed:
			continue
		case s.uri == "": // MediaStore does not know it
			command += " " + shellQuote(s.path)
		default:
			asks = append(asks, &ask{Request: agent.Request{Verb: agent.Remove, User: s.user, URI: s.uri, Path: s.path}})
		}
		user = s.user
	}
	p.stored = nil
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	var err error
	if command != "rm -f" {
		_, err = p.server.Run(ctx, target(p.info), command, nil)
	}
	if len(asks) > 0 {
		err = errors.Join(err, p.do(ctx, asks...))
	}
	for _, a := range asks {
		if err == nil && a.err != nil {
			err = refusedByAgent(a.err)
		}
	}
	if err != nil {
		return device.Errorf(device.Failed, "files were left in %s on phone %s: %w", mediaDir(user), p.info.Label(), err)
	}
	return nil
}
