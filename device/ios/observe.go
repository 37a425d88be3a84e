package ios

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/intents"
	"github.com/wxctl/wxctl/intents/ioswire"
)

// Prefixes of what the hook of an app under test logs: a reply that it got, and
// whether its SDK opened WeChat.
const (
	replyMark = "wxctl-reply: "
	sentMark  = "wxctl-sent: "
)

// cutReply returns the JSON of a reply that a line holds.
func cutReply(line string) (string, bool) { return strings.CutPrefix(line, replyMark) }

// inBundle reports whether an executable, as a path or a file URL, belongs to
// the app whose bundle is at path.
func inBundle(executable, bundle string) bool {
	if rest, ok := strings.CutPrefix(executable, "file://"); ok {
		decoded, err := url.PathUnescape(rest)
		if err != nil {
			return false
		}
		executable = decoded
	}
	bundle = strings.TrimSuffix(trimPrivate(bundle), "/")
	// A phone that reports no path for an app must not match all executables.
	return bundle != "" && strings.HasPrefix(trimPrivate(executable), bundle+"/")
}

// logWatch reads the phone's log in a goroutine and passes on the lines of one
// app's hook.
type logWatch struct {
	stream *logStream
	lines  chan logLine
	err    error // why lines was closed
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// byHook reports whether a line of an app's log was written by its hook.
func byHook(text string) bool {
	return strings.HasPrefix(text, replyMark) || strings.HasPrefix(text, sentMark)
}

// watchApp starts to watch what an app logs; only lines for which wanted
// returns true are passed on.
func watchApp(ctx context.Context, start func(context.Context, string) (net.Conn, error), a app,
	wanted func(text string) bool) (*logWatch, error) {
	stream, err := watchLog(ctx, start)
	if err != nil {
		return nil, err
	}
	reading, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w := &logWatch{stream: stream, lines: make(chan logLine), cancel: cancel}
	w.done.Go(func() {
		defer close(w.lines)
		for {
			line, err := stream.next(reading)
			if err != nil {
				w.err = err
				return
			}
			if !wanted(line.text) || !line.from(a.Path+"/"+a.Executable) {
				continue
			}
			select {
			case w.lines <- line:
			case <-reading.Done():
				w.err = reading.Err()
				return
			}
		}
	})
	return w, nil
}

// Close ends the watch.
func (w *logWatch) Close() {
	w.cancel()
	w.stream.Close()
	for range w.lines {
	}
	w.done.Wait()
}

// watch begins to watch the app's log.
func (d *delivery) watch(ctx context.Context) error {
	var err error
	if d.log, err = watchApp(ctx, d.service, d.app, byHook); err != nil {
		return d.noService(syslogService, err)
	}
	return nil
}

// frontEvery is how often WebDriverAgent is asked which app is in front.
const frontEvery = 200 * time.Millisecond

// until waits until the state is reached, and a reply that came was read.
func (d *delivery) until(ctx context.Context, state device.Progress) error {
	var lines <-chan logLine
	if d.log != nil {
		lines = d.log.lines
	}
	opener, looks := d.opener.(wdaOpener)
	for !d.Done(state) {
		var again <-chan time.Time
		if looks && (d.Out.State < device.Opened || lines == nil) {
			if err := d.look(ctx, opener.wda); err != nil {
				return d.waited(ctx, state, err)
			}
			if d.Done(state) {
				break
			}
			again = time.After(frontEvery)
		}
		select {
		case line, ok := <-lines:
			if !ok {
				return d.waited(ctx, state, d.log.err)
			}
			d.heard(line)
		case <-again:
		case <-ctx.Done():
			return d.waited(ctx, state, ctx.Err())
		}
	}
	if state == device.Opened && !d.Forging() {
		d.listen(ctx, lines)
	}
	return d.Answered(nil)
}

// atOnce is how long an app that WeChat calls back immediately may take to log
// it.
const atOnce = time.Second

// listen waits a moment for a reply if nothing else can be seen of a request:
// that WeChat came to the front does not show what it displays, but a refusal
// comes back immediately.
func (d *delivery) listen(ctx context.Context, lines <-chan logLine) {
	if lines == nil {
		return
	}
	over := time.NewTimer(atOnce)
	defer over.Stop()
	for d.Answer == nil {
		select {
		case line, ok := <-lines:
			if !ok {
				return // what was seen before stays valid
			}
			d.heard(line)
		case <-over.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// look asks WebDriverAgent which app is in front.
func (d *delivery) look(ctx context.Context, client *wda) error {
	front, err := client.front(ctx)
	if err != nil {
		return err
	}
	d.inWDA = device.Printable(front.BundleID)
	d.Out.ScreenAfter = d.inWDA
	switch {
	case front.BundleID == ioswire.WeChat && !d.Forging():
		d.see(device.Opened, device.ScreenUnknown, cameToFront, sourceWDA)
	case front.BundleID == d.app.ID && d.Forging():
		d.see(device.Returned, "", "the app came to the front with the forged reply", sourceWDA)
	case front.BundleID == d.app.ID && d.Saw(cameToFront):
		d.see(device.NotSent, "", "the app is in front again: WeChat called it back, or the user returned to it", sourceWDA)
	}
	return nil
}

// heard handles a line of the app's hook.
func (d *delivery) heard(line logLine) {
	source := d.log.stream.source
	if text, ok := strings.CutPrefix(line.text, sentMark); ok {
		if d.Out.Route == device.RouteBridge {
			d.sent(text, source)
		}
		return
	}
	reply, err := intents.UnmarshalReply([]byte(strings.TrimPrefix(line.text, replyMark)))
	if err != nil {
		d.see(device.Returned, "", "the app logged a reply that can't be read", source)
		return
	}
	if other := d.OtherReply(reply); other != "" {
		d.see(device.NotSent, "", "the app logged a reply to another request ("+other+")", source)
		return
	}
	d.Answer = reply
	d.see(device.Replied, "", "the app logged WeChat's reply", source)
}

// sent handles what the hook logs about its call of the SDK.
func (d *delivery) sent(text, source string) {
	switch text {
	case "true":
		d.see(device.Opened, device.ScreenUnknown, "the app's SDK opened WeChat; which of its screens is shown can't be seen over USB", source)
	case "false":
		d.see(device.NotSent, "", sdkRefused, source)
	}
}

const sdkRefused = "the app's SDK did not open WeChat"

// waited is the error that says why the wait for a state ended.
func (d *delivery) waited(ctx context.Context, state device.Progress, err error) error {
	if err = device.EndOf(ctx, err); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	e := device.Errorf(device.NotSeen, "%q was not seen in time", state)
	e.Err = context.DeadlineExceeded
	why := func(hint, message string, args ...any) error {
		e.Message = fmt.Sprintf("%q was not seen in time: %s", state, fmt.Sprintf(message, args...))
		e.Hint = hint
		return e
	}
	const hook = "put the debug hook into the app (docs/bridge.md), or wait for less: --until opened"
	switch {
	case d.Saw(sdkRefused):
		return why("see what WeChat checks of the app: wxctl inspect", sdkRefused)
	case d.Forging() && d.log != nil:
		return why("put the debug hook into the app (docs/bridge.md), or wait for less: --until returned",
			"the app logged no reply, so its handling of the forged one can't be seen over USB")
	case state >= device.Returned && d.log != nil && d.Out.State < state:
		return why("answer on the phone and go back to the app; without it, "+hook,
			"the app logged no reply. What WeChat tells the app can't be seen over USB otherwise")
	case d.Out.Route == device.RouteBridge:
		return why(hook, "the app's hook logged nothing, so the result of the request can't be seen over USB")
	case d.inWDA != "":
		return why("check the phone: a dialog may be open", "%q is in front, not WeChat", d.inWDA)
	}
	e.Hint = "check the phone, or increase --timeout"
	return e
}
