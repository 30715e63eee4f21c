package shell

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// awaitExit returns when the process has ended and leaves it to cmd.Wait: until then nothing else gets its pid.
func awaitExit(cmd *exec.Cmd) {
	for {
		err := unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// process is what /proc/PID/stat says.
type process struct {
	pid, parent, group, session int
	started                     string // in clock ticks since the machine was: with the pid, its identity
	zombie                      bool
}

// members are the living processes of the family: those of its session and group, their descendants, and those that
// carry its mark.
func (f *family) members() []process {
	paths, _ := filepath.Glob("/proc/[0-9]*/stat")
	var all []process
	for _, path := range paths {
		if p, ok := readProcess(path); ok {
			all = append(all, p)
		}
	}
	in := map[int]bool{}
	for _, p := range all {
		ours := f.leader > 0 && (p.pid == f.leader || p.group == f.leader || p.session == f.leader)
		in[p.pid] = ours || f.marked(p)
	}
	in[os.Getpid()] = false // where we were started by what an earlier one of us left
	for grown := true; grown; {
		grown = false
		for _, p := range all {
			if in[p.parent] && !in[p.pid] && p.pid != os.Getpid() {
				in[p.pid], grown = true, true
			}
		}
	}
	var members []process
	for _, p := range all {
		if in[p.pid] && !p.zombie {
			members = append(members, p)
		}
	}
	return members
}

func readProcess(path string) (process, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return process{}, false
	}
	// The name is in parentheses and may have any character in it; behind it are state, ppid, pgrp, session, …
	end := bytes.LastIndexByte(text, ')')
	fields := strings.Fields(string(text[end+1:]))
	if end < 0 || len(fields) < 20 {
		return process{}, false
	}
	number := func(s string) int { n, _ := strconv.Atoi(s); return n }
	return process{
		pid: number(filepath.Base(filepath.Dir(path))), parent: number(fields[1]), group: number(fields[2]), session: number(fields[3]),
		started: fields[19], zombie: fields[0] == "Z" || fields[0] == "X",
	}, true
}

// marked looks into the process's environment; that of others than ours is not to be read, nor could they be killed.
func (f *family) marked(p process) bool {
	environ, err := os.ReadFile("/proc/" + strconv.Itoa(p.pid) + "/environ")
	if err != nil {
		return false
	}
	return bytes.Contains(append([]byte{0}, append(environ, 0)...), []byte("\x00"+f.mark+"\x00"))
}

// bootID tells one boot of the machine from another.
func bootID() string {
	text, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(text))
}

// startOf is when a process was started, as its family is recorded with; "" if it is not there.
func startOf(pid int) string {
	p, _ := readProcess("/proc/" + strconv.Itoa(pid) + "/stat")
	return p.started
}

// orphans is the family that a process left which was started at a time. Its pid is another's once nothing is left of its
// group and session.
func orphans(pid int, started, mark string) (f *family, sure bool) {
	f = &family{leader: pid, mark: mark}
	if now := startOf(pid); pid == 0 || now != "" && now != started {
		f.leader = 0
	}
	return f, true
}

func (f *family) alive() bool { return len(f.members()) > 0 }

// strays are the members outside the group. Each is held, so that no other process is hit that got its pid since.
func (f *family) strays() []*os.Process {
	var strays []*os.Process
	for _, p := range f.members() {
		if p.group == f.leader {
			continue
		}
		held, err := os.FindProcess(p.pid)
		if err != nil {
			continue
		}
		if now, ok := readProcess("/proc/" + strconv.Itoa(p.pid) + "/stat"); !ok || now.started != p.started {
			_ = held.Release()
			continue
		}
		strays = append(strays, held)
	}
	return strays
}
