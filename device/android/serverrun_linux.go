package android

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
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
	inodes, err := listening(uint16(n))
	if err != nil || len(inodes) != 1 { // two on one port can't be distinguished
		return ""
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return fmt.Sprint(strings.TrimSpace(string(boot)), " ", inodes[0])
}

// Parts of the messages of sock_diag(7); the layouts are those of struct
// inet_diag_req_v2 and struct inet_diag_msg (Linux, inet_diag.h).
const (
	diagRequestLen = 56
	diagStates     = 4 // in the request: a bit for each state
	diagPort       = 8 // in the request
	diagSource     = 8 // in an answer
	diagInode      = 68
	diagAnswerLen  = 72

	tcpListen = 10 // TCP_LISTEN (Linux, tcp_states.h)
)

// listening returns the inodes of the sockets that listen at a TCP port of
// 127.0.0.1. The kernel is asked for these alone: /proc/net/tcp walks the table
// of all connections, which takes half a millisecond on a large computer.
func listening(port uint16) (inodes []uint32, err error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	limit := unix.NsecToTimeval(time.Second.Nanoseconds()) // the kernel answers at once
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit); err != nil {
		return nil, err
	}
	request := make([]byte, unix.SizeofNlMsghdr+diagRequestLen)
	binary.NativeEndian.PutUint32(request, uint32(len(request)))
	binary.NativeEndian.PutUint16(request[4:], unix.SOCK_DIAG_BY_FAMILY)
	binary.NativeEndian.PutUint16(request[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	body := request[unix.SizeofNlMsghdr:]
	body[0], body[1] = unix.AF_INET, unix.IPPROTO_TCP
	binary.NativeEndian.PutUint32(body[diagStates:], 1<<tcpListen)
	binary.BigEndian.PutUint16(body[diagPort:], port)
	if err := unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, err
	}
	buffer := make([]byte, os.Getpagesize())
	for {
		n, _, err := unix.Recvfrom(fd, buffer, 0)
		if err == unix.EINTR { // with a time limit it isn't restarted (signal(7))
			continue
		}
		if err != nil {
			return nil, err
		}
		messages, err := syscall.ParseNetlinkMessage(buffer[:n])
		if err != nil {
			return nil, err
		}
		for _, m := range messages {
			switch m.Header.Type {
			case unix.NLMSG_DONE:
				return inodes, nil
			case unix.NLMSG_ERROR:
				return nil, syscall.ENOTSUP
			}
			if len(m.Data) < diagAnswerLen {
				continue
			}
			source := [4]byte(m.Data[diagSource:])
			if source == [4]byte{127, 0, 0, 1} || source == [4]byte{} {
				inodes = append(inodes, binary.NativeEndian.Uint32(m.Data[diagInode:]))
			}
		}
	}
}
