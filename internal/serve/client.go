package serve

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"shardform/internal/diag"
	automationpb "shardform/internal/pb/automationpb"
	"shardform/internal/pb/automationservicepb"
	"shardform/internal/vitess"
)

// maxAnswer is the largest answer in bytes that a client takes: details of operations with very many tasks.
const maxAnswer = 1 << 30

// Client asks a server of operations: ours, or the original's, which has no list and no state.
type Client struct {
	address string
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
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(transport), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswer)))
	if err != nil {
		return nil, &diag.Diagnostic{Severity: diag.Error, Summary: "cannot use the server address " + address, Detail: err.Error(), Hint: "give --server HOST:PORT", Cause: err}
	}
	return &Client{address: address, conn: conn, service: automationservicepb.NewAutomationClient(conn)}, nil
}

// Close disconnects.
func (c *Client) Close() error { return c.conn.Close() }

// Enqueue enqueues an operation and returns its id.
func (c *Client) Enqueue(ctx context.Context, name string, parameters map[string]string) (string, error) {
	r, err := c.service.EnqueueClusterOperation(ctx, &automationpb.EnqueueClusterOperationRequest{Name: name, Parameters: parameters})
	err = c.complaint(err)
	if d := (*diag.Diagnostic)(nil); status.Code(errors.Unwrap(err)) == codes.NotFound && errors.As(err, &d) {
		d.Hint = "enqueue HorizontalReshardingTask, VerticalSplitTask, or an operation block of the server's plan files by its label"
	}
	return r.GetId(), err
}

// Details are an operation with its tasks.
func (c *Client) Details(ctx context.Context, id string) (*automationpb.ClusterOperation, error) {
	r, err := c.service.GetClusterOperationDetails(ctx, &automationpb.GetClusterOperationDetailsRequest{Id: id})
	return r.GetClusterOp(), c.complaint(err)
}

// State is how far an operation is.
func (c *Client) State(ctx context.Context, id string) (automationpb.ClusterOperationState, error) {
	r, err := c.service.GetClusterOperationState(ctx, &automationpb.GetClusterOperationStateRequest{Id: id})
	return r.GetState(), c.complaint(err)
}

// List are all operations of the server.
func (c *Client) List(ctx context.Context) ([]*automationpb.ClusterOperationSummary, error) {
	var all []*automationpb.ClusterOperationSummary
	after := ""
	for {
		page, err := c.service.ListClusterOperations(ctx, &automationpb.ListClusterOperationsRequest{After: after})
		if err != nil || len(page.Operations) == 0 {
			return all, c.complaint(err)
		}
		all = append(all, page.Operations...)
		after = all[len(all)-1].Id
	}
}

// complaint is what a person is told of a server's answer.
func (c *Client) complaint(err error) error {
	if err == nil {
		return nil
	}
	s := status.Convert(err)
	d := &diag.Diagnostic{Severity: diag.Error, Summary: s.Message(), Detail: fmt.Sprintf("the server at %s answers %s", c.address, s.Code()), Cause: err}
	switch s.Code() {
	case codes.Unavailable:
		d.Temporary = true
		d.Hint = "check --server HOST:PORT and the --tls flags, and that shardform serve runs there"
	case codes.NotFound:
		d.Hint = "`shardform operation list --server " + c.address + "` lists the operations"
	case codes.InvalidArgument:
		d.Hint = "`shardform tasks NAME` documents the parameters of a task"
	case codes.Canceled:
		d.Exit = diag.ExitStopped
	}
	return d
}
