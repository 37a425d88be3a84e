package iphone

import (
	"context"

	"github.com/wxctl/wxctl/device"
)

// Deliver hands a request to WeChat.
func (p *Phone) Deliver(ctx context.Context, job device.Job) (*device.Outcome, error) {
	o := device.NewOutcome(p.info)
	return o, o.Fail(device.Errorf(device.Refused, "this version of wxctl sends nothing to iPhones").
		WithHint("print what would be sent with --platform ios --dry-run"))
}
