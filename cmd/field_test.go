package cmd

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid"
	"github.com/wxctl/wxctl/device/virtual/virtualandroid/adb"
)

// plugged is a virtual phone on a cable.
type plugged struct {
	*virtualandroid.Phone
	path string
}

func (p plugged) Identity() adb.Identity {
	i := p.Phone.Identity()
	i.DevPath = p.path
	return i
}

// plug adds phones that hang on USB paths, where several may have one serial
// number.
func plug(ts *testscript.TestScript, server *virtualandroid.Server, phones map[string]virtualandroid.Options) {
	for path, o := range phones {
		p, err := virtualandroid.New(o)
		ts.Check(err)
		ts.Defer(func() { p.Close() })
		server.Face.Add(plugged{p, "usb:" + path})
	}
}

// cmdADBList starts an adb server that lists phones as a file says, and knows
// nothing else:
//
//	adblist FILE
func cmdADBList(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: adblist FILE")
	}
	list := ts.ReadFile(args[0])
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	ts.Check(err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			answerList(c, list)
		}
	}()
	ts.Defer(func() { l.Close(); <-done })
	ts.Setenv("ADB_SERVER_SOCKET", "tcp:"+l.Addr().String())
}

// answerList answers one request. A list that is watched ends with the server.
func answerList(c net.Conn, list string) {
	defer c.Close()
	digits := make([]byte, 4)
	if _, err := io.ReadFull(c, digits); err != nil {
		return
	}
	n, _ := strconv.ParseUint(string(digits), 16, 16)
	request := make([]byte, n)
	if _, err := io.ReadFull(c, request); err != nil {
		return
	}
	switch string(request) {
	case "host:devices-l", "host:track-devices-l":
		fmt.Fprintf(c, "OKAY%04x%s", len(list), list)
	default:
		fmt.Fprint(c, "FAIL0006closed")
	}
}
