//go:build !linux

package state

import "os"

// lockHolders describes the processes that hold a flock on f; elsewhere than on Linux nobody tells.
func lockHolders(*os.File) []string { return nil }

// claimant finds the process that claims a signal of f: elsewhere than on Linux none does.
func claimant(*os.File, signal) (pid int, command string) { return 0, "" }
