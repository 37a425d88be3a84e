package android

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/intents"
)

// MediaDir is where media of an Android user are pushed to: on that user's
// shared storage, where MediaStore looks for pictures and films, in a
// directory of its own.
func MediaDir(user int) string {
	return fmt.Sprintf("/storage/emulated/%d/Pictures/wxctl", user)
}

// placed is a file that was brought to the phone.
type placed struct {
	media device.Media
	path  string
	uri   string
}

// place pushes the job's media and makes MediaStore know them.
func (d *delivery) place(ctx context.Context) error {
	for _, m := range d.job.Media {
		if err := d.placeOne(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

func (d *delivery) placeOne(ctx context.Context, m device.Media) error {
	var tag [4]byte
	rand.Read(tag[:]) // never fails
	to := placed{media: m, path: path.Join(MediaDir(d.facts.user), hex.EncodeToString(tag[:])+"-"+fileName(m.Name))}
	r, err := m.Open()
	if err != nil {
		return device.Errorf(device.Failed, "%q can't be read: %w", m.Name, err)
	}
	defer r.Close()
	var pushed func(int64)
	if d.job.Hooks.Pushed != nil {
		pushed = func(done int64) { d.job.Hooks.Pushed(m.Name, done, m.Size) }
	}
	// From here on the file may be on the phone, in part or as a whole.
	d.placed = append(d.placed, to)
	if err := d.server.Push(ctx, d.info.ID, r, to.path, 0o644, pushed); err != nil {
		return err
	}
	var indexed agent.Indexed
	a := &ask{Request: agent.Request{Verb: agent.Index, User: d.facts.user, Path: to.path}, into: &indexed}
	if err := d.do(ctx, a); err != nil {
		return err
	}
	switch {
	case a.err != nil:
		return refusedByAgent(a.err)
	case indexed.URI == "" && !m.AsPath:
		return device.Errorf(device.Failed, "the phone's media store does not take %q in, so WeChat can't be given access to it", m.Name).
			WithHint("send it as --as path or --as bytes")
	}
	d.placed[len(d.placed)-1].uri = indexed.URI
	return nil
}

// fileName makes a name that every file system and URI takes, with the
// extension kept: WeChat goes by it.
func fileName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || strings.ContainsRune(`/:*?"<>|%#&;$'`+"`", r) {
			return '_'
		}
		return r
	}, name)
	ext := path.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	const most = 80 // bytes; Android's limit of 255 leaves room for what we add
	if len(stem) > most {
		stem = strings.ToValidUTF8(stem[:most], "")
	}
	if len(ext) > 20 || ext == "." {
		ext = ""
	}
	if strings.Trim(stem, ".") == "" {
		stem = "file"
	}
	return stem + ext
}

// placeMedia returns the request with its object naming the files as the phone
// knows them.
func placeMedia(req intents.Request, files []placed) intents.Request {
	share, ok := req.(intents.Share)
	if !ok || len(files) == 0 {
		return req
	}
	name := files[0].uri
	if files[0].media.AsPath {
		name = files[0].path
	}
	size := files[0].media.Size
	switch o := share.Message.Object.(type) {
	case intents.Image:
		o.Data, o.Path, o.Size = nil, &name, size
		share.Message.Object = o
	case intents.File:
		o.Data, o.Path, o.Size = nil, &name, size
		share.Message.Object = o
	case intents.Emoji:
		o.Data, o.Path, o.Size = nil, &name, size
		share.Message.Object = o
	case intents.VideoFile:
		o.Data, o.Path, o.Size = nil, &name, size
		share.Message.Object = o
	case intents.Images:
		o.URIs = contentURIs(files)
		share.Message.Object = o
	}
	return share
}

// contentURIs returns the files that WeChat is to read by their URI.
func contentURIs(files []placed) []string {
	var uris []string
	for _, f := range files {
		if !f.media.AsPath && f.uri != "" {
			uris = append(uris, f.uri)
		}
	}
	return uris
}

