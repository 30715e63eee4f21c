package vitess

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	logutilpb "vitess.io/vitess/go/vt/proto/logutil"

	"shardform/internal/diag"
	"shardform/internal/vitess/legacytest"
)

var clone = []string{"SplitClone", "--online=false", "ks/0"}

func TestVtworkerIsResetBeforeACommand(t *testing.T) {
	worker := &legacytest.Worker{Run: say(nil, legacytest.Console("cloned"))}
	server := legacytest.Vtworker(t, worker.Handle)
	l := legacyClient(t)
	for range 2 { // without a Reset the second would be refused
		output, err := l.ExecuteVtworker(t.Context(), LegacyCommand{Server: server.Address, Args: clone})
		if err != nil || strings.Count(output, "\n") != 3 || !strings.Contains(output, "Executing remote vtworker command: [SplitClone --online=false ks/0] server: "+server.Address+"\ncloned\n") {
			t.Errorf("output %q, error %v", output, err)
		}
	}
	if diff := cmp.Diff([][]string{{"Reset"}, clone, {"Reset"}, clone}, server.Commands()); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
	if _, err := l.ExecuteVtworker(t.Context(), LegacyCommand{Server: server.Address, Args: []string{"Reset"}}); err != nil || len(server.Commands()) != 5 {
		t.Errorf("a Reset is reset before: %d commands, error %v", len(server.Commands()), err)
	}
}

func TestABusyVtworkerIsWaitedForWithAReason(t *testing.T) {
	worker := &legacytest.Worker{Run: say(nil, legacytest.Console("cloned"))}
	server := legacytest.Vtworker(t, worker.Handle)
	release := worker.Occupy("SplitDiff other/0")
	pauses := 0
	var seen lines
	output, err := legacyClient(t).ExecuteVtworker(t.Context(), LegacyCommand{
		Server: server.Address, Args: clone, Line: seen.add,
		Pause: func(context.Context, time.Duration) error {
			if pauses++; pauses == 3 {
				release()
			}
			return nil
		},
	})
	if err != nil || pauses != 3 {
		t.Fatalf("error %v behind %d pauses", err, pauses)
	}
	want := "W1123 21:01:02.000003 shardform:0] vtworker (" + server.Address + ") is not ready: A worker job is already in progress: SplitDiff other/0; trying again every 1ms until it is or the run is stopped\ncloned\n"
	if !strings.Contains(output, want) || strings.Count(output, "not ready") != 1 || strings.Count(seen.String(), "not ready") != 1 {
		t.Errorf("output %q", output)
	}
	if commands := server.Commands(); len(commands) != 8 || commands[6][0] != "Reset" || commands[7][0] != "SplitClone" {
		t.Errorf("commands %q", commands)
	}
}

func TestAResetThatFailsIsNoError(t *testing.T) {
	for name, reset := range map[string]func() error{
		"refused": func() error { return status.Error(codes.FailedPrecondition, "worker still executing") },
		"broken":  func() error { return status.Error(codes.Internal, "panic") },
		"gone":    func() error { return status.Error(codes.Unavailable, "closing") },
	} {
		worker := &legacytest.Worker{Run: say(nil, legacytest.Console("cloned")), Reset: reset}
		server := legacytest.Vtworker(t, worker.Handle)
		if output, err := legacyClient(t).ExecuteVtworker(t.Context(), LegacyCommand{Server: server.Address, Args: clone}); err != nil || strings.Contains(output, "Reset") {
			t.Errorf("%s: output %q, error %v", name, output, err)
		}
	}
}

func TestAResetThatHangsIsGivenUp(t *testing.T) {
	server := legacytest.Vtworker(t, func(ctx context.Context, args []string, send func(*logutilpb.Event)) error {
		if args[0] == "Reset" {
			<-ctx.Done()
		}
		return nil
	})
	l := legacyClient(t, func(c *LegacyConfig) { c.ResetTimeout = 20 * time.Millisecond })
	if _, err := l.ExecuteVtworker(t.Context(), LegacyCommand{Server: server.Address, Args: clone}); err != nil {
		t.Error(err)
	}
}

