package serve

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"shardform/internal/apply"
	"shardform/internal/state"
	"shardform/internal/tasks"
	"shardform/internal/vitess"
)

func TestOnlyLoopbackIsListenedOnWithoutCertificates(t *testing.T) {
	whole, half := &TLS{Cert: "c", Key: "k", ClientCA: "ca"}, &TLS{Cert: "c", Key: "k"}
	tests := []struct {
		name, address string
		tls           *TLS
		insecure      bool
		want          string // "" is allowed
	}{
		{"loopback", "127.0.0.1:0", nil, false, ""},
		{"loopback, version 6", "[::1]:0", nil, false, ""},
		{"another loopback", "127.8.8.8:1", nil, false, ""},
		{"every address", ":15400", nil, false, "there is no TLS"},
		{"every address by number", "0.0.0.0:15400", nil, false, "there is no TLS"},
		{"elsewhere", "192.0.2.1:15400", nil, false, "there is no TLS"},
		{"elsewhere, any client", "192.0.2.1:15400", half, false, "clients need no certificate"},
		{"elsewhere, known clients", "192.0.2.1:15400", whole, false, ""},
		{"elsewhere, spelled out", "192.0.2.1:15400", nil, true, ""},
		{"a name that nobody knows", "nosuch.invalid:1", nil, false, "its name cannot be resolved"},
		{"no port", "127.0.0.1", nil, false, "expected HOST:PORT"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := allowed(t.Context(), tt.address, tt.tls, tt.insecure)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestClientsShowACertificate(t *testing.T) {
	dir := t.TempDir()
	ca, stranger := newAuthority(t), newAuthority(t)
	ca.write(t, dir, "ca.pem")
	serverCert, serverKey := ca.issue(t, dir, "server")
	clientCert, clientKey := ca.issue(t, dir, "client")
	strangeCert, strangeKey := stranger.issue(t, dir, "stranger")
	store := state.OpenBolt(filepath.Join(dir, "shardform.db"), state.BoltOptions{})
	defer func() { _ = store.Close() }()
	scheduler, err := apply.NewScheduler(apply.SchedulerOptions{Store: store, Registry: tasks.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	if err := scheduler.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	server, err := New(scheduler, &TLS{Cert: serverCert, Key: serverKey, ClientCA: filepath.Join(dir, "ca.pem")})
	if err != nil {
		t.Fatal(err)
	}
	l, err := Listen(t.Context(), "127.0.0.1:0", nil, false)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- server.Serve(l, nil) }()
	defer func() {
		scheduler.ShutdownAndWait()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	for name, tt := range map[string]struct {
		tls *vitess.TLS
		let bool
	}{
		"known":    {&vitess.TLS{CA: filepath.Join(dir, "ca.pem"), Cert: clientCert, Key: clientKey}, true},
		"nameless": {&vitess.TLS{CA: filepath.Join(dir, "ca.pem")}, false},
		"stranger": {&vitess.TLS{CA: filepath.Join(dir, "ca.pem"), Cert: strangeCert, Key: strangeKey}, false},
		"in plain": {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := Dial(l.Addr().String(), tt.tls)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = client.Close() }()
			list, err := client.List(t.Context())
			if tt.let && (err != nil || len(list) != 0) || !tt.let && status.Code(errors.Unwrap(err)) != codes.Unavailable {
				t.Errorf("%v, %v", list, err)
			}
		})
	}
	for _, files := range []TLS{{Cert: "none", Key: serverKey}, {Cert: serverCert, Key: serverKey, ClientCA: "none"}, {Cert: serverCert, Key: serverKey, ClientCA: serverKey}} {
		if _, err := New(scheduler, &files); err == nil {
			t.Errorf("%+v was taken", files)
		}
	}
}

func TestLargeAnswersKeepToTheirRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pacer
		begun := time.Now()
		sent := 0
		for time.Since(begun) < 10*time.Second {
			if err := p.wait(t.Context(), 1<<20); err != nil {
				t.Fatal(err)
			}
			sent += 1 << 20
		}
		if most := 10*pacedRate + pacedBurst + 2<<20; sent > most || sent < 10*pacedRate {
			t.Errorf("%d bytes in ten seconds, at most %d", sent, most)
		}
		now := time.Now()
		if err := p.wait(t.Context(), unpaced); err != nil || time.Since(now) > 0 {
			t.Errorf("a small one waited %s, %v", time.Since(now), err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := p.wait(ctx, 100<<20); !errors.Is(err, context.Canceled) {
			t.Errorf("a client that is gone: %v", err)
		}
	})
}

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert, key}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) write(t *testing.T, dir, name string) {
	t.Helper()
	writePEM(t, filepath.Join(dir, name), "CERTIFICATE", a.cert.Raw)
}

func (a *authority) issue(t *testing.T, dir, name string) (cert, key string) {
	t.Helper()
	private := newKey(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &private.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	writePEM(t, cert, "CERTIFICATE", der)
	writePEM(t, key, "EC PRIVATE KEY", text)
	return cert, key
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
