package android

import (
	"context"
	"errors"
	"time"

	"github.com/wxctl/wxctl/device"
	"github.com/wxctl/wxctl/device/android/jdwp"
)

// sdkReply is the OpenSDK's class of replies. handleIntent makes one of what it
// accepts, and gives it to the app's onResp in the next line, whichever class
// has that (OpenSDK 6.8.34, BaseWXApiImplV10.handleIntent). The replies of
// subscriptions are made without its fromBundle; those can't be seen so.
const sdkReply = "com.tencent.mm.opensdk.modelbase.BaseResp"

// armHandler sets the breakpoint of a class at which a reply is handled: the
// SDK's, or onResp where the activity has it itself.
func (d *debugger) armHandler(ctx context.Context, class jdwp.ClassID, name string) error {
	method, signature, ran := "onResp", "("+signatureOf(sdkReply)+")V", "onResp of "+name
	if name == sdkReply {
		method, signature, ran = "fromBundle", "(Landroid/os/Bundle;)V", "the OpenSDK's handleIntent, which accepted it"
	}
	declares, m, err := d.vm.FindMethod(ctx, class, method, signature)
	if errors.Is(err, jdwp.ErrNoMethod) {
		return nil // another class of the app may have it
	}
	if err != nil {
		return err
	}
	if err := d.breakAt(ctx, declares, m, place{ran: ran}); err != nil && name == sdkReply {
		return err // an onResp without code is the interface's
	}
	return nil
}

// watchHandler has a debugger see whether the app handles a reply. The app is
// brought to the front, since one that starts may handle it before wxctl is
// attached.
func (d *delivery) watchHandler(ctx context.Context, watched func()) error {
	main, err := d.bringToFront(ctx)
	if err == nil {
		d.enterApp(ctx)
		d.inside.handler = true
		d.inside.others = func(left time.Duration) time.Duration { return min(d.Phone.options.HookedDebugger, left/2) }
		d.inside.attachAll(ctx, []int{main.pid}, d.waits)
		var ok bool
		if ok, err = d.inside.watched(); ok && watched != nil {
			watched()
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		message, hint := reasonOf(err)
		d.Note(message, hint)
		d.Job.Until = min(d.Job.Until, device.Returned) // no more can be known
	}
	return nil
}

// handled reports which parts of the handling of a reply ran.
func (o *observer) handled(c caught) {
	o.See(c.at.Sub(o.Begin), device.Replied, "", "the reply reached "+c.ran, sourceInside)
}
