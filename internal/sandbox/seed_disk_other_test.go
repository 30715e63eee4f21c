//go:build !linux

package sandbox

import (
	"errors"
	"io"
)

func playSmallDisks(io.Reader, io.Writer) error {
	return errors.New("disks are mounted on Linux only")
}
