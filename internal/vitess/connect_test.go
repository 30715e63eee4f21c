package vitess

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	vtctlservicepb "vitess.io/vitess/go/vt/proto/vtctlservice"

	"shardform/internal/diag"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// closedPort is an address where nobody listens.
func closedPort(t *testing.T) string {
	l := listen(t)
	l.Close()
	return l.Addr().String()
}

func complaint(t *testing.T, err error) *diag.Diagnostic {
	t.Helper()
	var d *diag.Diagnostic
	if !errors.As(err, &d) {
		t.Fatalf("error %v is no diagnostic", err)
	}
	return d
}

func TestAddressesAreTriedInTurn(t *testing.T) {
	f := &fakeVtctld{}
	l := listen(t)
	f.serve(t, l)
	c, err := Dial(t.Context(), Config{Addresses: []string{closedPort(t), l.Addr().String()}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Keyspaces(t.Context()); err != nil {
		t.Errorf("keyspaces: %v", err)
	}
}

func TestNoServerNamesEveryAddressAndWhy(t *testing.T) {
	refused := closedPort(t)
	silent := listen(t) // accepts by its backlog and never says a word
	stranger := listen(t)
	server := grpc.NewServer()
	go server.Serve(stranger)
	t.Cleanup(server.Stop)
	locked := listen(t)
	(&fakeVtctld{answer: func(context.Context, string, int, proto.Message) (proto.Message, error) {
		return nil, status.Error(codes.PermissionDenied, "auth failure: caller \"me\" provided invalid credentials")
	}}).serve(t, locked)

	c, err := Dial(t.Context(), Config{
		Addresses: []string{refused, silent.Addr().String(), stranger.Addr().String(), locked.Addr().String()},
		Auth:      &Auth{Username: "me", Password: "secret"}, ConnectTimeout: 300 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Keyspaces(t.Context())
	d := complaint(t, err)
	if !d.Temporary {
		t.Error("not temporary, though one server may come back")
	}
	lines := strings.Split(d.Detail, "\n")
	for i, want := range []string{
		refused + ": unreachable: dial tcp " + refused + ": connect: connection refused",
		silent.Addr().String() + ": no answer within 300ms",
		stranger.Addr().String() + ": answers, but is no vtctld",
		locked.Addr().String() + `: refused user "me": auth failure`,
	} {
		if i >= len(lines) || !strings.HasPrefix(lines[i], want) {
			t.Errorf("line %d of %q does not begin with %q", i, d.Detail, want)
		}
	}
	if strings.Contains(d.Detail, "secret") {
		t.Error("the complaint has the password")
	}
}

// answering takes connections and lets answer have each until it returns.
func answering(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	l := listen(t)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				answer(conn)
				conn.Close()
			}()
		}
	}()
	return l.Addr().String()
}

func TestWhatIsNoGRPCServerIsRecognised(t *testing.T) {
	read := func(conn net.Conn) { _, _ = conn.Read(make([]byte, 24)) }
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	ended := make(chan struct{})
	t.Cleanup(func() { close(ended) })
	for name, c := range map[string]struct {
		address, want string
		temporary     bool
	}{
		"a web port":      {web.Listener.Addr().String(), "answers in plain HTTP, not in gRPC: this is a web port; give the gRPC port", false},
		"another web":     {answering(t, func(conn net.Conn) { read(conn); fmt.Fprint(conn, "HTTP/1.1 400 Bad Request\r\n\r\n") }), "answers in plain HTTP", false},
		"MySQL":           {answering(t, func(conn net.Conn) { read(conn); fmt.Fprint(conn, "J\x00\x00\x00\x0a8.0.30\x00") }), "answers, but not in gRPC", false},
		"silent":          {answering(t, func(net.Conn) { <-ended }), "silent for 200ms", true},
		"hangs up":        {answering(t, read), "hung up at once: it may want TLS", true},
		"without a name":  {"nosuch.invalid:1", "its name cannot be resolved: ", true},
		"nobody is there": {closedPort(t), "unreachable", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var dialer func(context.Context, string) (net.Conn, error)
			if strings.HasPrefix(c.address, "nosuch") {
				dialer = func(context.Context, string) (net.Conn, error) {
					return nil, &net.DNSError{Err: "no such host", Name: "nosuch.invalid", IsNotFound: true}
				}
			}
			client, err := Dial(t.Context(), Config{Addresses: []string{c.address}, ConnectTimeout: 10 * time.Second, Dialer: dialer})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if name != "silent" { // there it is the call that ends first
				if d := complaint(t, connect(t, client)); !strings.Contains(d.Detail, c.want) || d.Temporary != c.temporary {
					t.Errorf("a vtctld: temporary %v, %q", d.Temporary, d.Detail)
				}
			}
			legacy, err := NewLegacy(LegacyConfig{ConnectTimeout: 200 * time.Millisecond, Dialer: dialer})
			if err != nil {
				t.Fatal(err)
			}
			_, err = legacy.ExecuteVtctl(t.Context(), LegacyCommand{Server: c.address, Args: []string{"GetKeyspaces"}})
			if d := complaint(t, err); !strings.Contains(d.Detail, c.want) || d.Temporary != c.temporary {
				t.Errorf("a legacy vtctld: temporary %v, %q", d.Temporary, d.Detail)
			}
		})
	}
}

