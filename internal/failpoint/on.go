//go:build failpoints

package failpoint

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// Enabled says whether this build can be killed at its failpoints.
const Enabled = true

// armed is the one point that the environment names. Package-level state, in this build only: the points lie where no
// value could be handed in without changing what is tested.
var armed = sync.OnceValue(func() *point {
	p, err := parse(os.Getenv(Environment))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return p
})

type point struct {
	name string

	mu   sync.Mutex
	left int // hits until death
}

// parse reads name[:nth]; the empty text arms nothing.
func parse(text string) (*point, error) {
	if text == "" {
		return &point{}, nil
	}
	name, nth, counted := strings.Cut(text, ":")
	p := &point{name: name, left: 1}
	if counted {
		n, err := strconv.Atoi(nth)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%s=%s: expected name or name:nth with nth from 1", Environment, text)
		}
		p.left = n
	}
	if !slices.Contains(Names(), name) {
		return nil, fmt.Errorf("%s=%s: no failpoint is called %q; shardform failpoints lists them", Environment, text, name)
	}
	return p, nil
}

// logFile is where every hit is noted, one name a line, if the environment asks for it: a test then knows what was sent
// to a cluster over several lives of the process.
var logFile = sync.OnceValue(func() *os.File {
	path := os.Getenv(LogEnvironment)
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return f
})

// Hit kills the process if name is the armed point and its time has come. It does not return then.
func Hit(name string) {
	if f := logFile(); f != nil {
		_, _ = f.WriteString(name + "\n")
	}
	p := armed()
	if p.name != name {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left--; p.left == 0 {
		_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
		select {}
	}
}
