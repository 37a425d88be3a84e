package coredevice

import (
	"context"

	"github.com/wxctl/wxctl/device/ios/remotexpc"
)

// pasteboard answers the pasteboard service, whose messages have no envelope.
// The one command that it knows here is SET, which replaces what the general
// pasteboard holds.
func (c *connection) pasteboard(_ context.Context, request remotexpc.Dict, reply func(remotexpc.Dict) error) error {
	phone := c.server.phone
	refuse := func(text string) error {
		return reply(remotexpc.Dict{{Key: "error", Value: remotexpc.Dict{
			{Key: "code", Value: int64(1)},
			{Key: "domain", Value: "com.apple.dt.CoreDevicePasteboard"},
			{Key: "userInfo", Value: remotexpc.Dict{{Key: "NSLocalizedDescription", Value: text}}},
		}}})
	}
	if name := request.String("pasteboardName"); name != "general" {
		return refuse("no such pasteboard")
	}
	if request.String("command") != "SET" {
		return refuse("Unknown pasteboard command")
	}
	items := map[string][]byte{}
	for _, item := range request.List("items") {
		item, _ := item.(remotexpc.Dict)
		for _, kind := range item.List("types") {
			kind, ok := kind.(string)
			if !ok {
				return refuse("a type is not a string")
			}
			data, ok := item.Dict("data", kind).Get("data").([]byte)
			if !ok {
				return refuse("a type has no data")
			}
			items[kind] = data
		}
	}
	phone.SetPasteboard(items)
	return reply(remotexpc.Dict{{Key: "command", Value: "SET_REPLY"}})
}
