package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// unnamedFile makes a file that has no name until link gives it path; link fails with fs.ErrExist if there is one already.
func unnamedFile(path string) (f *os.File, link func() error, err error) {
	fd, err := unix.Open(filepath.Dir(path), unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, uint32(fileMode))
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EISDIR) || errors.Is(err, unix.EINVAL) {
		return temporaryFile(path)
	}
	if err != nil {
		return nil, nil, &fs.PathError{Op: "create", Path: path, Err: err}
	}
	f = os.NewFile(uintptr(fd), path)
	return f, func() error {
		err := unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", f.Fd()), unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
		if err != nil {
			return &fs.PathError{Op: "link", Path: path, Err: err}
		}
		return nil
	}, nil
}
