//go:build unix

package credentials

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

// fullDisk tries to write when the system accepts no more bytes.
func fullDisk() error {
	signal.Ignore(syscall.SIGXFSZ)
	limit := syscall.Rlimit{Cur: 64, Max: 64}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	s, err := Open(Options{Dir: os.Getenv(dirEnv), Backend: File})
	if err != nil {
		return err
	}
	if _, err := s.SetToken(context.Background(), testAccount, testToken("new")); err == nil {
		return errExpected
	} else {
		fmt.Println(err)
	}
	return nil
}

// masked writes a token with the given file creation mask.
func masked() error {
	mask, err := strconv.ParseInt(os.Getenv("CREDENTIALS_TEST_UMASK"), 8, 32)
	if err != nil {
		return err
	}
	syscall.Umask(int(mask))
	s, err := Open(Options{Dir: os.Getenv(dirEnv), Backend: File})
	if err != nil {
		return err
	}
	_, err = s.SetToken(context.Background(), testAccount, testToken("new"))
	return err
}
