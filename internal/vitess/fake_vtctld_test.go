package vitess

import (
	"context"
	"net"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"
)

// fakeVtctld answers each RPC with what answer returns for the method and its nth call, counted from 1; (nil, nil) is
// Unimplemented.
type fakeVtctld struct {
	answer func(ctx context.Context, method string, nth int, request proto.Message) (proto.Message, error)

	mu       sync.Mutex
	calls    []string
	requests map[string][]proto.Message
	auth     []string // "username:password" of each call
}

// intercept replaces every handler: the registered server implements none.
func (f *fakeVtctld) intercept(ctx context.Context, request any, info *grpc.UnaryServerInfo, _ grpc.UnaryHandler) (any, error) {
	method := info.FullMethod[len("/vtctlservice.Vtctld/"):]
	f.mu.Lock()
	if f.requests == nil {
		f.requests = map[string][]proto.Message{}
	}
	f.calls = append(f.calls, method)
	f.requests[method] = append(f.requests[method], request.(proto.Message))
	nth := len(f.requests[method])
	md, _ := metadata.FromIncomingContext(ctx)
	if len(md["username"]) > 0 {
		f.auth = append(f.auth, md["username"][0]+":"+md["password"][0])
	}
	f.mu.Unlock()
	if method == "GetKeyspaces" && f.answer == nil {
		return &vtctldatapb.GetKeyspacesResponse{}, nil
	}
	answer, err := f.answer(ctx, method, nth, request.(proto.Message))
	if answer == nil && err == nil {
		if method == "GetKeyspaces" { // what a client asks when it connects
			return &vtctldatapb.GetKeyspacesResponse{Keyspaces: []*vtctldatapb.Keyspace{{Name: "ks"}}}, nil
		}
		return nil, status.Errorf(codes.Unimplemented, "method %s not implemented", method)
	}
	return answer, err
}

// requestsOf are the requests of one method so far.
func (f *fakeVtctld) requestsOf(method string) []proto.Message {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests[method]
}

type vtctld struct {
	vtctlservicepb.UnimplementedVtctldServer
}

// serve runs the fake on listener until the test ends.
func (f *fakeVtctld) serve(t *testing.T, listener net.Listener, options ...grpc.ServerOption) {
	t.Helper()
	server := grpc.NewServer(append(options, grpc.UnaryInterceptor(f.intercept), grpc.MaxSendMsgSize(1<<30))...)
	vtctlservicepb.RegisterVtctldServer(server, vtctld{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		server.Serve(listener)
	}()
	t.Cleanup(func() { server.Stop(); <-done })
}

// dialFake is a client of the fake over memory.
func dialFake(t *testing.T, f *fakeVtctld, change ...func(*Config)) *Client {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	f.serve(t, listener)
	config := Config{Addresses: []string{"fake"}, Dialer: func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }}
	for _, c := range change {
		c(&config)
	}
	c, err := Dial(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}