// removeMedia takes the media off the phone again, unless WeChat may still
// need them: it reads them when the user has chosen, and before that nothing
// says that it is done.
func (d *delivery) removeMedia(ctx context.Context) error {
	if len(d.placed) == 0 || d.agent == nil {
		return nil
	}
	needed := d.out.State >= device.Delivered && d.out.State < device.Returned
	if needed && d.job.After == device.AfterLeave || needed && d.job.After == "" {
		d.note(fmt.Sprintf("left on the phone, since WeChat reads it when the user has chosen: %s", d.placed[0].path),
			"remove it afterwards: adb shell rm -r "+MediaDir(d.facts.user))
		return nil
	}
	var asks []*ask
	command := "rm -f"
	for _, f := range d.placed {
		if f.uri == "" { // MediaStore does not know it
			command += " " + shellQuote(f.path)
			continue
		}
		asks = append(asks, &ask{Request: agent.Request{Verb: agent.Remove, User: d.facts.user, URI: f.uri, Path: f.path}})
	}
	if len(asks) < len(d.placed) {
		if _, err := d.server.Run(ctx, d.info.ID, command, nil); err != nil {
			return err
		}
	}
	if len(asks) == 0 {
		return nil
	}
	if err := d.do(ctx, asks...); err != nil {
		return err
	}
	for _, a := range asks {
		if a.err != nil {
			d.note(fmt.Sprintf("left on the phone, which does not let it be removed: %s", a.Path), "remove it: adb shell rm "+shellQuote(a.Path))
		}
	}
	return nil
}

// screenshot writes what the phone shows.
func (d *delivery) screenshot(ctx context.Context) (err error) {
	if d.job.Hooks.Screenshot == nil {
		return nil
	}
	r, err := d.server.Run(ctx, d.info.ID, "screencap -p", nil)
	if err != nil {
		return err
	}
	if r.Exit != 0 || !strings.HasPrefix(string(r.Stdout), "\x89PNG") {
		return device.Errorf(device.Failed, "the phone gave no screenshot: it says %q", excerpt(string(r.Stderr)))
	}
	w, err := d.job.Hooks.Screenshot()
	if err != nil {
		return device.Errorf(device.Failed, "the screenshot can't be written: %w", err)
	}
	_, err = w.Write(r.Stdout)
	return errors.Join(err, w.Close())
}

// record films the screen until stopRecording.
func (d *delivery) record(ctx context.Context) error {
	if d.job.Hooks.Record == nil {
		return nil
	}
	var tag [4]byte
	rand.Read(tag[:]) // never fails
	film := agent.Dir + "/" + agent.Prefix + "film-" + hex.EncodeToString(tag[:]) + ".mp4"
	// screenrecord ends its film properly on SIGINT alone; closing our side
	// of its standard input is the sign for that.
	camera, err := d.server.openShell(ctx, d.info.ID, fmt.Sprintf("screenrecord --time-limit 170 %s & p=$!; read x; kill -2 $p; wait $p", film))
	if err != nil {
		return err
	}
	d.camera, d.film = camera, film
	return nil
}

// stopRecording ends the recording and fetches it.
func (d *delivery) stopRecording(ctx context.Context) error {
	if d.camera == nil {
		return nil
	}
	defer d.closeRecorder()
	if err := d.camera.closeIn(ctx); err != nil {
		return err
	}
	if _, err := d.camera.collect(ctx); err != nil {
		return err
	}
	w, err := d.job.Hooks.Record()
	if err != nil {
		return device.Errorf(device.Failed, "the recording can't be written: %w", err)
	}
	err = errors.Join(d.server.Pull(ctx, d.info.ID, d.film, w), w.Close())
	_, rmErr := d.server.Run(ctx, d.info.ID, "rm -f "+d.film, nil)
	return errors.Join(err, rmErr)
}

func (d *delivery) closeRecorder() {
	if d.camera != nil {
		d.camera.Close()
		d.camera = nil
	}
}
