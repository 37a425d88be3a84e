package android

import (
	"context"
	"crypto/rand"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/agent"
	"github.com/wxctl/wxctl/intents"
)

// mediaDir is the directory for media of an Android user: on that user's shared
// storage, where MediaStore looks for pictures and videos, in a directory of
// its own.
func mediaDir(user int) string {
	return fmt.Sprintf("/storage/emulated/%d/Pictures/wxctl", user)
}

// stamp is the prefix of our file names on the phone: the time by our clock,
// and a random tag.
func stamp(now time.Time) string {
	var tag [2]byte
	rand.Read(tag[:]) // never fails
	return fmt.Sprintf("%08x%x", now.Unix(), tag)
}

// stamped finds the time in such a name.
var stamped = pattern(`^([0-9a-f]{8})[0-9a-f]{4}-[^/]+$`)

// fileName returns a name that every file system and URI accepts, with the same
// extension: WeChat uses the extension.
func fileName(name string) string {
	name = path.Base(strings.ReplaceAll(strings.ToValidUTF8(name, "_"), `\`, "/"))
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

// removeMedia removes the media from the phone again, unless WeChat may still
// need them: it reads them after the user has chosen a chat, and nothing shows
// that it is done.
func (d *delivery) removeMedia(ctx context.Context) error {
	if len(d.placed) == 0 {
		return nil
	}
	needed := d.Out.State >= device.Delivered && d.Out.State < device.Returned && !d.closed
	if needed && d.Job.After == device.AfterLeave || needed && d.Job.After == "" {
		for _, f := range d.placed {
			if s := d.store(f.path); s != nil {
				s.needed = true
			}
		}
		d.Note(fmt.Sprintf("left on the phone, since WeChat reads it when the user has chosen: %s", d.placed[0].path),
			"remove it later: adb shell rm -r "+mediaDir(d.facts.user)+" (wxctl does, with the next file that it sends after a day)")
		d.removeForgotten(ctx)
		return nil
	}
	if d.Job.KeepMedia { // closing the phone removes them
		return nil
	}
	var asks []*ask
	command := "rm -f"
	for _, f := range d.placed {
		switch {
		case d.needed(f.path): // by an earlier request
			continue
		case f.uri == "": // MediaStore does not know it
			command += " " + shellQuote(f.path)
		default:
			asks = append(asks, &ask{Request: agent.Request{Verb: agent.Remove, User: d.facts.user, URI: f.uri, Path: f.path}})
		}
		d.forget(f.path)
	}
	if command != "rm -f" {
		if r, err := d.server.Run(ctx, target(d.info), command, nil); err != nil || r.Exit != 0 {
			d.left(strings.TrimPrefix(command, "rm -f "))
		}
	}
	d.removeIndexed(ctx, asks)
	d.removeForgotten(ctx)
	return nil
}

// removeIndexed removes files that MediaStore knows. If the agent died on the
// way, another one does it.
func (d *delivery) removeIndexed(ctx context.Context, asks []*ask) {
	if len(asks) == 0 {
		return
	}
	err := d.do(ctx, asks...)
	for _, a := range asks {
		if err != nil || a.err != nil {
			d.left(shellQuote(a.Path))
		}
	}
}

// left reports what could not be removed, quoted for a shell.
func (d *delivery) left(files string) {
	d.Note("left on the phone, since it could not be removed: "+files, "remove it: adb shell rm "+files)
}

// forgetAfter is how long media stay on the phone for WeChat to read, if
// nothing showed that it has read them. mostForgotten limits how many are
// removed at once.
const (
	forgetAfter   = 24 * time.Hour
	sweepEvery    = time.Hour // that an open phone is looked through
	mostForgotten = 20
)

// listForgotten lists from time to time, while files are copied to the phone, what is there.
func (d *delivery) listForgotten(ctx context.Context) {
	if time.Since(d.swept) < sweepEvery {
		return
	}
	d.swept = time.Now()
	command := "ls -1 " + mediaDir(d.facts.user)
	d.listing = beside(ctx, func(ctx context.Context) (Result, error) { return d.server.Run(ctx, target(d.info), command, nil) })
}

// removeForgotten removes what earlier deliveries had to leave for WeChat,
// after a day. It is not an error if it can't.
func (d *delivery) removeForgotten(ctx context.Context) {
	if d.listing == nil {
		return
	}
	r, err := d.listing.wait()
	if err != nil {
		return
	}
	dir := mediaDir(d.facts.user)
	var index, remove []*ask
	for _, name := range strings.Split(string(r.Stdout), "\n") {
		m := stamped().FindStringSubmatch(name)
		if m == nil || len(index) == mostForgotten {
			continue
		}
		came, err := strconv.ParseInt(m[1], 16, 64)
		if err != nil || time.Since(time.Unix(came, 0)) < forgetAfter {
			continue
		}
		index = append(index, &ask{Request: agent.Request{Verb: agent.Index, User: d.facts.user, Path: path.Join(dir, name)},
			into: &agent.Indexed{}})
	}
	if len(index) == 0 || d.do(ctx, index...) != nil {
		return
	}
	for _, a := range index {
		if uri := a.into.(*agent.Indexed).URI; a.err == nil && uri != "" {
			remove = append(remove, &ask{Request: agent.Request{Verb: agent.Remove, User: d.facts.user, URI: uri, Path: a.Path}})
		}
	}
	if len(remove) > 0 {
		d.do(ctx, remove...) // another delivery will try again
	}
}
