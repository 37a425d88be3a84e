// Package remotexpc speaks RemoteXPC, the protocol of iOS 17 and later for
// remote service discovery (RSD) and CoreDevice's services: XPC dictionaries on
// two streams of an HTTP/2 connection. It is both sides of it: Client asks a
// phone, Link is what the two have in common.
//
//	client, err := remotexpc.Open(ctx, conn)
//	…
//	defer client.Close()
//	peer, err := client.Handshake(ctx)                 // at the RSD port
//	reply, err := client.Call(ctx, remotexpc.Dict{…})  // at a service's port
//
// Everything that waits ends with its context: the connection is closed then,
// since half a message may be on it. No length that the other side sends makes
// it allocate more than MaxBody, and nothing it sends makes it panic.
package remotexpc
