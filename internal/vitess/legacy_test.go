package vitess

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	logutilpb "vitess.io/vitess/go/vt/proto/logutil"
	vttimepb "vitess.io/vitess/go/vt/proto/vttime"

	"shardform/internal/diag"
	"shardform/internal/vitess/legacytest"
)

// say is a command that writes events and ends with err.
func say(err error, events ...*logutilpb.Event) legacytest.Handler {
	return func(_ context.Context, _ []string, send func(*logutilpb.Event)) error {
		for _, e := range events {
			send(e)
		}
		return err
	}
}

// hang is a command that writes events and ends when its client goes away; then it closes left.
func hang(left chan<- struct{}, events ...*logutilpb.Event) legacytest.Handler {
	return func(ctx context.Context, args []string, send func(*logutilpb.Event)) error {
		_ = say(nil, events...)(ctx, args, send)
		<-ctx.Done()
		close(left)
		return ctx.Err()
	}
}

// legacyClient is a client whose clock stands still and whose retries do not wait long.
func legacyClient(t *testing.T, change ...func(*LegacyConfig)) *LegacyClient {
	t.Helper()
	config := LegacyConfig{
		RetryPause: time.Millisecond,
		Now:        func() time.Time { return time.Date(2026, 11, 23, 22, 1, 2, 3000, time.FixedZone("CET", 3600)) },
	}
	for _, c := range change {
		c(&config)
	}
	l, err := NewLegacy(config)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// lines collects what a command passes on.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, line)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.all, "\n")
}

