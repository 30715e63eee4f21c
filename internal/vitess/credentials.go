package vitess

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"shardform/internal/diag"
)

// TLS has file names of PEM files. Any of them may be empty.
type TLS struct {
	CA         string // what the server's certificate has to be signed by; "": what the system trusts
	Cert, Key  string // the client's own, for servers that ask for one
	ServerName string // name in the server's certificate, if it is not the host of the address
}

// Auth is Vitess's static authentication: name and password go as metadata with every RPC. They are sent over plain
// text too if there is no TLS, as vtctldclient does it; so configure both or keep to loopback.
type Auth struct {
	Username, Password string
}

// GetRequestMetadata gives gRPC the metadata that vtctld's static authentication reads.
func (a *Auth) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"username": a.Username, "password": a.Password}, nil
}

// RequireTransportSecurity is false: see Auth.
func (a *Auth) RequireTransportSecurity() bool { return false }

const (
	// maxSend is what a vtctld takes by default (--grpc-max-message-size).
	maxSend = 16 << 20
	// maxReceive is above it, for servers that were set to send more: keyspaces with thousands of streams do.
	maxReceive = 256 << 20
)

func dialOptions(config Config) ([]grpc.DialOption, error) {
	transport := insecure.NewCredentials()
	if config.TLS != nil {
		var err error
		if transport, err = config.TLS.Credentials(); err != nil {
			return nil, err
		}
	}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithDefaultCallOptions(grpc.MaxCallSendMsgSize(maxSend), grpc.MaxCallRecvMsgSize(maxReceive)),
		// Only during calls, and seldom: servers hang up on clients that ping more often than they like (10 s by
		// default). It finds peers that are gone within a minute, where a switch waits longer than that.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 20 * time.Second}),
		grpc.WithDisableServiceConfig(), // nobody but us decides about retries
		grpc.WithDisableRetry(),
	}
	if config.Auth != nil {
		options = append(options, grpc.WithPerRPCCredentials(config.Auth))
	}
	if config.Dialer != nil {
		options = append(options, grpc.WithContextDialer(config.Dialer))
	}
	return options, nil
}

// Credentials reads the files. The errors are diagnostics that name the one that cannot be used.
func (t *TLS) Credentials() (credentials.TransportCredentials, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, unusable("CA certificate", t.CA, err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, unusable("CA certificate", t.CA, fmt.Errorf("no PEM certificate in the file"))
		}
	}
	if (t.Cert == "") != (t.Key == "") {
		return nil, &diag.Diagnostic{Severity: diag.Error, Summary: "a TLS client certificate needs both cert and key",
			Detail: fmt.Sprintf("cert is %q, key is %q", t.Cert, t.Key), Hint: "give both, or neither if the server asks for none"}
	}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, unusable("TLS client certificate", t.Cert, err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return credentials.NewTLS(conf), nil
}

func unusable(what, file string, err error) error {
	return &diag.Diagnostic{Severity: diag.Error, Summary: fmt.Sprintf("cannot use %s %s", what, file), Detail: err.Error(),
		Hint: "check the path (relative ones start at the folder of the plan file) and that the file is PEM", Cause: err}
}
