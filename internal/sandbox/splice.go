package sandbox

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
)

// splice passes every connection that listener takes on to the sandbox's socket.
func (c *Cluster) splice(ctx context.Context, listener net.Listener) error {
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	var wait sync.WaitGroup
	defer wait.Wait()
	for {
		conn, err := listener.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		wait.Go(func() {
			defer conn.Close()
			up, err := c.Dial(ctx)
			if err != nil {
				c.log.Error("passing a connection on", "error", err)
				return
			}
			defer up.Close()
			stop := context.AfterFunc(ctx, func() { conn.Close(); up.Close() })
			defer stop()
			pass(conn, up)
		})
	}
}

// pass copies both ways until one side ends.
func pass(a, b net.Conn) {
	var wait sync.WaitGroup
	one := func(to, from net.Conn) {
		if _, err := io.Copy(to, from); err == nil || !errors.Is(err, net.ErrClosed) {
			to.Close()
			from.Close()
		}
	}
	wait.Go(func() { one(a, b) })
	wait.Go(func() { one(b, a) })
	wait.Wait()
}
