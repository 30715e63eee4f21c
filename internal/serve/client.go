package serve

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"shardform/internal/diag"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/pb/automationservicepb"
	"shardform/internal/vitess"
)

// maxAnswer is the largest answer in bytes that a client takes: details of operations with very many tasks.
const maxAnswer = 1 << 30

// connectTimeout is how long connecting may take.
const connectTimeout = 5 * time.Second

// Client asks a server of operations: ours, or the original's, which has no list and no state.
type Client struct {
	address string
	config  vitess.Config // how it is reached, for what is said of a failure
	conn    *grpc.ClientConn
	service automationservicepb.AutomationClient
}

// Dial makes a client. tls may be nil: plain text. Nothing is sent yet.
func Dial(address string, tls *vitess.TLS) (*Client, error) {
	transport := insecure.NewCredentials()
	if tls != nil {
		var err error
		if transport, err = tls.Credentials(); err != nil {
			return nil, err
		}
	}
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(transport), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswer)),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.DefaultConfig, MinConnectTimeout: connectTimeout}))
	if err != nil {
		return nil, &diag.Diagnostic{Severity: diag.Error, Summary: "cannot use the server address " + address, Detail: err.Error(), Hint: "give --server HOST:PORT", Cause: err}
	}
	return &Client{address: address, config: vitess.Config{TLS: tls, ConnectTimeout: connectTimeout}, conn: conn, service: automationservicepb.NewAutomationClient(conn)}, nil
}

// Close disconnects.
func (c *Client) Close() error { return c.conn.Close() }

// Enqueue enqueues an operation and returns its id.
func (c *Client) Enqueue(ctx context.Context, name string, parameters map[string]string) (string, error) {
	var met peer.Peer
	r, err := c.service.EnqueueClusterOperation(ctx, &automationpb.EnqueueClusterOperationRequest{Name: name, Parameters: parameters}, grpc.Peer(&met))
	err = c.complaint(&met, err)
	if d := (*diag.Diagnostic)(nil); status.Code(errors.Unwrap(err)) == codes.NotFound && errors.As(err, &d) {
		d.Hint = "enqueue HorizontalReshardingTask, VerticalSplitTask, or an operation block of the server's plan files by its label"
	}
	return r.GetId(), err
}

// Details are an operation with its tasks.
func (c *Client) Details(ctx context.Context, id string) (*automationpb.ClusterOperation, error) {
	var met peer.Peer
	r, err := c.service.GetClusterOperationDetails(ctx, &automationpb.GetClusterOperationDetailsRequest{Id: id}, grpc.Peer(&met))
	return r.GetClusterOp(), c.complaint(&met, err)
}

// State is how far an operation is.
func (c *Client) State(ctx context.Context, id string) (automationpb.ClusterOperationState, error) {
	var met peer.Peer
	r, err := c.service.GetClusterOperationState(ctx, &automationpb.GetClusterOperationStateRequest{Id: id}, grpc.Peer(&met))
	return r.GetState(), c.complaint(&met, err)
}

// List are all operations of the server.
func (c *Client) List(ctx context.Context) ([]*automationpb.ClusterOperationSummary, error) {
	var all []*automationpb.ClusterOperationSummary
	after := ""
	for {
		var met peer.Peer
		page, err := c.service.ListClusterOperations(ctx, &automationpb.ListClusterOperationsRequest{After: after}, grpc.Peer(&met))
		if err != nil || len(page.Operations) == 0 {
			return all, c.complaint(&met, err)
		}
		all = append(all, page.Operations...)
		after = all[len(all)-1].Id
	}
}

// broken are what gRPC says of a connection that ended while an answer was awaited.
var broken = []string{"error reading from server", "transport is closing", "closing transport", "connection reset", "broken pipe"}

// complaint is what a person is told of a server's answer, or of why there was none. met is whom the request was sent to.
func (c *Client) complaint(met *peer.Peer, err error) error {
	if err == nil {
		return nil
	}
	s := status.Convert(err)
	d := &diag.Diagnostic{Severity: diag.Error, Summary: s.Message(), Detail: fmt.Sprintf("the server at %s answers %s", c.address, s.Code()), Cause: err}
	const check = "check --server HOST:PORT and the --tls flags, and that shardform serve runs there"
	switch s.Code() {
	case codes.Unavailable:
		d.Temporary, d.Hint = true, "try again: it is stopping, or its state is in use"
		switch {
		case met.Addr == nil:
			d.Summary = "cannot connect to the server at " + c.address
			d.Detail, d.Temporary = vitess.Refusal(err, c.config)
			d.Hint = check
		case slices.ContainsFunc(broken, func(text string) bool { return strings.Contains(s.Message(), text) }):
			d.Summary, d.Detail, d.Hint = "the connection to the server at "+c.address+" broke before it answered", s.Message(), check
		}
	case codes.NotFound:
		d.Hint = "`shardform operation list --server " + c.address + "` lists the operations"
	case codes.InvalidArgument:
		d.Hint = "`shardform tasks NAME` documents the parameters of a task"
	case codes.Unimplemented:
		d.Hint = "another server listens there, or an older one: " + check
	case codes.Canceled:
		d.Exit = diag.ExitStopped
	}
	return d
}
