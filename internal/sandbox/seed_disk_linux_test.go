package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"shardform/internal/sandbox/sandboxspec"
)

// TestSeedingOnASmallDisk seeds on disks of growing size until everything fits: whatever fits only half leaves nothing,
// and with more space the sandbox is seeded. The disks are mounted by a process with a mount namespace of its own, for which
// anybody but root needs a user namespace as well.
func TestSeedingOnASmallDisk(t *testing.T) {
	t.Parallel()
	spec := testSpec(t, 10, []string{"-"})
	text, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"=seed on small disks")
	cmd.Stdin = strings.NewReader(string(text))
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		}
	}
	out, err := cmd.CombinedOutput()
	switch {
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EINVAL), strings.HasPrefix(string(out), cannotMount):
		t.Skipf("this system lets nobody mount a disk in a namespace: %v, %s", err, out)
	case err != nil:
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

const cannotMount = "cannot mount: "

// playSmallDisks seeds the sandbox that in describes on disks of 40 KiB and more.
func playSmallDisks(in io.Reader, out io.Writer) error {
	var spec sandboxspec.Sandbox
	if err := json.NewDecoder(in).Decode(&spec); err != nil {
		return err
	}
	if err := os.MkdirAll(spec.Path, 0o755); err != nil {
		return err
	}
	refused := 0
	for size := 40; ; size += 8 {
		if err := syscall.Mount("tmpfs", spec.Path, "tmpfs", 0, fmt.Sprintf("size=%dk", size)); err != nil {
			fmt.Fprint(out, cannotMount, err)
			return nil
		}
		err := openAndClose(spec)
		if err != nil {
			refused++
		}
		if again := syscall.Mount("", spec.Path, "", syscall.MS_REMOUNT, "size=64m"); again != nil {
			return again
		}
		if again := openAndClose(spec); again != nil {
			return fmt.Errorf("on %d KiB seeding ends with %w; with more space the sandbox does not open: %w", size, err, again)
		}
		if again := syscall.Unmount(spec.Path, 0); again != nil {
			return again
		}
		if err == nil {
			fmt.Fprintf(out, "seeding needs %d KiB and was refused on %d smaller disks", size, refused)
			return nil
		}
	}
}

// openAndClose opens a sandbox and looks for its rows.
func openAndClose(spec sandboxspec.Sandbox) (err error) {
	c, err := Open(context.Background(), spec, Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	rows, err := c.Rows(context.Background())
	if err == nil && len(rows) != 2 {
		err = fmt.Errorf("seeded: %v", rows)
	}
	return err
}