func TestRefusedForGoodIsNotTemporary(t *testing.T) {
	l := listen(t)
	(&fakeVtctld{answer: func(context.Context, string, int, proto.Message) (proto.Message, error) {
		return nil, status.Error(codes.Unauthenticated, "username and password must be provided")
	}}).serve(t, l)
	c, err := Dial(t.Context(), Config{Addresses: []string{l.Addr().String()}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	d := complaint(t, connect(t, c))
	if d.Temporary || !strings.Contains(d.Detail, "asks for credentials, and no auth is configured") {
		t.Errorf("temporary = %v, detail = %q", d.Temporary, d.Detail)
	}
}

func TestCredentialsGoWithEveryCall(t *testing.T) {
	f := &fakeVtctld{}
	c := dialFake(t, f, func(c *Config) { c.Auth = &Auth{Username: "me", Password: "secret"} })
	if _, err := c.Keyspaces(t.Context()); err != nil {
		t.Fatal(err)
	}
	if strings.Join(f.auth, " ") != "me:secret me:secret" {
		t.Errorf("credentials seen: %v", f.auth)
	}
}

func TestBrokenConnectionIsReplaced(t *testing.T) {
	first, second := listen(t), listen(t)
	server := grpc.NewServer(grpc.UnaryInterceptor((&fakeVtctld{}).intercept))
	vtctlservicepb.RegisterVtctldServer(server, vtctld{})
	go server.Serve(first)
	f := &fakeVtctld{}
	f.serve(t, second)
	c, err := Dial(t.Context(), Config{Addresses: []string{first.Addr().String(), second.Addr().String()}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := connect(t, c); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	// The first call may still find the old connection; then the other address gets its turn.
	if _, err := c.Keyspaces(t.Context()); err != nil && !diag.IsTemporary(err) {
		t.Errorf("the call that met the broken connection: %v", err)
	}
	if _, err := c.Keyspaces(t.Context()); err != nil {
		t.Errorf("the next call: %v", err)
	}
	if len(f.requestsOf("GetKeyspaces")) == 0 {
		t.Error("the second server was not asked")
	}
}

func TestConfigurationIsCheckedBeforeConnecting(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		config Config
		want   string
	}{
		"no address":  {Config{}, "no vtctld address is configured"},
		"no port":     {Config{Addresses: []string{"localhost"}}, `vtctld address "localhost" is not HOST:PORT`},
		"absent CA":   {Config{Addresses: []string{"localhost:1"}, TLS: &TLS{CA: filepath.Join(dir, "no.pem")}}, "cannot use CA certificate " + filepath.Join(dir, "no.pem")},
		"empty CA":    {Config{Addresses: []string{"localhost:1"}, TLS: &TLS{CA: empty}}, "cannot use CA certificate " + empty},
		"cert no key": {Config{Addresses: []string{"localhost:1"}, TLS: &TLS{Cert: empty}}, "a TLS client certificate needs both cert and key"},
	} {
		_, err := Dial(t.Context(), c.config)
		if d := complaint(t, err); d.Summary != c.want {
			t.Errorf("%s: %q, want %q", name, d.Summary, c.want)
		}
	}
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	ca, key := certificate(t, dir, "ca", nil, nil)
	certificate(t, dir, "server", ca, key)
	certificate(t, dir, "client", ca, key)
	certificate(t, dir, "stranger", nil, nil)
	file := func(name string) string { return filepath.Join(dir, name+".pem") }
	pair, err := tls.LoadX509KeyPair(file("server"), filepath.Join(dir, "server.key"))
	if err != nil {
		t.Fatal(err)
	}
	clients := x509.NewCertPool()
	clients.AddCert(ca)
	f := &fakeVtctld{}
	l, plain := listen(t), listen(t)
	f.serve(t, l, grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients})))
	(&fakeVtctld{}).serve(t, plain)
	mine := func(ca string) *TLS {
		return &TLS{CA: file(ca), Cert: file("client"), Key: filepath.Join(dir, "client.key"), ServerName: "vtctld"}
	}
	other := mine("ca")
	other.ServerName = "elsewhere"
	for name, c := range map[string]struct {
		address string
		tls     *TLS
		want    string // in the detail; "": it works
	}{
		"trusted":               {l.Addr().String(), mine("ca"), ""},
		"signed by someone":     {l.Addr().String(), mine("stranger"), "TLS handshake failed: "},
		"another name":          {l.Addr().String(), other, "TLS handshake failed: "},
		"no client certificate": {l.Addr().String(), &TLS{CA: file("ca"), ServerName: "vtctld"}, l.Addr().String()}, // the server may hang up before it has said why
		"TLS to plain text":     {plain.Addr().String(), mine("ca"), "TLS handshake failed: "},
		"plain text to TLS":     {l.Addr().String(), nil, "it may want TLS"},
	} {
		client, err := Dial(t.Context(), Config{Addresses: []string{c.address}, TLS: c.tls})
		if err != nil {
			t.Fatal(err)
		}
		err = connect(t, client)
		client.Close()
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if d := complaint(t, err); !strings.Contains(d.Detail, c.want) {
			t.Errorf("%s: detail %q lacks %q", name, d.Detail, c.want)
		}
	}
}

// certificate writes NAME.pem and NAME.key, signed by the CA or by itself. Its DNS name is vtctld.
func certificate(t *testing.T, dir, name string, ca *x509.Certificate, caKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"vtctld"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: ca == nil, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := ca, caKey
	if ca == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		name + ".pem": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "EC PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return parsed, key
}

// connect only makes sure that a vtctld answers, as the first call of a client does.
func connect(t *testing.T, c *Client) error {
	t.Helper()
	l, err := c.connected(t.Context())
	if err == nil {
		c.release(l, nil)
	}
	return err
}
