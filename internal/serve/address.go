package serve

import (
	"context"
	"net"

	"shardform/internal/diag"
)

// allowed refuses an address that others than this machine's users may reach, unless they have to show a certificate or
// the user has spelled out that he wants it so: whoever reaches the service runs operations.
func allowed(ctx context.Context, address string, tls *TLS, insecure bool) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return &diag.Diagnostic{Severity: diag.Error, Summary: "cannot listen on " + address, Detail: "expected HOST:PORT: " + err.Error(),
			Hint: "for example --listen 127.0.0.1:15400", Cause: err}
	}
	if insecure || tls != nil && tls.ClientCA != "" {
		return nil
	}
	loopback, err := isLoopback(ctx, host)
	if err != nil {
		return &diag.Diagnostic{Severity: diag.Error, Summary: "cannot listen on " + address, Detail: "whether it is a loopback address cannot be told, as its name cannot be resolved: " + err.Error(),
			Hint: "give an address or a name that this machine knows, for example --listen 127.0.0.1:15400", Cause: err}
	}
	if loopback {
		return nil
	}
	have := "there is no TLS"
	if tls != nil {
		have = "there is TLS, but clients need no certificate"
	}
	return &diag.Diagnostic{Severity: diag.Error, Summary: "refusing to listen on " + address,
		Detail: "it is not a loopback address, and " + have + ": anybody who reaches it could run operations",
		Hint: "give --tls-cert, --tls-key and --tls-client-ca;\nor listen on 127.0.0.1;\n" +
			"or spell out --insecure, where the network lets in nobody else"}
}

// isLoopback reports whether every address of host is this machine's own. No host stands for all addresses. The error is
// that the name cannot be resolved.
func isLoopback(ctx context.Context, host string) (bool, error) {
	if host == "" {
		return false, nil
	}
	addresses, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	for _, a := range addresses {
		if !a.IP.IsLoopback() {
			return false, nil
		}
	}
	return len(addresses) > 0, err
}

func unlistenable(address string, err error) error {
	return &diag.Diagnostic{Severity: diag.Error, Summary: "cannot listen on " + address, Detail: err.Error(), Hint: "give another --listen HOST:PORT", Cause: err}
}
