//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
)

// proxy stands between the program and vtctld, passes every call on, and misbehaves as rules say. It knows messages only
// as bytes, but those of which the name of a call is made.
type proxy struct {
	address string
	vtctld  *grpc.ClientConn
	clients *cutListener

	always map[string]taking // what becomes of every call of a name; to be set before the first one comes

	mu    sync.Mutex
	rules []*rule
	calls []call
}

// call is one RPC that the proxy took.
type call struct {
	name    string // as callName gives it
	request []byte
	reached bool  // vtctld got it
	failed  error // what vtctld answered; nil for success, or while it is at work
}

// rule is what becomes of one call.
type rule struct {
	name string // as callName gives it
	nth  int    // calls of that name until it is this one's turn: 1 is the next
	take taking
}

// taking handles a call: forward asks vtctld, and may be left out. The program gets the error that it returns, or for nil
// vtctld's own answer. ctx ends when the program has gone.
type taking func(ctx context.Context, forward func() error) error

// callName names a call for rules: the RPC, and for a switch also what is switched, whether back, and whether only dry:
// WorkflowSwitchTraffic:PRIMARY, WorkflowSwitchTraffic:RDONLY,REPLICA:back, WorkflowSwitchTraffic:PRIMARY:dry. A command of a
// legacy cluster has its own name, and the tablet type of a migration: GetShard, MigrateServedTypes:master.
func callName(method string, request []byte) string {
	name := path.Base(method)
	var command vtctldatapb.ExecuteVtctlCommandRequest
	if name == "ExecuteVtctlCommand" && proto.Unmarshal(request, &command) == nil && len(command.Args) > 0 {
		name = command.Args[0]
		if strings.HasPrefix(name, "MigrateServed") {
			name += ":" + command.Args[len(command.Args)-1]
		}
		return name
	}
	var traffic vtctldatapb.WorkflowSwitchTrafficRequest
	if name != "WorkflowSwitchTraffic" || proto.Unmarshal(request, &traffic) != nil {
		return name
	}
	var types []string
	for _, t := range traffic.TabletTypes {
		types = append(types, t.String())
	}
	name += ":" + strings.Join(types, ",")
	if traffic.Direction != 0 {
		name += ":back"
	}
	if traffic.DryRun {
		name += ":dry"
	}
	return name
}

// newProxy starts a proxy to the cluster's vtctld, which may be away now and then.
func newProxy(t *testing.T, c cluster) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{address: listener.Addr().String(), clients: &cutListener{Listener: listener}}
	const most = 64 << 20
	// a vtctld that was started again is found at once
	again := backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1, MaxDelay: 20 * time.Millisecond}
	p.vtctld, err = grpc.NewClient("passthrough:///"+c.vtctld, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: again, MinConnectTimeout: time.Second}),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(rawCodec{}), grpc.MaxCallRecvMsgSize(most), grpc.MaxCallSendMsgSize(most)))
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.ForceServerCodec(rawCodec{}), grpc.UnknownServiceHandler(p.serve), grpc.MaxRecvMsgSize(most), grpc.MaxSendMsgSize(most))
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(p.clients) })
	t.Cleanup(func() {
		server.Stop()
		serving.Wait()
		_ = p.vtctld.Close()
	})
	return p
}

// behind is the cluster as it is reached through the proxy; for plan directories, while tests go straight to vtctld.
func (p *proxy) behind(c cluster) *cluster {
	c.vtctld = p.address
	return &c
}

// onNth adds a rule for the nth call of that name from now on.
func (p *proxy) onNth(name string, nth int, take taking) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = append(p.rules, &rule{name, nth, take})
}

// unused lists the rules whose call never came.
func (p *proxy) unused() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var names []string
	for _, r := range p.rules {
		names = append(names, r.name)
	}
	return names
}

// reached counts the calls of each name that vtctld got; succeeded those that it also did.
func (p *proxy) reached() map[string]int {
	return p.count(func(c call) bool { return c.reached })
}

func (p *proxy) succeeded() map[string]int {
	return p.count(func(c call) bool { return c.reached && c.failed == nil })
}

func (p *proxy) count(which func(call) bool) map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	counts := make(map[string]int)
	for _, c := range p.calls {
		if which(c) {
			counts[c.name]++
		}
	}
	return counts
}

