package state_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"shardform/internal/diag"
	"shardform/internal/state"
)

// others makes further paths to the state file at path and returns them.
func others(t *testing.T, path string) map[string]string {
	t.Helper()
	root := t.TempDir()
	paths := map[string]string{
		"symbolic link": filepath.Join(root, "link.db"), "symbolic link to one": filepath.Join(root, "link2.db"),
		"hard link": filepath.Join(root, "hard.db"), "hard link beside it": path + ".hard",
	}
	for _, link := range [][2]string{{path, paths["symbolic link"]}, {paths["symbolic link"], paths["symbolic link to one"]}, {filepath.Dir(path), filepath.Join(root, "dir")}} {
		if err := os.Symlink(link[0], link[1]); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"hard link", "hard link beside it"} {
		if err := os.Link(path, paths[name]); err != nil {
			t.Fatal(err)
		}
	}
	paths["link to its directory"] = filepath.Join(root, "dir", filepath.Base(path))
	paths["path with dots"] = filepath.Dir(path) + "/x/../" + filepath.Base(path)
	if err := os.Mkdir(filepath.Join(filepath.Dir(path), "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Dir(path))
	paths["relative path"] = filepath.Base(path)
	return paths
}

// isLocked checks that the state at path is locked, and that the message names the process.
func isLocked(t *testing.T, what, path string, pid int) {
	t.Helper()
	s := state.OpenBolt(path, state.BoltOptions{})
	defer func() { _ = s.Close() }()
	for _, timeout := range []time.Duration{0, 10 * time.Millisecond} {
		unlock, err := s.Lock(t.Context(), state.Holder{}, timeout)
		if err == nil {
			_ = unlock()
		}
		list := diag.All(err)
		if len(list) != 1 || diag.ExitOf(err) != diag.ExitLocked || !strings.Contains(list[0].Detail, "pid "+strconv.Itoa(pid)) || !strings.Contains(list[0].Hint, "kill -INT "+strconv.Itoa(pid)) {
			t.Errorf("%s: %v, expected that it is locked by pid %d", what, err, pid)
		}
	}
}

func TestTheRunLockBelongsToTheFile(t *testing.T) {
	for mode, exists := range map[string]bool{"lock": true, "lock and make": false} {
		t.Run(mode, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state.db")
			if exists {
				s := state.OpenBolt(path, state.BoltOptions{})
				update(t, s, nothing)
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
			holder := startChild(t, mode, path)
			if got := holder.line(); got != "locked" {
				t.Fatalf("holder says %q", got)
			}
			paths := others(t, path)
			for what, other := range paths {
				isLocked(t, what, other, holder.Process.Pid)
				// Records are read and written all the while.
				s := state.OpenBolt(other, state.BoltOptions{})
				update(t, s, nothing)
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
			_ = holder.in.Close()
			if err := holder.Wait(); err != nil {
				t.Fatal(err)
			}
			for what, other := range paths {
				s := state.OpenBolt(other, state.BoltOptions{})
				unlock, err := s.Lock(t.Context(), state.Holder{PID: os.Getpid()}, 0)
				if err != nil {
					t.Errorf("%s: lock of a process that has ended: %v", what, err)
					continue
				}
				isLocked(t, "the file itself, locked through a "+what, path, os.Getpid())
				if err := unlock(); err != nil {
					t.Error(err)
				}
			}
			for _, folder := range []string{filepath.Dir(path), filepath.Dir(paths["hard link"])} {
				if left, err := filepath.Glob(filepath.Join(folder, "*.lock")); len(left) > 0 || err != nil {
					t.Errorf("left behind: %v, %v", left, err)
				}
			}
		})
	}
}

func TestTheRunLockStaysWhenTheFileIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := state.OpenBolt(path, state.BoltOptions{})
	update(t, s, nothing)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	holder := startChild(t, "lock", path)
	if got := holder.line(); got != "locked" {
		t.Fatalf("holder says %q", got)
	}
	if err := os.Rename(path, path+".moved"); err != nil {
		t.Fatal(err)
	}
	isLocked(t, "no file", path, holder.Process.Pid)
	isLocked(t, "the file under its new name", path+".moved", holder.Process.Pid)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	isLocked(t, "another file in its place", path, holder.Process.Pid)
}

func TestARunThatFindsAnotherFileLocksThatToo(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "state.db")
	s := state.OpenBolt(path, state.BoltOptions{})
	unlock, err := s.Lock(t.Context(), state.Holder{PID: os.Getpid()}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unlock() }()
	other := state.OpenBolt(path, state.BoltOptions{}) // as approve makes it, which takes no lock
	update(t, other, nothing)
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	update(t, s, nothing)
	if err := os.Link(path, filepath.Join(folder, "hard.db")); err != nil {
		t.Fatal(err)
	}
	isLocked(t, "a hard link to it", filepath.Join(folder, "hard.db"), os.Getpid())
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