func TestOtherAnswersOfVtworkerAreFinal(t *testing.T) {
	for _, code := range []codes.Code{codes.Unknown, codes.Internal, codes.FailedPrecondition, codes.InvalidArgument, codes.Canceled, codes.DeadlineExceeded, codes.Aborted} {
		worker := &legacytest.Worker{Run: say(status.Error(code, "sorry"), legacytest.Console("half"))}
		server := legacytest.Vtworker(t, worker.Handle)
		output, err := legacyClient(t).ExecuteVtworker(t.Context(), LegacyCommand{Server: server.Address, Args: clone})
		d := complaint(t, err)
		if d.Temporary || diag.ExitOf(err) != diag.ExitFailed || !strings.Contains(d.Detail, "answered: sorry") || !strings.Contains(output, "\nhalf\n") {
			t.Errorf("%s: %+v, output %q", code, d, output)
		}
		if len(server.Commands()) != 2 {
			t.Errorf("%s: commands %q", code, server.Commands())
		}
	}
}

func TestAVtworkerThatRestartsGetsTheCommandAgain(t *testing.T) {
	var runs atomic.Int32
	worker := &legacytest.Worker{Run: func(ctx context.Context, _ []string, send func(*logutilpb.Event)) error {
		send(legacytest.Console("copying"))
		if runs.Add(1) == 1 {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}}
	server := legacytest.Vtworker(t, worker.Handle)
	var stopping sync.Once
	pauses := 0
	output, err := legacyClient(t).ExecuteVtworker(t.Context(), LegacyCommand{
		Server: server.Address, Args: clone,
		Line: func(line string) {
			if line == "copying" {
				stopping.Do(server.Stop)
			}
		},
		Pause: func(context.Context, time.Duration) error {
			if pauses++; pauses == 2 { // once it found nobody there
				server.Restart(t)
			}
			return nil
		},
	})
	if err != nil || strings.Count(output, "copying\n") != 2 || strings.Count(output, "not ready") != 2 || !strings.Contains(output, "connection refused") {
		t.Errorf("error %v, output %q", err, output)
	}
}

func TestWaitingForVtworkerEnds(t *testing.T) {
	worker := &legacytest.Worker{}
	server := legacytest.Vtworker(t, worker.Handle)
	worker.Occupy("SplitDiff other/0")
	stop := errors.New("stop, please")
	output, err := legacyClient(t).ExecuteVtworker(t.Context(), LegacyCommand{
		Server: server.Address, Args: clone, Pause: func(context.Context, time.Duration) error { return stop },
	})
	if d := complaint(t, err); !errors.Is(err, stop) || d.Exit != diag.ExitStopped || !strings.Contains(d.Detail, "already in progress: SplitDiff other/0") {
		t.Errorf("complaint %+v", d)
	}
	if !strings.HasSuffix(output, "err: stop, please\n") {
		t.Errorf("output %q", output)
	}

	ctx, cancel := context.WithCancel(t.Context())
	l := legacyClient(t, func(c *LegacyConfig) { c.RetryPause = time.Hour })
	_, err = l.ExecuteVtworker(ctx, LegacyCommand{Server: server.Address, Args: clone, Line: func(line string) {
		if strings.Contains(line, "not ready") {
			cancel()
		}
	}})
	if d := complaint(t, err); !errors.Is(err, context.Canceled) || d.Exit != diag.ExitStopped {
		t.Errorf("complaint %+v", d)
	}
}

func TestACloneEndsWithItsContext(t *testing.T) {
	left := make(chan struct{})
	server := legacytest.Vtworker(t, (&legacytest.Worker{Run: hang(left, legacytest.Console("copying"))}).Handle)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := legacyClient(t).ExecuteVtworker(ctx, LegacyCommand{Server: server.Address, Args: clone, Line: func(line string) {
		if line == "copying" {
			cancel()
		}
	}})
	<-left
	if d := complaint(t, err); d.Exit != diag.ExitStopped || d.Summary != "vtworker command SplitClone --online=false ks/0 was stopped" {
		t.Errorf("complaint %+v", d)
	}
}

func TestLegacyServersBehindTLSAndCredentials(t *testing.T) {
	dir := t.TempDir()
	ca, key := certificate(t, dir, "ca", nil, nil)
	certificate(t, dir, "server", ca, key)
	file := func(name string) string { return filepath.Join(dir, name) }
	pair, err := tls.LoadX509KeyPair(file("server.pem"), file("server.key"))
	if err != nil {
		t.Fatal(err)
	}
	var user atomic.Value
	server := legacytest.Vtworker(t, func(ctx context.Context, _ []string, _ func(*logutilpb.Event)) error {
		md, _ := metadata.FromIncomingContext(ctx)
		user.Store(strings.Join(md["username"], "") + ":" + strings.Join(md["password"], ""))
		return nil
	}, grpc.Creds(credentials.NewServerTLSFromCert(&pair)))
	l := legacyClient(t, func(c *LegacyConfig) {
		c.TLS = &TLS{CA: file("ca.pem"), ServerName: "vtctld"}
		c.Auth = &Auth{Username: "me", Password: "secret"}
	})
	if _, err := l.ExecuteVtworker(t.Context(), LegacyCommand{Server: server.Address, Args: clone}); err != nil || user.Load() != "me:secret" {
		t.Errorf("error %v, credentials %v", err, user.Load())
	}
	// A name that does not fit will not fit later either.
	l = legacyClient(t, func(c *LegacyConfig) { c.TLS = &TLS{CA: file("ca.pem"), ServerName: "elsewhere"} })
	_, err = l.ExecuteVtworker(t.Context(), LegacyCommand{Server: server.Address, Args: clone})
	if d := complaint(t, err); d.Temporary || !strings.Contains(d.Detail, "TLS handshake failed") {
		t.Errorf("complaint %+v", d)
	}
	if _, err := NewLegacy(LegacyConfig{TLS: &TLS{CA: file("none.pem")}}); err == nil {
		t.Error("a CA file that is not there is fine")
	}
}

func TestCrashPointsLieAroundCommandsButNotAroundReset(t *testing.T) {
	server := legacytest.Vtworker(t, (&legacytest.Worker{Run: say(nil)}).Handle)
	var hooks lines
	l := legacyClient(t, func(c *LegacyConfig) {
		c.Before = func(rpc string) { hooks.add("before " + rpc) }
		c.After = func(rpc string) { hooks.add("after " + rpc) }
	})
	if _, err := l.ExecuteVtworker(t.Context(), LegacyCommand{Server: server.Address, Args: clone}); err != nil {
		t.Fatal(err)
	}
	if got := hooks.String(); got != "before ExecuteVtworkerCommand\nafter ExecuteVtworkerCommand" {
		t.Errorf("hooks %q", got)
	}
}

// A legacy server's own limit on pings, 5 minutes, is grpc-go's default.
func TestACommandThatIsSilentForHoursIsNotCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := bufconn.Listen(1 << 16)
		server := legacytest.New(nil, func(ctx context.Context, args []string, send func(*logutilpb.Event)) error {
			if args[0] == "Reset" {
				return nil
			}
			select {
			case <-time.After(30 * time.Hour):
				send(legacytest.Console("done"))
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}, grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Minute}))
		server.Serve(listener)
		defer server.Stop()
		l := legacyClient(t, func(c *LegacyConfig) {
			c.Dialer = func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }
		})
		output, err := l.ExecuteVtworker(t.Context(), LegacyCommand{
			Server: "fake", Args: clone, Pause: func(context.Context, time.Duration) error { return errors.New("it was cut off") },
		})
		if err != nil || strings.Contains(output, "not ready") || !strings.Contains(output, "\ndone\n") {
			t.Errorf("error %v, output %q", err, output)
		}
	})
}
