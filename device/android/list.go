package android

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/wxctl/wxctl/device"
)

// Backend finds and opens the phones of one adb server. It implements
// [device.Backend].
type Backend struct {
	Server Server
	// Transport, if set, replaces the phones' transport, for servers whose
	// phones are virtual.
	Transport device.Transport
	// Options are passed to every phone that is opened.
	Options Options
	// Note, if set, is called for each line of the server's list that can't be
	// parsed. The other lines are still used.
	Note func(device.Note)
	// Memory is a file that caches the phones' descriptions; "" for none.
	Memory string

	mu      sync.Mutex
	lacking map[string]bool // phones that said that they have no agent yet, by their keys
}

// lacks notes whether a phone has the agent.
func (b *Backend) lacks(i device.Info, agent bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lacking == nil {
		b.lacking = map[string]bool{}
	}
	b.lacking[i.Key()] = agent
}

// Platform returns Android.
func (b *Backend) Platform() device.Platform { return device.Android }

// List returns the server's phones. Those that are ready are asked for name,
// model, version and serial number, all at once, unless that is cached. A phone
// that doesn't answer soon stays in the list without them, as not answering.
func (b *Backend) List(ctx context.Context, want string) ([]device.Info, error) {
	remembered := beside(ctx, func(context.Context) (*memory, error) { return b.remember(), nil }) // while the server answers
	defer remembered.stop()
	answer, err := b.Server.ask(ctx, "host:devices-l")
	if err != nil {
		return nil, err
	}
	entries, unread, err := b.complete(ctx, answer)
	if err != nil {
		return nil, err
	}
	b.tell(unread)
	infos := make([]device.Info, len(entries))
	only := false
	for i, e := range entries {
		infos[i] = b.info(e)
		only = only || infos[i].Named(want)
	}
	var asked []*device.Info
	for i := range infos {
		if infos[i].State == device.Ready && (!only || infos[i].Named(want)) {
			asked = append(asked, &infos[i])
		}
	}
	m, _ := remembered.wait() // which does not fail
	b.describeAll(ctx, m, asked)
	if err := ctx.Err(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, err
	}
	return infos, nil
}

// longestAnswer is the longest answer that adb's four hex digits can announce;
// the server silently truncates longer ones (AOSP adb_io.cpp,
// SendProtocolString).
const longestAnswer = 0xffff

// cut reports whether an answer may have been truncated, and returns its
// complete lines: it may have been if another line as long as its longest had
// no room.
func cut(answer string) (whole string, may bool) {
	longest := 0
	for line := range strings.Lines(answer) {
		longest = max(longest, len(line))
	}
	if len(answer)+longest <= longestAnswer {
		return answer, false
	}
	return answer[:strings.LastIndexByte(answer, '\n')+1], true
}

// complete reads a list. If it may have been truncated, the missing phones are
// taken from the short list, which has room for three times as many.
func (b *Backend) complete(ctx context.Context, answer string) (entries []entry, unread []string, err error) {
	answer, may := cut(answer)
	entries, unread = parseList(answer)
	if !may {
		return entries, unread, nil
	}
	short, err := b.Server.ask(ctx, "host:devices")
	if err != nil {
		return nil, nil, err
	}
	short, still := cut(short)
	all, _ := parseList(short)
	known := map[string]bool{}
	for _, e := range entries {
		known[e.serial] = true
	}
	for _, e := range all {
		if !known[e.serial] {
			entries = append(entries, e)
		}
	}
	if b.Note != nil {
		message := fmt.Sprintf("the adb server's list ends at %d bytes, the most that it can send; the missing phones "+
			"are taken from its short list", longestAnswer)
		if still {
			message = fmt.Sprintf("the adb server's lists end at %d bytes, the most that it can send: there may be more "+
				"phones than the %d listed", longestAnswer, len(entries))
		}
		b.Note(device.Note{Message: message, Hint: "spread the phones over several adb servers: --adb-server takes a list"})
	}
	return entries, unread, nil
}

// tell notes the lines that can't be parsed: a phone must not disappear
// silently.
func (b *Backend) tell(unread []string) {
	if b.Note == nil {
		return
	}
	for _, l := range unread {
		message := fmt.Sprintf("the adb server listed a phone in an unknown form, see `adb devices -l`: %q", excerpt(l))
		b.Note(device.Note{Message: message})
	}
}

// Watch calls changed with the server's phones, now and whenever the list
// changes, until ctx ends or the connection to the server does. Phones that
// became ready are asked for their details before changed is called.
func (b *Backend) Watch(ctx context.Context, changed func([]device.Info)) error {
	c, err := b.Server.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.during(ctx, func() error { return c.request("host:track-devices-l") }); err != nil {
		return b.Server.unasked(err)
	}
	known := map[string]device.Info{}
	var unread []string
	for {
		var block string
		err := c.during(ctx, func() error {
			var err error
			block, err = c.block()
			return err
		})
		if err != nil {
			return err
		}
		entries, now := parseList(block)
		b.tell(slices.DeleteFunc(slices.Clone(now), func(l string) bool { return slices.Contains(unread, l) }))
		unread = now
		infos := make([]device.Info, len(entries))
		var asked []*device.Info
		for i, e := range entries {
			infos[i] = b.info(e)
			old, ok := known[infos[i].Key()]
			if ok && old.State == infos[i].State && old.TransportID == infos[i].TransportID {
				again := infos[i]
				infos[i] = old
				if infos[i].SharedID = again.SharedID; again.SharedID {
					infos[i].Hardware = ""
				}
			} else if infos[i].State == device.Ready {
				asked = append(asked, &infos[i])
			}
		}
		if len(asked) > 0 {
			b.describeAll(ctx, b.remember(), asked)
		}
		clear(known)
		for _, i := range infos {
			known[i.Key()] = i
		}
		changed(infos)
	}
}