func TestEventsAreWrittenAsTheAutomationPackageDid(t *testing.T) {
	var b bytes.Buffer
	log := CreateLoggerEventToBufferFunction(&b)
	at := &vttimepb.Time{Seconds: 1136214245, Nanoseconds: 6007}
	for _, level := range []logutilpb.Level{logutilpb.Level_INFO, logutilpb.Level_WARNING, logutilpb.Level_ERROR, logutilpb.Level_CONSOLE} {
		log(&logutilpb.Event{Time: at, Level: level, File: "keyspace.go", Line: 42, Value: "value " + level.String()})
	}
	log(&logutilpb.Event{Level: logutilpb.Level_CONSOLE, Value: "{\n}\n"})
	log(nil)
	want := "I0102 15:04:05.000006 keyspace.go:42] value INFO\n" +
		"W0102 15:04:05.000006 keyspace.go:42] value WARNING\n" +
		"E0102 15:04:05.000006 keyspace.go:42] value ERROR\n" +
		"value CONSOLE\n{\n}\n\nI0101 00:00:00.000000 :0] \n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOutputIsEveryEventBetweenCommandAndError(t *testing.T) {
	server := legacytest.Vtctld(t, say(nil, legacytest.Info("one"), legacytest.Console("two\nthree"), legacytest.Warning("four"), nil))
	var seen lines
	output, err := legacyClient(t).ExecuteVtctl(t.Context(), LegacyCommand{
		Server: server.Address, Args: []string{"WaitForFilteredReplication", "-max_delay", "30s", "ks/-80"}, Line: seen.add,
	})
	if err != nil {
		t.Fatal(err)
	}
	command := "remote vtctl command: [WaitForFilteredReplication -max_delay 30s ks/-80] server: " + server.Address
	want := "I1123 21:01:02.000003 shardform:0] Executing " + command + "\n" +
		"I0102 15:04:05.000006 server.go:7] one\ntwo\nthree\nW0102 15:04:05.000006 server.go:7] four\n" +
		"I1123 21:01:02.000003 shardform:0] Executed " + command + " err: <nil>\n"
	if diff := cmp.Diff(want, output) + cmp.Diff(strings.TrimSuffix(want, "\n"), seen.String()); diff != "" {
		t.Errorf("output, lines (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([][]string{{"WaitForFilteredReplication", "-max_delay", "30s", "ks/-80"}}, server.Commands()); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
}

func TestACommandThatFailsHalfwayKeepsItsOutput(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		detail string
		hint   string
	}{
		"raw error": {errors.New("schemas are different: table t"), "answered: schemas are different: table t", ""},
		"coded":     {status.Error(codes.FailedPrecondition, "no master"), "answered: no master", ""},
		"refused":   {status.Error(codes.PermissionDenied, "who are you"), "answered: who are you", "check the auth block"},
		"gone":      {status.Error(codes.Unavailable, "closing"), "failed: closing", "look at what the cluster shows"},
	} {
		t.Run(name, func(t *testing.T) {
			server := legacytest.Vtctld(t, say(c.err, legacytest.Console("half")))
			output, err := legacyClient(t).ExecuteVtctl(t.Context(), LegacyCommand{Server: server.Address, Args: []string{"CopySchemaShard", "ks/0", "ks/-80"}})
			d := complaint(t, err)
			if d.Summary != "vtctl command CopySchemaShard ks/0 ks/-80 failed" || !strings.Contains(d.Detail, c.detail) || !strings.Contains(d.Hint, c.hint) {
				t.Errorf("complaint %+v", d)
			}
			if d.Temporary || diag.ExitOf(err) != diag.ExitFailed || status.Code(d.Cause) != status.Code(c.err) {
				t.Errorf("temporary %v, exit %d, code %s", d.Temporary, diag.ExitOf(err), status.Code(d.Cause))
			}
			lines := strings.Split(output, "\n")
			if len(lines) != 4 || lines[1] != "half" || !strings.Contains(lines[2], " err: rpc error: code = ") || !strings.HasSuffix(lines[2], status.Convert(c.err).Message()) {
				t.Errorf("output %q", output)
			}
			if len(server.Commands()) != 1 {
				t.Errorf("sent %d times", len(server.Commands()))
			}
		})
	}
}

func TestOutputThatIsNoTextBecomesText(t *testing.T) {
	broken := &logutilpb.Event{Level: logutilpb.Level_CONSOLE, Value: "a\xffb"}
	inFile := legacytest.Info("x")
	inFile.File = "\xc3.go"
	for name, execute := range map[string]func(Legacy, LegacyCommand) (string, error){
		"vtctl":    func(l Legacy, c LegacyCommand) (string, error) { return l.ExecuteVtctl(t.Context(), c) },
		"vtworker": func(l Legacy, c LegacyCommand) (string, error) { return l.ExecuteVtworker(t.Context(), c) },
	} {
		t.Run(name, func(t *testing.T) {
			handle := say(status.Error(codes.Internal, "bad \xff row"), broken, inFile)
			server := legacytest.Vtctld(t, handle)
			if name == "vtworker" {
				server = legacytest.Vtworker(t, handle)
			}
			output, err := execute(legacyClient(t), LegacyCommand{Server: server.Address, Args: []string{"X\xff"}})
			if !strings.Contains(output, "\na\uFFFDb\nI0102 15:04:05.000006 \uFFFD.go:7] x\n") || strings.ToValidUTF8(output, "") != output {
				t.Errorf("output %q", output)
			}
			if text := fmt.Sprint(err); !strings.Contains(text, "bad \uFFFD row") || strings.ToValidUTF8(text, "") != text {
				t.Errorf("error %q", text)
			}
			if commands := server.Commands(); commands[len(commands)-1][0] != "X\uFFFD" {
				t.Errorf("commands %q", commands)
			}
		})
	}
}

func TestLongOutputIsPassedOnWholeAndKeptInPart(t *testing.T) {
	const events = 20000
	server := legacytest.Vtctld(t, func(_ context.Context, _ []string, send func(*logutilpb.Event)) error {
		for i := range events {
			send(legacytest.Console(fmt.Sprintf("row %d of a rather long table", i)))
		}
		return nil
	})
	var seen lines
	output, err := legacyClient(t).ExecuteVtctl(t.Context(), LegacyCommand{Server: server.Address, Args: []string{"X"}, Line: seen.add})
	if err != nil {
		t.Fatal(err)
	}
	if len(seen.all) != events+2 || seen.all[events] != "row 19999 of a rather long table" {
		t.Errorf("%d lines were passed on", len(seen.all))
	}
	if len(output) > LegacyOutputLimit+200 || len(output) < LegacyOutputLimit*9/10 {
		t.Errorf("%d bytes were kept", len(output))
	}
	kept := strings.Count(output, "row ")
	if !strings.Contains(output, fmt.Sprintf("[… %d lines, ", events-kept)) || !strings.HasPrefix(output, "I1123") || !strings.HasSuffix(output, " err: <nil>\n") {
		t.Errorf("%d events of %d were kept; output begins with %q", kept, events, output[:100])
	}
}

func TestAHangingCommandIsShownLiveAndEndsWithItsContext(t *testing.T) {
	left := make(chan struct{})
	server := legacytest.Vtctld(t, hang(left, legacytest.Console("working")))
	ctx, cancel := context.WithCancel(t.Context())
	output, err := legacyClient(t).ExecuteVtctl(ctx, LegacyCommand{Server: server.Address, Args: []string{"X"}, Line: func(line string) {
		if line == "working" {
			cancel()
		}
	}})
	<-left
	if d := complaint(t, err); d.Exit != diag.ExitStopped || d.Temporary || d.Summary != "vtctl command X was stopped" || !errors.Is(err, context.Canceled) {
		t.Errorf("complaint %+v", d)
	}
	if !strings.Contains(output, "\nworking\n") || !strings.Contains(output, " err: rpc error: code = Canceled") {
		t.Errorf("output %q", output)
	}
}

func TestACommandThatDoesNotEndInTimeHasFailed(t *testing.T) {
	left := make(chan struct{})
	server := legacytest.Vtctld(t, hang(left))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := legacyClient(t).ExecuteVtctl(ctx, LegacyCommand{Server: server.Address, Args: []string{"X"}})
	if d := complaint(t, err); diag.ExitOf(err) != diag.ExitFailed || d.Temporary {
		t.Errorf("complaint %+v", d)
	}
}

func TestACommandThatReachedNoServerMayBeTriedAgain(t *testing.T) {
	_, err := legacyClient(t).ExecuteVtctl(t.Context(), LegacyCommand{Server: closedPort(t), Args: []string{"X"}})
	if d := complaint(t, err); !d.Temporary || d.Summary != "cannot connect to vtctld" || !strings.Contains(d.Detail, "connection refused; the command X was not sent") {
		t.Errorf("complaint %+v", d)
	}
}

func TestAServerThatSaysNothingIsGivenUp(t *testing.T) {
	silent := listen(t) // accepts by its backlog and never says a word
	l := legacyClient(t, func(c *LegacyConfig) { c.ConnectTimeout = 50 * time.Millisecond })
	_, err := l.ExecuteVtctl(t.Context(), LegacyCommand{Server: silent.Addr().String(), Args: []string{"X"}})
	if d := complaint(t, err); !d.Temporary || d.Summary != "cannot connect to vtctld" {
		t.Errorf("complaint %+v", d)
	}
}

func TestAServerWithoutTheStreamIsNamed(t *testing.T) {
	vtctld := legacytest.Vtctld(t, say(nil))
	vtworker := legacytest.Vtworker(t, say(nil))
	l := legacyClient(t)
	_, err := l.ExecuteVtctl(t.Context(), LegacyCommand{Server: vtworker.Address, Args: []string{"X"}})
	if d := complaint(t, err); d.Temporary || !strings.Contains(d.Hint, "grpc-vtctl in -service_map") {
		t.Errorf("vtctl to a vtworker: %+v", d)
	}
	_, err = l.ExecuteVtworker(t.Context(), LegacyCommand{Server: vtctld.Address, Args: []string{"X"}})
	if d := complaint(t, err); d.Temporary || !strings.Contains(d.Hint, "grpc-vtworker in -service_map") {
		t.Errorf("vtworker to a vtctld: %+v", d)
	}
}

func TestWhatIsNoCommandIsRefusedAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		command LegacyCommand
		want    string
	}{
		"no port":    {LegacyCommand{Server: "localhost", Args: []string{"X"}}, `vtworker address "localhost" is not HOST:PORT`},
		"no address": {LegacyCommand{Args: []string{"X"}}, `vtworker address "" is not HOST:PORT`},
		"no command": {LegacyCommand{Server: "localhost:1"}, "there is no vtworker command to run"},
	} {
		if _, err := legacyClient(t).ExecuteVtworker(t.Context(), c.command); complaint(t, err).Summary != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFunctionsOfTheAutomationPackage(t *testing.T) {
	vtctld := legacytest.Vtctld(t, say(nil, legacytest.Console("by vtctl")))
	vtworker := legacytest.Vtworker(t, say(nil, legacytest.Console("by vtworker")))
	if output, err := ExecuteVtctl(t.Context(), vtctld.Address, []string{"X"}); err != nil || !strings.Contains(output, "\nby vtctl\n") {
		t.Errorf("vtctl: %q, %v", output, err)
	}
	if output, err := ExecuteVtworker(t.Context(), vtworker.Address, []string{"X"}); err != nil || !strings.Contains(output, "\nby vtworker\n") {
		t.Errorf("vtworker: %q, %v", output, err)
	}
}