// serve takes one call. All of vtctld's that a reshard needs have one request, and those of today one answer.
func (p *proxy) serve(_ any, stream grpc.ServerStream) error {
	method, ok := grpc.MethodFromServerStream(stream)
	if !ok {
		return status.Error(codes.Internal, "a call without a method")
	}
	var request frame
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	name := callName(method, request)
	at, take := p.taken(name, request)
	forward := func() error {
		p.note(at, func(c *call) { c.reached = true })
		err := p.relay(stream, method, &request)
		p.note(at, func(c *call) { c.failed = err })
		return err
	}
	return take(stream.Context(), forward)
}

// relay asks vtctld and hands its messages on as they come. A rule that makes an error of the end does so for the program:
// a call with one answer has none before it has ended well.
func (p *proxy) relay(program grpc.ServerStream, method string, request *frame) error {
	ctx, cancel := context.WithCancel(program.Context())
	defer cancel()
	vtctld, err := p.vtctld.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, method)
	if err != nil {
		return err
	}
	if err := vtctld.SendMsg(request); err != nil && !errors.Is(err, io.EOF) { // then the status tells
		return err
	}
	if err := vtctld.CloseSend(); err != nil {
		return err
	}
	for {
		var message frame
		switch err := vtctld.RecvMsg(&message); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := program.SendMsg(&message); err != nil {
			return err
		}
	}
}

// taken notes a call and finds what becomes of it.
func (p *proxy) taken(name string, request []byte) (at int, take taking) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, call{name: name, request: request})
	if take = p.always[name]; take == nil {
		take = func(_ context.Context, forward func() error) error { return forward() }
	}
	p.rules = slices.DeleteFunc(p.rules, func(r *rule) bool {
		if r.name != name {
			return false
		}
		if r.nth--; r.nth == 0 {
			take = r.take
		}
		return r.nth == 0
	})
	return len(p.calls) - 1, take
}

func (p *proxy) note(at int, change func(*call)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.calls[at])
}

// The ways in which a call goes wrong.

// answers gives an answer in place of the work.
func answers(code codes.Code) taking {
	return func(context.Context, func() error) error { return status.Error(code, "before any work was done") }
}

// answersAfter gives an error in place of the answer, after the work.
func answersAfter(code codes.Code) taking {
	return func(_ context.Context, forward func() error) error {
		if err := forward(); err != nil {
			return err
		}
		return status.Error(code, "after the work")
	}
}

// insists asks again while the server is away.
func insists(ctx context.Context, forward func() error) error {
	for {
		if err := forward(); status.Code(err) != codes.Unavailable {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// loses cuts the program's connections in place of an answer, after the work.
func (p *proxy) loses(_ context.Context, forward func() error) error {
	err := forward()
	p.clients.cut()
	return err
}

// hold makes the next call of that name wait in the proxy. arrived is closed when it is there, proceed sends it to vtctld.
func (p *proxy) hold(name string) (arrived <-chan struct{}, proceed func()) {
	return p.holdNth(name, 1)
}

// holdNth makes the nth call of that name from now on wait.
func (p *proxy) holdNth(name string, nth int) (arrived <-chan struct{}, proceed func()) {
	there, on := make(chan struct{}), make(chan struct{})
	p.onNth(name, nth, func(ctx context.Context, forward func() error) error {
		close(there)
		select {
		case <-on:
			return forward()
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		}
	})
	return there, sync.OnceFunc(func() { close(on) })
}

// frame is a message that nobody looked into.
type frame []byte

// rawCodec hands frames through.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(v any) ([]byte, error) {
	f, ok := v.(*frame)
	if !ok {
		return nil, fmt.Errorf("a message of type %T", v)
	}
	return *f, nil
}

func (rawCodec) Unmarshal(data []byte, v any) error {
	f, ok := v.(*frame)
	if !ok {
		return fmt.Errorf("a message of type %T", v)
	}
	*f = slices.Clone(data)
	return nil
}

// cutListener remembers the connections that it took.
type cutListener struct {
	net.Listener
	mu   sync.Mutex
	open []net.Conn
}

func (l *cutListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.mu.Lock()
		l.open = append(l.open, c)
		l.mu.Unlock()
	}
	return c, err
}

// cut closes all connections that were taken until now.
func (l *cutListener) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.open {
		c.Close()
	}
	l.open = nil
}
