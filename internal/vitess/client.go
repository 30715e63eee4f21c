package vitess

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"

	"shardform/internal/diag"
)

// Config says how a cluster's vtctld is reached.
type Config struct {
	Addresses []string // host:port, tried in turn
	TLS       *TLS     // nil: plain text
	Auth      *Auth    // nil: no credentials
	// Dialer opens the connection to an address, nil: TCP. With it an address may be anything that it understands.
	Dialer func(ctx context.Context, address string) (net.Conn, error)
	// Before and After are called right before a mutating RPC is sent and right after it returned, with the name of the
	// method ("ReshardCreate"); nil: nothing. They are where crash points go.
	Before, After func(rpc string)

	// Reconnects is how often connecting, and a reading RPC, is tried again where the server went away. It is for a server
	// that another one replaces at once. A mutating RPC is never sent again.
	Reconnects int

	// Now is the clock that the times of tablets are given by, nil: time.Now.
	Now func() time.Time

	ConnectTimeout time.Duration // a server, 0: 5 s
	ReadTimeout    time.Duration // a reading RPC, 0: 30 s
}

// CheckAddress returns an error if a server's address is not HOST:PORT.
func CheckAddress(address string) error {
	if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
		return fmt.Errorf("%q is not HOST:PORT", address)
	}
	return nil
}

// Client is a Cluster over the vtctld gRPC service. It retries nothing but reads, see Config.Reconnects: errors are *diag.Diagnostic that say whether
// trying again may help. Its methods may be called at the same time. It decides from codes where vtctld gives some and
// from texts only where it does not (its own errors all arrive as code Unknown).
type Client struct {
	config  Config
	options []grpc.DialOption

	dialing chan struct{} // holds one token: who has it may change link
	mu      sync.Mutex    // guards link and what it counts
	link    *link         // nil before the first call and after a connection broke
	recent  recent        // guarded by mu
	locks   sightings     // guarded by mu
	clocks  clocks
}

var _ Cluster = (*Client)(nil)

// link is a connection to one server that has answered as a vtctld.
type link struct {
	conn    *grpc.ClientConn
	vtctld  vtctlservicepb.VtctldClient
	address string

	calls     int  // in flight; guarded by Client.mu, as is forgotten
	forgotten bool // to be closed when calls is 0
}

// Dial checks the configuration, reads its certificates and returns a client that connects when it is first used. The
// error is a *diag.Diagnostic.
func Dial(_ context.Context, config Config) (*Client, error) {
	if len(config.Addresses) == 0 {
		return nil, &diag.Diagnostic{Severity: diag.Error, Summary: "no vtctld address is configured",
			Hint: `give one, such as vtctld = ["localhost:15999"]`}
	}
	if config.Dialer == nil {
		for _, address := range config.Addresses {
			if err := CheckAddress(address); err != nil {
				return nil, &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("vtctld address %v", err),
					Hint: "write it like localhost:15999, with vtctld's gRPC port", Cause: err}
			}
		}
	}
	options, err := dialOptions(config)
	if err != nil {
		return nil, err
	}
	if config.ConnectTimeout <= 0 {
		config.ConnectTimeout = 5 * time.Second
	}
	if config.ReadTimeout <= 0 {
		config.ReadTimeout = 30 * time.Second
	}
	return &Client{config: config, options: options, dialing: make(chan struct{}, 1)}, nil
}

// Close ends the connection, if there is one. Calls in flight fail; a later call would connect again.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == nil {
		return nil
	}
	err := c.link.conn.Close()
	c.link.forgotten, c.link = true, nil
	return err
}
