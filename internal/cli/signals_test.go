package cli

import (
	"bytes"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"shardform/internal/tasks"
	"shardform/internal/tasks/builtin"
	"shardform/internal/ui"
)

// TestSignalsWhileASandboxIsSeededAreAStop interrupts what ends with the plain error of its context.
func TestSignalsWhileASandboxIsSeededAreAStop(t *testing.T) {
	for _, command := range []string{"plan", "apply --auto-approve", "apply --auto-approve --json", "sandbox rows", "sandbox reset"} {
		t.Run(command, func(t *testing.T) {
			t.Chdir(t.TempDir())
			text := strings.Replace(stdoutPlan, "rows = 5", "rows = 5000000", 1)
			if err := os.WriteFile("main.hcl", []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			interrupt(t, command, func() bool {
				entries, _ := os.ReadDir("sandbox")
				return len(entries) > 1
			})
		})
	}
}

// TestSignalsWhilePlanningAreAStop interrupts commands that wait for a cluster which accepts connections and says nothing.
func TestSignalsWhilePlanningAreAStop(t *testing.T) {
	for _, command := range []string{"plan", "apply --auto-approve", "apply --auto-approve --json", "graph", "plan --json"} {
		t.Run(command, func(t *testing.T) {
			t.Chdir(t.TempDir())
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = listener.Close() }()
			text := "cluster \"c\" {\n  vtctld = [\"" + listener.Addr().String() + "\"]\n}\nkeyspace \"customer\" {\n  shards = [\"-80\", \"80-\"]\n}\n"
			if err := os.WriteFile("main.hcl", []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			accepted := make(chan error, 1)
			go func() {
				_, err := listener.Accept()
				accepted <- err
			}()
			interrupt(t, command, func() bool { return len(accepted) > 0 })
		})
	}
}

// interrupt runs a command and, once it is ready, sends signals until it has ended.
func interrupt(t *testing.T, command string, ready func() bool) {
	t.Helper()
	signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM) // one that is delivered after the command has ended does not end the tests
	var out, errs bytes.Buffer
	code := make(chan int)
	app := &App{Streams: ui.Streams{In: strings.NewReader(""), Out: &out, Err: &errs}, env: lookup(nil), registry: builtin.Registry(), clock: tasks.SystemClock{}}
	app.signals = watchSignals()
	app.signals.mu.Lock()
	app.signals.exit = func(int) {} // a second signal would end the tests
	app.signals.mu.Unlock()
	go func() { code <- int(app.main(append(strings.Fields(command), "main.hcl"))) }()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		if ready() {
			if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
		}
		select {
		case got := <-code:
			if got != 5 || !strings.Contains(out.String()+errs.String(), "stopped") || strings.Contains(errs.String(), "Error: context canceled") {
				t.Errorf("exit %d\n%s%s", got, out.String(), errs.String())
			}
			if _, err := os.Stat("main.shardform.db"); err == nil {
				t.Error("it made a state")
			}
			return
		case <-again.C:
		}
	}
}
