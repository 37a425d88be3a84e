package cmd

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// The phones can be reached at the printed addresses, by TCP and by the socket,
// until stdin ends; then nothing is left.
func TestVirtualIOS(t *testing.T) {
	stdin, close := io.Pipe()
	stdout, out := io.Pipe()
	f, _, stderr := testFactory(t, "", nil)
	f.Streams.In, f.Streams.Out = stdin, out
	done := make(chan int, 1)
	go func() {
		done <- Run(t.Context(), f, []string{"virtual", "ios", "--count", "2", "--wda", "on", "--tunnel-info-port", "0"})
		out.Close()
	}()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("%v: %s", err, stderr())
	}
	var at virtualIOSAddresses
	if err := json.Unmarshal([]byte(line), &at); err != nil || len(at.UDIDs) != 2 {
		t.Fatalf("%q, %v", line, err)
	}
	for network, addresses := range map[string][]string{"tcp": {at.USBMux, at.RSD, at.TunnelInfo, at.WDA}, "unix": {at.USBMuxSocket}} {
		for _, address := range addresses {
			conn, err := net.Dial(network, address)
			if err != nil {
				t.Error(err)
				continue
			}
			conn.Close()
		}
	}
	close.Close()
	if code := <-done; code != 0 {
		t.Errorf("exit %d: %s", code, stderr())
	}
	if _, err := os.Stat(filepath.Dir(at.USBMuxSocket)); !os.IsNotExist(err) {
		t.Errorf("%s is left: %v", at.USBMuxSocket, err)
	}
	if conn, err := net.Dial("tcp", at.USBMux); err == nil {
		conn.Close()
		t.Error("still there")
	}
}
