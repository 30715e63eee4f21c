package state

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// lockHolders describes the processes that hold a flock on f, as far as /proc tells ("pid 4711 (shardform apply)").
func lockHolders(f *os.File) []string {
	var st unix.Stat_t
	if unix.Fstat(int(f.Fd()), &st) != nil {
		return nil
	}
	locks, err := os.Open("/proc/locks")
	if err != nil {
		return nil
	}
	defer func() { _ = locks.Close() }()
	// 1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234567 0 EOF
	file := fmt.Sprintf("%02x:%02x:%d", unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino)
	var who []string
	for lines := bufio.NewScanner(locks); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) >= 6 && fields[1] == "FLOCK" && fields[5] == file {
			who = append(who, fmt.Sprintf("pid %s (%s)", fields[4], commandOf(fields[4])))
		}
	}
	return who
}

// claimant finds the process that claims a signal of f. Such locks name no process: it is looked for among the open files
// of all that may be looked into. 0 if it is not found.
func claimant(f *os.File, s signal) (pid int, command string) {
	var st unix.Stat_t
	if unix.Fstat(int(f.Fd()), &st) != nil {
		return 0, ""
	}
	// lock: 1: OFDLCK ADVISORY  WRITE -1 fe:00:1234567 9223372036854775789 9223372036854775789
	lock := fmt.Sprintf(" %02x:%02x:%d %d %d\n", unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino, s, s)
	dirs, _ := filepath.Glob("/proc/[0-9]*/fdinfo")
	for _, dir := range dirs {
		files, _ := os.ReadDir(dir)
		for _, file := range files {
			text, err := os.ReadFile(filepath.Join(dir, file.Name()))
			if err != nil || !bytes.Contains(text, []byte(lock)) {
				continue
			}
			owner := strings.Split(dir, "/")[2]
			if pid, err = strconv.Atoi(owner); err == nil {
				return pid, commandOf(owner)
			}
		}
	}
	return 0, ""
}

// commandOf is the command line of a process, cut off where it is long.
func commandOf(pid string) string {
	command, _ := os.ReadFile("/proc/" + pid + "/cmdline")
	words := bytes.Join(bytes.Split(bytes.TrimRight(command, "\x00"), []byte{0}), []byte(" "))
	if len(words) > 200 {
		words = append(words[:200], "…"...)
	}
	return string(words)
}
