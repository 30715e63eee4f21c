//go:build unix

package config

import (
	"os"
	"syscall"
)

// nonBlocking lets opening a pipe without a writer return, so that it can be refused.
const nonBlocking = syscall.O_NONBLOCK

// readable reports whether something can be read from f, or could be by waiting for it. It does not wait.
func readable(f *os.File) bool {
	conn, err := f.SyscallConn()
	if err != nil {
		return false
	}
	var n int
	if readErr := conn.Read(func(fd uintptr) bool { n, err = syscall.Read(int(fd), make([]byte, 1)); return true }); readErr != nil {
		return false
	}
	return n > 0 || err == syscall.EAGAIN
}
