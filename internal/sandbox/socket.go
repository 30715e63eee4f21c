package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
)

// maxSocketPath is what a unix socket address holds, less the byte that ends it.
const maxSocketPath = 103

var plainPath = regexp.MustCompile(`^[A-Za-z0-9/._+=,@-]+$`)

// socketPath is a name of <root>/vtctld.sock that fits into a socket address and a gRPC target. A path that is too long or
// has characters that such a target would misread is reached through a symbolic link in the temporary folder, made here.
func socketPath(root string) (string, error) {
	path := filepath.Join(root, socketFile)
	if len(path) <= maxSocketPath && plainPath.MatchString(path) {
		return path, nil
	}
	sum := sha256.Sum256([]byte(root))
	var errs []error
	for _, tmp := range []string{os.TempDir(), "/tmp"} {
		folder := filepath.Join(tmp, fmt.Sprintf("shardform-%d", os.Getuid()))
		link := filepath.Join(folder, hex.EncodeToString(sum[:8]))
		short := filepath.Join(link, socketFile)
		if len(short) > maxSocketPath || !plainPath.MatchString(short) {
			continue
		}
		if err := linkTo(folder, link, root); err != nil {
			errs = append(errs, err)
			continue
		}
		return short, nil
	}
	return "", fmt.Errorf("no short name for the socket %s: %w", path, errors.Join(append(errs, errors.New("use a shorter path"))...))
}

// linkTo makes link point to root, in a folder that only this user can write.
func linkTo(folder, link, root string) error {
	if err := os.Mkdir(folder, 0o700); err != nil && !os.IsExist(err) {
		return err
	}
	info, err := os.Lstat(folder)
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !info.IsDir() || info.Mode().Perm()&0o022 != 0 || ok && int(st.Uid) != os.Getuid() {
		return fmt.Errorf("%s is not a folder that only this user can write", folder)
	}
	if to, err := os.Readlink(link); err == nil && to == root {
		return nil
	}
	fresh := fmt.Sprintf("%s.%d", link, os.Getpid())
	if err := os.Remove(fresh); err != nil && !os.IsNotExist(err) {
		return err
	}
	if err := os.Symlink(root, fresh); err != nil {
		return err
	}
	return os.Rename(fresh, link)
}
