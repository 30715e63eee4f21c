package state

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
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
		if len(fields) < 6 || fields[1] != "FLOCK" || fields[5] != file {
			continue
		}
		command, _ := os.ReadFile("/proc/" + fields[4] + "/cmdline")
		words := bytes.Join(bytes.Split(bytes.TrimRight(command, "\x00"), []byte{0}), []byte(" "))
		if len(words) > 200 {
			words = append(words[:200], "…"...)
		}
		who = append(who, fmt.Sprintf("pid %s (%s)", fields[4], words))
	}
	return who
}
