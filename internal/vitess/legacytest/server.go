// Package legacytest has the servers of a legacy Vitess as tests need them: a vtctld's and a vtworker's command stream
// over real gRPC, whose commands do what the test says. Only tests may use it.
package legacytest

import (
	"context"
	"net"
	"slices"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	encodingproto "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	logutilpb "vitess.io/vitess/go/vt/proto/logutil"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"
	vttimepb "vitess.io/vitess/go/vt/proto/vttime"

	"shardform/internal/parallel"
	vtworkerdatapb "shardform/internal/pb/vtworkerdatapb"
	vtworkerservicepb "shardform/internal/pb/vtworkerservicepb"
)

// Handler runs one command: it sends what the command writes and returns its error, a gRPC status or code Unknown. ctx
// ends when the client goes away.
type Handler func(ctx context.Context, args []string, send func(*logutilpb.Event)) error

// Server is one address that may be a vtctld, a vtworker or both.
type Server struct {
	Address string // host:port on loopback

	vtctl, vtworker Handler // nil: the service is not offered
	options         []grpc.ServerOption

	mu       sync.Mutex
	commands [][]string
	server   *grpc.Server // nil while stopped
	done     <-chan struct{}
}

// Vtctld serves vtctl commands until the test ends.
func Vtctld(t testing.TB, handle Handler, options ...grpc.ServerOption) *Server {
	t.Helper()
	return start(t, &Server{vtctl: handle, options: options})
}

// Vtworker serves vtworker commands until the test ends.
func Vtworker(t testing.TB, handle Handler, options ...grpc.ServerOption) *Server {
	t.Helper()
	return start(t, &Server{vtworker: handle, options: options})
}

func start(t testing.TB, s *Server) *Server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Address = listener.Addr().String()
	s.Serve(listener)
	t.Cleanup(s.Stop)
	return s
}

// New makes a server that Serve starts, on any listener; either handler may be nil.
func New(vtctl, vtworker Handler, options ...grpc.ServerOption) *Server {
	return &Server{vtctl: vtctl, vtworker: vtworker, options: options}
}

// Serve serves on listener until Stop.
func (s *Server) Serve(listener net.Listener) {
	server := grpc.NewServer(append(slices.Clone(s.options),
		grpc.ForceServerCodecV2(uncheckedCodec{encoding.GetCodecV2(encodingproto.Name)}),
		grpc.WaitForHandlers(true), // a crashed process does nothing more
	)...)
	if s.vtctl != nil {
		vtctlservicepb.RegisterVtctlServer(server, vtctld{Server: s})
	}
	if s.vtworker != nil {
		vtworkerservicepb.RegisterVtworkerServer(server, vtworker{Server: s})
	}
	serving := parallel.Start(func() error { return server.Serve(listener) })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.server, s.done = server, serving.Done()
}

// Stop is what a crash is to clients: commands end, their connections break, and the port is closed.
func (s *Server) Stop() {
	s.mu.Lock()
	server, done := s.server, s.done
	s.server = nil
	s.mu.Unlock()
	if server != nil {
		server.Stop()
		<-done
	}
}

// Restart listens on the same address again.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	listener, err := net.Listen("tcp", s.Address)
	if err != nil {
		t.Fatal(err)
	}
	s.Serve(listener)
}

// Commands are the arguments of all commands so far, in the order in which they came.
func (s *Server) Commands() [][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.commands)
}

func (s *Server) run(ctx context.Context, handle Handler, args []string, send func(*logutilpb.Event)) error {
	s.mu.Lock()
	s.commands = append(s.commands, args)
	s.mu.Unlock()
	err := handle(ctx, args, send)
	if _, ok := status.FromError(err); !ok {
		err = status.Error(codes.Unknown, err.Error())
	}
	return err
}

type vtctld struct {
	vtctlservicepb.UnimplementedVtctlServer
	*Server
}

func (v vtctld) ExecuteVtctlCommand(request *vtctldatapb.ExecuteVtctlCommandRequest, stream vtctlservicepb.Vtctl_ExecuteVtctlCommandServer) error {
	return v.run(stream.Context(), v.vtctl, request.Args, func(e *logutilpb.Event) {
		_ = stream.Send(&vtctldatapb.ExecuteVtctlCommandResponse{Event: e})
	})
}

type vtworker struct {
	vtworkerservicepb.UnimplementedVtworkerServer
	*Server
}

func (v vtworker) ExecuteVtworkerCommand(request *vtworkerdatapb.ExecuteVtworkerCommandRequest, stream vtworkerservicepb.Vtworker_ExecuteVtworkerCommandServer) error {
	return v.run(stream.Context(), v.vtworker, request.Args, func(e *logutilpb.Event) {
		_ = stream.Send(&vtworkerdatapb.ExecuteVtworkerCommandResponse{Event: e})
	})
}

// uncheckedCodec sends texts as they are, UTF-8 or not, as Vitess's own does.
type uncheckedCodec struct{ encoding.CodecV2 }

// Marshal implements encoding.CodecV2.
func (c uncheckedCodec) Marshal(v any) (mem.BufferSlice, error) {
	response, ok := v.(*vtctldatapb.ExecuteVtctlCommandResponse)
	if r, is := v.(*vtworkerdatapb.ExecuteVtworkerCommandResponse); is { // the same on the wire
		response, ok = &vtctldatapb.ExecuteVtctlCommandResponse{Event: r.Event}, true
	}
	if !ok {
		return c.CodecV2.Marshal(v)
	}
	data, err := response.MarshalVT()
	return mem.BufferSlice{mem.SliceBuffer(data)}, err
}

// Info is a line of a server's log, at 15:04:05.000006 UTC on the 2nd of January.
func Info(text string) *logutilpb.Event { return event(logutilpb.Level_INFO, text) }

// Warning is the same, as a warning.
func Warning(text string) *logutilpb.Event { return event(logutilpb.Level_WARNING, text) }

// Console is what a command prints.
func Console(text string) *logutilpb.Event { return event(logutilpb.Level_CONSOLE, text) }

func event(level logutilpb.Level, text string) *logutilpb.Event {
	return &logutilpb.Event{
		Time: &vttimepb.Time{Seconds: 1136214245, Nanoseconds: 6000}, Level: level, File: "server.go", Line: 7, Value: text,
	}
}
