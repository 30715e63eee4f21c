package serve

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"google.golang.org/grpc/credentials"

	"shardform/internal/diag"
)

// TLS has the names of a server's PEM files.
type TLS struct {
	Cert, Key string
	// ClientCA is what the certificates of clients have to be signed by; "" asks for none.
	ClientCA string
}

// NewTLS is nil if no file is named.
func NewTLS(cert, key, clientCA string) (*TLS, error) {
	switch {
	case cert == "" && key == "" && clientCA == "":
		return nil, nil
	case cert == "" || key == "":
		return nil, &diag.Diagnostic{Severity: diag.Error, Summary: "TLS needs both --tls-cert and --tls-key", Detail: fmt.Sprintf("--tls-cert is %q, --tls-key is %q", cert, key)}
	}
	return &TLS{Cert: cert, Key: key, ClientCA: clientCA}, nil
}

func (t *TLS) credentials() (credentials.TransportCredentials, error) {
	pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		return nil, unusable("the certificate "+t.Cert+" with the key "+t.Key, err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	if t.ClientCA != "" {
		pem, err := os.ReadFile(t.ClientCA)
		if err != nil {
			return nil, unusable("the CA certificate "+t.ClientCA, err)
		}
		config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, unusable("the CA certificate "+t.ClientCA, errors.New("no PEM certificate in the file"))
		}
	}
	return credentials.NewTLS(config), nil
}

func unusable(what string, err error) error {
	return &diag.Diagnostic{Severity: diag.Error, Summary: "cannot use " + what, Detail: err.Error(), Hint: "check the path, and that the file is PEM", Cause: err}
}
