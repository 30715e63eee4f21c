package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// errHeld says that another holder has the lock.
var errHeld = errors.New("the sandbox is in use")

// lock is the right to serve a sandbox. The system drops it when the process ends, however it ends.
type lock struct{ file *os.File }

// tryLock takes <root>/lock and writes this process's id into it, or answers errHeld.
func tryLock(root string) (*lock, error) {
	f, err := os.OpenFile(filepath.Join(root, lockFile), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errHeld
		}
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	if err := errors.Join(f.Truncate(0), writeAt(f, fmt.Sprintf("%d\n", os.Getpid()))); err != nil {
		f.Close()
		return nil, fmt.Errorf("write %s: %w", f.Name(), err)
	}
	return &lock{file: f}, nil
}

func writeAt(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}

// holder is the process id in the lock file, "unknown" if there is none.
func holder(root string) string {
	text, err := os.ReadFile(filepath.Join(root, lockFile))
	if pid := strings.TrimSpace(string(text)); err == nil && pid != "" {
		return pid
	}
	return "unknown"
}

func (l *lock) release() error { return l.file.Close() }

// users is held by every process that has the sandbox open, shared with the others, for as long as it has. Who holds it
// alone knows that nobody else is about to use what it takes away.
type users struct{ file *os.File }

// joinUsers waits for those that come or go alone. It holds users alone, which it says, or shared where others have the
// sandbox open.
func joinUsers(ctx context.Context, root string) (u *users, alone bool, err error) {
	f, err := os.OpenFile(filepath.Join(root, usersFile), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, false, err
	}
	u = &users{f}
	for {
		if u.alone() {
			return u, true, nil
		}
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
		if err == nil {
			return u, false, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, false, errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), u.leave())
		}
		select {
		case <-ctx.Done():
			return nil, false, errors.Join(fmt.Errorf("open sandbox %s: %w", root, ctx.Err()), u.leave())
		case <-time.After(pollForHolder):
		}
	}
}

// alone takes users alone if nobody else has it.
func (u *users) alone() bool {
	return syscall.Flock(int(u.file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// share lets others in.
func (u *users) share() error { return syscall.Flock(int(u.file.Fd()), syscall.LOCK_SH) }

func (u *users) leave() error { return u.file.Close() }
