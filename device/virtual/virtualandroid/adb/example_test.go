package adb_test

import (
	"context"
	"fmt"
	"io"
	"net"

	"github.com/wxctl/wxctl/device/virtual/virtualandroid/adb"
	"github.com/wxctl/wxctl/fixtures/adbtest"
)

// A client asks the server which phones there are, then runs a command on one.
func ExampleServer() {
	server := adb.NewServer(adbtest.NewPhone("virtual-1"))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	served := make(chan error)
	go func() { served <- server.Serve(ctx, l) }()

	for _, requests := range [][]string{
		{"host:devices"},
		{"host:transport:virtual-1", "shell:echo hello"},
	} {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, r := range requests {
			fmt.Fprintf(conn, "%04x%s", len(r), r)
		}
		answer, _ := io.ReadAll(conn)
		conn.Close()
		fmt.Printf("%q\n", answer)
	}

	stop()
	fmt.Println(<-served)
	// Output:
	// "OKAY0011virtual-1\tdevice\n"
	// "OKAYOKAYhello\n"
	// <nil>
}

// A phone that asks computers for their key. A real adb server connects to it
// with "adb connect ADDRESS".
func ExampleDaemon() {
	daemon := adb.NewDaemon(adbtest.NewPhone("virtual-1"))
	daemon.Auth = &adb.Auth{} // allows every key, once it has been offered
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	served := make(chan error)
	go func() { served <- daemon.Serve(ctx, l) }()

	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	greeting := "CNXN\x01\x00\x00\x01\x00\x00\x10\x00\x06\x00\x00\x00\x32\x02\x00\x00\xbc\xb1\xa7\xb1host::"
	io.WriteString(conn, greeting)
	answer := make([]byte, 4)
	io.ReadFull(conn, answer)
	conn.Close()
	fmt.Printf("%s\n", answer)

	stop()
	fmt.Println(<-served)
	// Output:
	// AUTH
	// <nil>
}
