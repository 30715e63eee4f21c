package sandbox

import (
	"context"
	"errors"
	"io"
	"net"

	"shardform/internal/parallel"
)

// splice passes every connection that listener takes on to the sandbox's socket.
func (c *Cluster) splice(ctx context.Context, listener net.Listener) (err error) {
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	var passing parallel.Group
	defer func() { err = errors.Join(err, passing.Wait()) }()
	for {
		conn, err := listener.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		passing.Go(func() error {
			defer conn.Close()
			up, err := c.Dial(ctx)
			if err != nil {
				c.log.Error("passing a connection on", "error", err)
				return nil
			}
			defer up.Close()
			stop := context.AfterFunc(ctx, func() { conn.Close(); up.Close() })
			defer stop()
			return pass(conn, up)
		})
	}
}

// pass copies both ways until one side ends. That is not an error.
func pass(a, b net.Conn) error {
	var both parallel.Group
	one := func(to, from net.Conn) {
		if _, err := io.Copy(to, from); err == nil || !errors.Is(err, net.ErrClosed) {
			to.Close()
			from.Close()
		}
	}
	for _, way := range [][2]net.Conn{{a, b}, {b, a}} {
		both.Go(func() error {
			one(way[0], way[1])
			return nil
		})
	}
	return both.Wait()
}
