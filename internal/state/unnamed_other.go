//go:build !linux

package state

import "os"

// unnamedFile makes a file that is not at path until link puts it there; link fails with fs.ErrExist if there is one already.
func unnamedFile(path string) (f *os.File, link func() error, err error) { return temporaryFile(path) }
