package coredevice

import (
	"context"
)

// pasteboard answers the pasteboard service, whose messages have no envelope.
// The only command here is SET, which replaces the content of the general
// pasteboard.
func (c *connection) pasteboard(_ context.Context, request dict, reply func(dict) error) error {
	phone := c.server.phone
	refuse := func(text string) error {
		return reply(dict{"error": dict{
			"code":     int64(1),
			"domain":   "com.apple.dt.CoreDevicePasteboard",
			"userInfo": dict{"NSLocalizedDescription": text},
		}})
	}
	if name := at[string](request, "pasteboardName"); name != "general" {
		return refuse("no such pasteboard")
	}
	if at[string](request, "command") != "SET" {
		return refuse("Unknown pasteboard command")
	}
	items := map[string][]byte{}
	for _, item := range at[[]any](request, "items") {
		item, _ := item.(dict)
		for _, kind := range at[[]any](item, "types") {
			kind, ok := kind.(string)
			if !ok {
				return refuse("a type is not a string")
			}
			data, ok := at[dict](item, "data", kind)["data"].([]byte)
			if !ok {
				return refuse("a type has no data")
			}
			items[kind] = data
		}
	}
	phone.SetPasteboard(items)
	return reply(dict{"command": "SET_REPLY"})
}
