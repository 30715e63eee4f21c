package vitess

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"
	vtctldatapb "vitess.io/vitess/go/vt/proto/vtctldata"
	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"

	"shardform/internal/diag"
)

// connected is the connection in use, or a new one to the first address that answers. The caller releases it.
func (c *Client) connected(ctx context.Context) (*link, error) {
	if l := c.usable(); l != nil {
		return l, nil
	}
	select {
	case c.dialing <- struct{}{}:
		defer func() { <-c.dialing }()
	case <-ctx.Done():
		return nil, stopped("connect to vtctld", ctx)
	}
	if l := c.usable(); l != nil { // someone else was faster
		return l, nil
	}
	for again := c.config.Reconnects; ; again-- {
		l, err := c.dialInTurn(ctx)
		if err == nil || again <= 0 || !diag.IsTemporary(err) {
			return l, err
		}
	}
}

func (c *Client) usable() *link {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == nil {
		return nil
	}
	if state := c.link.conn.GetState(); state == connectivity.TransientFailure || state == connectivity.Shutdown {
		c.forget(c.link)
		return nil
	}
	c.link.calls++
	return c.link
}

// forget gives a connection up, so that the addresses get their turn again; c.mu is held. Calls that are still on it
// end in peace, as one of them may be changing the cluster; the last one closes it.
func (c *Client) forget(l *link) {
	l.forgotten = true
	if c.link == l {
		c.link = nil
	}
	if l.calls == 0 {
		l.conn.Close()
	}
}

// release ends a call on l. One that could not reach the server was the connection's last.
func (c *Client) release(l *link, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l.calls--
	if l.forgotten && l.calls == 0 || status.Code(err) == codes.Unavailable {
		c.forget(l)
	}
}

func (c *Client) dialInTurn(ctx context.Context) (*link, error) {
	var tried []string
	temporary := false
	var errs []error
	for _, address := range c.config.Addresses {
		l, err := c.dial(ctx, address)
		if err == nil {
			c.mu.Lock()
			l.calls++
			c.link = l
			c.mu.Unlock()
			return l, nil
		}
		if ctx.Err() != nil {
			return nil, stopped("connect to vtctld", ctx)
		}
		why, again := Refusal(err, c.config)
		temporary = temporary || again
		tried = append(tried, address+": "+why)
		errs = append(errs, err)
	}
	return nil, &diag.Diagnostic{
		Severity: diag.Error, Summary: "cannot connect to vtctld", Detail: strings.Join(tried, "\n"),
		Hint:      "check the address (vtctld's gRPC port), tls and auth of the cluster block, and that vtctld runs",
		Temporary: temporary, Cause: errors.Join(errs...),
	}
}

// dial connects to one address and asks for something small, as only an answer shows that it is a vtctld that lets us in.
func (c *Client) dial(ctx context.Context, address string) (*link, error) {
	// passthrough leaves names to the dialer, which looks them up at each try and knows proxies and odd addresses.
	conn, err := grpc.NewClient("passthrough:///"+address, c.options...)
	if err != nil {
		return nil, err
	}
	l := &link{conn: conn, vtctld: vtctlservicepb.NewVtctldClient(conn), address: address}
	ctx, cancel := context.WithTimeout(ctx, c.config.ConnectTimeout)
	defer cancel()
	_, err = l.vtctld.GetKeyspaces(ctx, &vtctldatapb.GetKeyspacesRequest{})
	switch status.Code(err) {
	case codes.OK, codes.Unknown, codes.Internal, codes.NotFound: // a vtctld, in trouble or not: its answers tell
		return l, nil
	}
	conn.Close()
	return nil, err
}

// Refusal says why a server could not be reached or is of no use, and whether it may be later. Of config it wants to know
// whether there are TLS and credentials, and how long connecting may take. gRPC gives no codes for most of it.
func Refusal(err error, config Config) (why string, again bool) {
	text := serverText(err)
	switch code := status.Code(err); {
	case code == codes.Unimplemented:
		return "answers, but is no vtctld: it does not know the service vtctlservice.Vtctld (a vtctld offers it on its gRPC port with --service-map grpc-vtctld)", false
	case code == codes.Unauthenticated, code == codes.PermissionDenied:
		if config.Auth == nil {
			return "asks for credentials, and no auth is configured: " + text, false
		}
		return fmt.Sprintf("refused user %q: %s", config.Auth.Username, text), false
	case code == codes.DeadlineExceeded:
		return fmt.Sprintf("no answer within %s", config.ConnectTimeout), true
	case strings.Contains(text, "looked like an HTTP/1.1 header"):
		return "answers in plain HTTP, not in gRPC: this is a web port; give the gRPC port of the server", false
	case strings.Contains(text, "handshake failed"), strings.Contains(text, "tls:"), strings.Contains(text, "x509:"):
		return "TLS handshake failed: " + text, false
	case code == codes.Unavailable && strings.Contains(text, "server preface"):
		return noPreface(text, config)
	case code == codes.Unavailable && strings.Contains(text, "no such host"):
		return "its name cannot be resolved: " + text, true
	case code == codes.Unavailable:
		return "unreachable: " + text, true
	}
	return text, temporary(err)
}

// noPreface says what is wrong with a server that took the connection and did not begin to talk HTTP/2.
func noPreface(text string, config Config) (why string, again bool) {
	switch {
	case strings.Contains(text, "frame too large"):
		return "answers, but not in gRPC: it is a server of another kind; give the gRPC port: " + text, false
	case strings.Contains(text, "use of closed network connection"), strings.Contains(text, "timeout"): // it is we who hung up
		return fmt.Sprintf("took the connection, and was silent for %s", config.ConnectTimeout), true
	case config.TLS == nil:
		return "hung up at once: it may want TLS, and no tls is configured: " + text, true
	}
	return "hung up at once: " + text, true
}
