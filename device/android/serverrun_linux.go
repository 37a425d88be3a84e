package android

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// noWait opens a pipe without waiting for its other end, and no link.
const noWait = syscall.O_NONBLOCK | syscall.O_NOFOLLOW

// serverRun tells one run of an adb server on this computer from others, by
// the socket that it listens at and the computer's boot id: numbers of sockets
// are not given twice before the computer starts anew (Linux, sock_alloc:
// get_next_ino). It is "" for servers elsewhere, and where it can't be told.
func serverRun(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || host != "127.0.0.1" && host != "localhost" {
		return ""
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return ""
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	f, err := os.Open("/proc/net/tcp")
	if err != nil {
		return ""
	}
	defer f.Close()
	// Addresses are numbers in the order of the machine.
	ends := fmt.Sprintf(":%04X", n)
	here := fmt.Sprintf("%08X", binary.NativeEndian.Uint32([]byte{127, 0, 0, 1})) + ends
	inode := ""
	// sl, local_address, rem_address, st, queues, tr, retrnsmt, uid, timeout,
	// inode (Linux, Documentation/networking/proc_net_tcp.rst). Listening
	// sockets come first; two of one port can't be told apart.
	const listening = "0A"
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 10 || fields[0] == "sl" {
			continue
		}
		if fields[3] != listening {
			break
		}
		if fields[1] == here || fields[1] == "00000000"+ends {
			if inode != "" {
				return ""
			}
			inode = fields[9]
		}
	}
	if inode == "" || inode == "0" {
		return ""
	}
	return strings.TrimSpace(string(boot)) + " " + inode
}
