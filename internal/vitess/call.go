package vitess

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"

	"shardform/internal/diag"
)

// call is one RPC on a connected server.
type call func(ctx context.Context, vtctld vtctlservicepb.VtctldClient) error

// read does an RPC that changes nothing. what says in words what it is for ("read the shards of keyspace customer").
// Ending ctx ends it.
func (c *Client) read(ctx context.Context, what string, do call) error {
	return c.readWithin(ctx, c.config.ReadTimeout, what, do)
}

// readWithin is read for an RPC that may take longer than most.
func (c *Client) readWithin(ctx context.Context, limit time.Duration, what string, do call) error {
	for again := c.config.Reconnects; ; again-- {
		address, err := c.readOnce(ctx, limit, do)
		switch {
		case err == nil || address == "": // not connected: that was tried again already
			return err
		case ctx.Err() != nil:
			return stopped(what, ctx)
		case again <= 0 || status.Code(err) != codes.Unavailable:
			return failure(address, what, limit, err)
		}
	}
}

// readOnce does the RPC on one connection. The address is that of the server, "" where none could be connected to.
func (c *Client) readOnce(ctx context.Context, limit time.Duration, do call) (address string, err error) {
	l, err := c.connected(ctx)
	if err != nil {
		return "", err
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err = do(limited, l.vtctld)
	c.release(l, err)
	return l.address, err
}

// write does an RPC that changes the cluster. Once it is sent only limit ends it: a server whose client goes away stops
// half way, so limit has to exceed the longest time that the server may need. A ctx that has ended before sends nothing.
func (c *Client) write(ctx context.Context, rpc, what string, limit time.Duration, do call) error {
	l, err := c.connected(ctx)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		c.release(l, nil)
		return stopped(what, ctx)
	}
	detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	if c.config.Before != nil {
		c.config.Before(rpc)
	}
	c.written()
	err = do(detached, l.vtctld)
	c.written()
	c.release(l, err)
	if c.config.After != nil {
		c.config.After(rpc)
	}
	if err != nil {
		return failure(l.address, what, limit, err)
	}
	return nil
}

// stopped is the error of a call that was not made, or given up, because ctx ended.
func stopped(what string, ctx context.Context) error {
	return &diag.Diagnostic{
		Severity: diag.Error, Summary: "stopped before it could " + what,
		Detail: fmt.Sprintf("the call was given up: %v; nothing was changed by it", context.Cause(ctx)),
		Exit:   diag.ExitStopped, Cause: ctx.Err(),
	}
}
