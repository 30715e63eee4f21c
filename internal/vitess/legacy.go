package vitess

import (
	"context"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/encoding"
	encodingproto "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/keepalive"

	"shardform/internal/redact"
)

// LegacyReader asks a vtctld by commands that change nothing.
type LegacyReader interface {
	// ReadVtctl sends a command and gives what it prints, without the lines of its log. It is tried once; an error is
	// temporary where asking again may help.
	ReadVtctl(ctx context.Context, command LegacyCommand) (printed string, err error)
}

// Legacy runs commands on the servers of a Vitess that has vtworker (until v0.14): vtctl commands on a vtctld, vtworker
// commands on a vtworker. Both stream what the command writes; the result is all of it, LegacyOutputLimit bytes at most,
// and between a first line that names command and server and a last one with the error. It is there also where err is
// not nil. Errors are *diag.Diagnostic that say whether trying again may help.
type Legacy interface {
	LegacyReader
	// ExecuteVtctl sends the command once. Ending ctx ends the call, and the command with it.
	ExecuteVtctl(ctx context.Context, command LegacyCommand) (output string, err error)
	// ExecuteVtworker resets the vtworker, as far as that works, and sends the command; again while the vtworker is busy,
	// restarting or was stopped a moment ago, until ctx ends. Ending ctx ends the call, and the command with it.
	ExecuteVtworker(ctx context.Context, command LegacyCommand) (output string, err error)
}

// LegacyCommand is one command line for one server.
type LegacyCommand struct {
	Server string   // host:port of its gRPC
	Args   []string // the command's name and its arguments
	// Line gets every line of the output when it comes, without its end; nil: nobody does.
	Line func(line string)
	// Hide takes secrets out of the output; nil hides nothing.
	Hide *redact.Redactor
	// Pause waits between two tries of a vtworker. Its error ends the call and is found in the call's by errors.Is. nil:
	// waits for d or until ctx ends.
	Pause func(ctx context.Context, d time.Duration) error
}

// LegacyOutputLimit is how many bytes of a command's output are kept, in memory and as the result: the head and the
// tail. Line gets all of it.
const LegacyOutputLimit = 256 << 10

// LegacyConfig says how legacy servers are reached. The zero value is plain text without credentials.
type LegacyConfig struct {
	TLS  *TLS  // nil: plain text
	Auth *Auth // nil: no credentials
	// Dialer opens the connection to an address, nil: TCP. With it an address may be anything that it understands.
	Dialer func(ctx context.Context, address string) (net.Conn, error)
	// Before and After are called around every command but Reset, as those of Config are around mutating RPCs.
	Before, After func(rpc string)
	Now           func() time.Time // for the lines of our own; nil: the machine's clock

	ConnectTimeout time.Duration // a server, 0: 5 s
	ResetTimeout   time.Duration // vtworker's Reset, which answers at once or not at all, 0: 30 s
	RetryPause     time.Duration // between two tries of a vtworker, 0: 5 s
}

// LegacyClient is Legacy over the gRPC streams. It holds no connections: every try makes its own, as a vtworker may be
// another process by then. Its methods may be called at the same time.
type LegacyClient struct {
	config  LegacyConfig
	options []grpc.DialOption
}

var _ Legacy = (*LegacyClient)(nil)

// legacyKeepalive is more than what any of these servers asks for: gRPC's default is to hang up on a client that pings more
// often than every 5 minutes while nothing is sent, and a clone or a diff may be silent for hours. A server may be told to
// take more (-grpc_server_keepalive_enforcement_policy_min_time; v0.10 takes a ping every 10 s).
const legacyKeepalive = 6 * time.Minute

// NewLegacy checks the configuration and reads its certificates. The error is a *diag.Diagnostic.
func NewLegacy(config LegacyConfig) (*LegacyClient, error) {
	if config.ConnectTimeout <= 0 {
		config.ConnectTimeout = 5 * time.Second
	}
	if config.ResetTimeout <= 0 {
		config.ResetTimeout = 30 * time.Second
	}
	if config.RetryPause <= 0 {
		config.RetryPause = 5 * time.Second
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	options, err := dialOptions(config.shared())
	if err != nil {
		return nil, err
	}
	options = append(options,
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.DefaultConfig, MinConnectTimeout: config.ConnectTimeout}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: legacyKeepalive, Timeout: 20 * time.Second}),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(eventCodec{encoding.GetCodecV2(encodingproto.Name)})),
	)
	return &LegacyClient{config: config, options: options}, nil
}

// shared is the part that reaching any server takes.
func (c LegacyConfig) shared() Config {
	return Config{TLS: c.TLS, Auth: c.Auth, Dialer: c.Dialer, ConnectTimeout: c.ConnectTimeout}
}

// ExecuteVtctl is LegacyClient.ExecuteVtctl over plain text, with the signature of the Vitess automation package.
func ExecuteVtctl(ctx context.Context, server string, args []string) (string, error) {
	l, err := NewLegacy(LegacyConfig{})
	if err != nil {
		return "", err
	}
	return l.ExecuteVtctl(ctx, LegacyCommand{Server: server, Args: args})
}

// ExecuteVtworker is LegacyClient.ExecuteVtworker over plain text, with the signature of the Vitess automation package.
func ExecuteVtworker(ctx context.Context, server string, args []string) (string, error) {
	l, err := NewLegacy(LegacyConfig{})
	if err != nil {
		return "", err
	}
	return l.ExecuteVtworker(ctx, LegacyCommand{Server: server, Args: args})
}
