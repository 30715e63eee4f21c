package shell

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A command of these tests ends by timeout or by its context as soon as it has said "up".
func TestACommandIsKilledWithEverythingItStarted(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"polite":                     "$SLEEPER & echo up; wait",
		"deaf to SIGTERM":            "trap '' TERM; $SLEEPER & echo up; while :; do sleep 60; done",
		"leader ends, child deaf":    "(trap '' TERM; $SLEEPER; $SLEEPER) & echo up; wait",
		"child in another session":   "setsid $SLEEPER & echo up; wait",
		"deaf in another session":    "setsid sh -c \"trap '' TERM; $SLEEPER; $SLEEPER\" & echo up; wait",
		"child of nobody":            "(setsid sh -c \"echo up; exec $SLEEPER\" &); sleep 60",
		"child that cleared its env": "env -i setsid sh -c \"echo up; exec $SLEEPER\" & wait",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			ctx, cancel := context.WithCancel(t.Context())
			f.env.Output = func(line string) {
				if line == "up" {
					cancel()
				}
			}
			sleeper := sleeperOf(t)
			started := time.Now()
			output, err := f.run(ctx, map[string]string{"script": script, "env": `{"SLEEPER":"` + sleeper + `"}`})
			if err == nil || output != "up\n" {
				t.Errorf("output %q, error %v", output, err)
			}
			if took := time.Since(started); took > 30*time.Second { // the sleeper ends by itself after 60
				t.Errorf("took %s", took)
			}
			if left := running(sleeper); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

func TestTimeoutKillsAsWell(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	sleeper := sleeperOf(t)
	_, err := f.run(t.Context(), map[string]string{"script": sleeper + " & setsid " + sleeper + " & wait", "timeout": "100ms"})
	if err == nil || !strings.Contains(err.Error(), "timeout of 100ms") || !strings.Contains(err.Error(), "signal 15 (terminated) after ") {
		t.Errorf("error %v", err)
	}
	if left := running(sleeper); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestWhatIsAskedToEndMayCleanUp(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.limits.grace = 10 * time.Second
	ctx, cancel := context.WithCancel(t.Context())
	f.env.Output = func(line string) {
		if line == "up" {
			cancel()
		}
	}
	// The leader ends at once, the child a moment later.
	_, _ = f.run(ctx, map[string]string{"script": `sh -c "trap 'sleep 0.1; echo cleaned > clean; exit' TERM; echo up; while :; do sleep 0.01; done" & wait`})
	if text, err := os.ReadFile(filepath.Join(f.dir, "clean")); err != nil || string(text) != "cleaned\n" {
		t.Errorf("cleaned up: %q, %v", text, err)
	}
}

func TestACommandHasASessionOfItsOwnAndNoTerminal(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	output, err := f.run(t.Context(), map[string]string{"script": "set -- $(cat /proc/$$/stat); test $1 = $5 -a $1 = $6 -a $7 = 0 && echo alone; sh -c ': </dev/tty' 2>/dev/null || echo no terminal"})
	if err != nil || output != "alone\nno terminal\n" {
		t.Errorf("output %q, error %v", output, err)
	}
}

// sleeperOf is a command line that no other process has: it sleeps for a minute and a bit of its own.
func sleeperOf(t *testing.T) string {
	t.Helper()
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, t.TempDir())
	return "sleep 60." + digits
}

// running are the command lines of living processes that run sleeper or are about to.
func running(sleeper string) []string {
	var found []string
	paths, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range paths {
		line, _ := os.ReadFile(path)
		if text := string(bytes.TrimRight(bytes.ReplaceAll(line, []byte{0}, []byte{' '}), " ")); strings.Contains(text, sleeper) {
			found = append(found, path+" "+text)
		}
	}
	return found
}
