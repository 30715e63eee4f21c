//go:build unix

package config

import "syscall"

// nonBlocking lets opening a pipe without a writer return, so that it can be refused.
const nonBlocking = syscall.O_NONBLOCK
