package vitess

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/grpc"
	logutilpb "vitess.io/vitess/go/vt/proto/logutil"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"

	"shardform/internal/diag"
	vtworkerdatapb "shardform/internal/pb/vtworkerdatapb"
	vtworkerservicepb "shardform/internal/pb/vtworkerservicepb"
	"shardform/internal/transcript"
)

// legacyService is one of the two command streams.
type legacyService struct {
	name, server string // vtctl on vtctld, vtworker on vtworker
	rpc, mapped  string // the method, and what --service-map has to name for it
	// open begins the stream. Its error means that nothing reached a server.
	open func(ctx context.Context, conn *grpc.ClientConn, args []string) (receive func() (*logutilpb.Event, error), err error)
}

// received is what a stream's responses have in common.
type received interface{ GetEvent() *logutilpb.Event }

var vtctlService = &legacyService{
	name: "vtctl", server: "vtctld", rpc: "ExecuteVtctlCommand", mapped: "grpc-vtctl",
	open: func(ctx context.Context, conn *grpc.ClientConn, args []string) (func() (*logutilpb.Event, error), error) {
		stream, err := vtctlservicepb.NewVtctlClient(conn).ExecuteVtctlCommand(ctx, &vtctldatapb.ExecuteVtctlCommandRequest{
			Args: args, ActionTimeout: int64(time.Hour), // what vtctlclient sends; no server reads it
		})
		if err != nil {
			return nil, err
		}
		return events(stream), nil
	},
}

var vtworkerService = &legacyService{
	name: "vtworker", server: "vtworker", rpc: "ExecuteVtworkerCommand", mapped: "grpc-vtworker",
	open: func(ctx context.Context, conn *grpc.ClientConn, args []string) (func() (*logutilpb.Event, error), error) {
		stream, err := vtworkerservicepb.NewVtworkerClient(conn).ExecuteVtworkerCommand(ctx, &vtworkerdatapb.ExecuteVtworkerCommandRequest{Args: args})
		if err != nil {
			return nil, err
		}
		return events(stream), nil
	},
}

func events[R received](stream interface{ Recv() (R, error) }) func() (*logutilpb.Event, error) {
	return func() (*logutilpb.Event, error) {
		response, err := stream.Recv()
		if err != nil {
			return nil, err
		}
		return response.GetEvent(), nil
	}
}

// unsent is the error of a command that reached no server.
type unsent struct{ error }

func (e unsent) Unwrap() error { return e.error }

// fromServer is err as gRPC gave it: a status that is wrapped has another text.
func fromServer(err error) error {
	var notSent unsent
	if errors.As(err, &notSent) {
		return notSent.error
	}
	return err
}

// execute runs a command by try, which is given where its events go, and writes what is before and behind them.
func (l *LegacyClient) execute(ctx context.Context, s *legacyService, c LegacyCommand, try func(log func(*logutilpb.Event)) error) (string, error) {
	if err := l.check(s, c); err != nil {
		return "", err
	}
	kept := transcript.New(LegacyOutputLimit, c.Line, c.Hide)
	log := CreateLoggerEventToBufferFunction(kept)
	log(ownEvent(l.config.Now(), logutilpb.Level_INFO, "Executing remote %s command: %v server: %s", s.name, c.Args, c.Server))
	err := try(log)
	said := "<nil>"
	if err != nil {
		said = validText(err.Error())
	}
	log(ownEvent(l.config.Now(), logutilpb.Level_INFO, "Executed remote %s command: %v server: %s err: %s", s.name, c.Args, c.Server, said))
	kept.End()
	if err != nil {
		err = l.failure(ctx, s, c, err)
	}
	return kept.String(), err
}

func (l *LegacyClient) check(s *legacyService, c LegacyCommand) error {
	if len(c.Args) == 0 || c.Args[0] == "" {
		return &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("there is no %s command to run", s.name), Detail: "the list of arguments is empty"}
	}
	if l.config.Dialer != nil {
		return nil
	}
	if err := CheckAddress(c.Server); err != nil {
		return &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("%s address %v", s.server, err),
			Hint: fmt.Sprintf("write it like localhost:15999, with the gRPC port of the %s", s.server), Cause: err}
	}
	return nil
}

// ExecuteVtctl implements Legacy.
func (l *LegacyClient) ExecuteVtctl(ctx context.Context, c LegacyCommand) (string, error) {
	return l.execute(ctx, vtctlService, c, func(log func(*logutilpb.Event)) error {
		return l.connected(c.Server, func(conn *grpc.ClientConn) error { return l.send(ctx, vtctlService, conn, c.Args, log) })
	})
}

// connected makes a connection for the time of do. It is not known to lead anywhere before something is sent.
func (l *LegacyClient) connected(server string, do func(*grpc.ClientConn) error) error {
	conn, err := grpc.NewClient("passthrough:///"+server, l.options...)
	if err != nil {
		return unsent{err}
	}
	defer conn.Close()
	return do(conn)
}

// send runs a command to its end. The error is the stream's, or unsent.
func (l *LegacyClient) send(ctx context.Context, s *legacyService, conn *grpc.ClientConn, args []string, log func(*logutilpb.Event)) error {
	if l.config.Before != nil {
		l.config.Before(s.rpc)
	}
	err := s.run(ctx, conn, args, log)
	if l.config.After != nil {
		l.config.After(s.rpc)
	}
	return err
}

// run sends args and passes on every event until the stream ends.
func (s *legacyService) run(ctx context.Context, conn *grpc.ClientConn, args []string, log func(*logutilpb.Event)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // a stream that is left ends on the server too
	valid := make([]string, len(args))
	for i, arg := range args {
		valid[i] = validText(arg) // gRPC refuses anything else
	}
	receive, err := s.open(ctx, conn, valid)
	if err != nil {
		return unsent{err}
	}
	for {
		event, err := receive()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case event != nil:
			log(event)
		}
	}
}

// line is a command as people type it, without what may be long.
func (c LegacyCommand) line() string {
	const most = 3
	if len(c.Args) <= most {
		return strings.Join(c.Args, " ")
	}
	return c.Args[0] + " … " + c.Args[len(c.Args)-1]
}
