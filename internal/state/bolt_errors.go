package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"shardform/internal/diag"
	"shardform/internal/state/boltcheck"
)

// complain is a diagnostic about the state file.
func (b *Bolt) complain(summary, detail, hint string, cause error) *diag.Diagnostic {
	return complain(b.path, summary, detail, hint, cause)
}

func complain(path, summary, detail, hint string, cause error) *diag.Diagnostic {
	return &diag.Diagnostic{Severity: diag.Error, Summary: summary, Place: &diag.Place{File: path}, Detail: detail, Hint: hint, Exit: diag.ExitFailed, Cause: cause}
}

// whatIsLost tells an operator what giving up a state file means.
const whatIsLost = "restore the file from a backup; or, to go on without its history, move it away: the next plan reads every keyspace from the cluster again, and asks for approvals again"

// damaged complains of a file that is not as it was written.
func damaged(path, detail string, cause error) *diag.Diagnostic {
	return complain(path, "state file is damaged", detail+"; the file was not changed", whatIsLost, cause)
}

// unreadable says why a file that could be opened cannot be read.
func (b *Bolt) unreadable(err error) error {
	var d *diag.Diagnostic
	var truncated *boltcheck.Truncated
	switch {
	case errors.As(err, &d):
		return err
	case errors.Is(err, boltcheck.ErrForeign):
		return b.foreign(err.Error())
	case errors.As(err, &truncated):
		return b.complain("state file is truncated", fmt.Sprintf("it is %d bytes long, the pages in use need %d; the file was not changed", truncated.Size, truncated.Need), whatIsLost, err)
	case errors.As(err, new(*boltcheck.Damage)), errors.As(err, new(*panicked)):
		return damaged(b.path, err.Error(), err)
	case errors.As(err, new(*fs.PathError)), errors.As(err, new(unix.Errno)):
		return b.unopenable(err)
	}
	return damaged(b.path, "opening it: "+err.Error(), err)
}

// foreign complains of a file that shardform did not write.
func (b *Bolt) foreign(found string) error {
	return b.complain("file is not a shardform state", fmt.Sprintf("expected a state file written by shardform, found: %s; the file was not changed", found),
		"give another path in the state block, or move this file away", nil)
}

// unopenable says why the system does not give us the file or its folder.
func (b *Bolt) unopenable(err error) error {
	hint := "check the path in the state block and the file system"
	switch {
	case errors.Is(err, fs.ErrPermission):
		hint = fmt.Sprintf("run as the owner of the file, or give uid %d access to it and its folder", os.Getuid())
	case errors.Is(err, unix.EROFS):
		hint = "the file system is mounted read-only: put the state where it can be written"
	case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE):
		hint = "too many files are open: raise the limit (ulimit -n)"
	}
	return b.complain("state file cannot be opened", err.Error(), hint, err)
}

// unwritable says why a transaction is not on disk.
func (b *Bolt) unwritable(err error) error {
	var d *diag.Diagnostic
	if errors.As(err, &d) {
		return err
	}
	hint := "check free space, quota and limits of the file system; then run again: nothing that was recorded before is lost"
	if errors.Is(err, unix.EIO) {
		hint = "the disk reports an error: look at the kernel log and take a copy of the file before anything else"
	}
	return b.complain("state could not be written", "the last transaction was not recorded: "+err.Error(), hint, err)
}

// gaveUp is the end of waiting because the caller's context ended.
func (b *Bolt) gaveUp(err error) error {
	summary := "stopped before the state was reached"
	if errors.Is(err, context.DeadlineExceeded) {
		summary = "state was not reached in time"
	}
	d := b.complain(summary, err.Error(), "", err)
	if errors.Is(err, context.Canceled) {
		d.Exit = diag.ExitStopped
	}
	return d
}

// inUse says who keeps the file from us.
func (b *Bolt) inUse(f *os.File) error {
	detail := "another process has it open"
	if who := lockHolders(f); len(who) > 0 {
		detail = "it is held open by " + strings.Join(who, ", ")
	}
	if h, ok := readHolder(b.lockPath()); ok {
		detail += fmt.Sprintf("; the run lock is that of %s@%s (pid %d, %s)", h.User, h.Host, h.PID, h.Operation)
	}
	d := b.complain("state file is in use", fmt.Sprintf("%s, and did not let go within %s", detail, b.timeout),
		"try again; if that process hangs, stop it: what it recorded is safe", nil)
	d.Exit, d.Temporary = diag.ExitLocked, true
	return d
}

// busy says that another part of this process keeps the state to itself.
func (b *Bolt) busy() error {
	d := b.complain("state is busy", fmt.Sprintf("another task of this process has not let go of it within %s", b.timeout), "try again; if it happens again, it is a fault of shardform: please report it", nil)
	d.Exit, d.Temporary = diag.ExitLocked, true
	return d
}
