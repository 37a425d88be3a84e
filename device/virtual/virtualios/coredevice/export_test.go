package coredevice

import (
	"bytes"

	"github.com/danielpaulus/go-ios/ios/xpc"
	"golang.org/x/net/http2"
)

// Message is body as a phone sends it on a stream that is open, for an answer
// that lies. It has the number of a computer's first request.
func Message(stream uint32, body map[string]any) ([]byte, error) {
	data, err := encode(message{flags: xpc.AlwaysSetFlag | xpc.DataFlag | xpc.HeartbeatReplyFlag, id: 1, body: body})
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = http2.NewFramer(&out, nil).WriteData(stream, false, data)
	return out.Bytes(), err
}
