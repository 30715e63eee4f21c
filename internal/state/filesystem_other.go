//go:build !linux

package state

// networkFileSystem names the network file system that a folder is on; elsewhere than on Linux it is not known.
func networkFileSystem(string) string { return "" }
