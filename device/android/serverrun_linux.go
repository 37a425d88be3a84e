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

// noWait makes open not block on a named pipe, and fail on a symbolic link.
const noWait = syscall.O_NONBLOCK | syscall.O_NOFOLLOW

// serverRun identifies one run of an adb server on this computer, by the inode
// of its listening socket and the computer's boot id: inode numbers of sockets
// are not reused before the next boot (Linux, sock_alloc: get_next_ino). It is
// "" for servers on other hosts, and if it can't be determined.
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
	// Addresses are numbers in the machine's byte order.
	ends := fmt.Sprintf(":%04X", n)
	here := fmt.Sprintf("%08X", binary.NativeEndian.Uint32([]byte{127, 0, 0, 1})) + ends
	inode := ""
	// The columns are sl, local_address, rem_address, st, queues, tr, retrnsmt,
	// uid, timeout, inode (Linux, Documentation/networking/proc_net_tcp.rst).
	// Listening sockets come first; two on one port can't be distinguished.
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
