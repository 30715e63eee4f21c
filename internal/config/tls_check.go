package config

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"iter"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// pemFile is a file of a tls block; its name is "" if the block has none or a wrong one.
type pemFile struct {
	name string
	at   hcl.Range
	text []byte
}

// checkTLS checks that the files of a tls block can be used, as connecting does.
func (l *loader) checkTLS(ca, cert, key *pemFile) {
	if l.readPEM(ca) {
		l.certificate(ca)
	}
	certOK := l.readPEM(cert) && l.certificate(cert)
	keyOK := l.readPEM(key) && l.privateKey(key)
	if !certOK || !keyOK {
		return
	}
	if _, err := tls.X509KeyPair(cert.text, key.text); err != nil {
		l.errorAt(key.at, fmt.Sprintf("%s cannot be used as the key of %s", key.name, cert.name), strings.TrimPrefix(err.Error(), "tls: "), "")
	}
}

// readPEM reads a file that a tls block names.
func (l *loader) readPEM(f *pemFile) bool {
	if f.name == "" {
		return false
	}
	text, problem := readText(f.name)
	if problem != "" {
		l.errorAt(f.at, fmt.Sprintf("cannot read %s: %s", f.name, problem), "relative paths start at the directory of the plan file", "")
		return false
	}
	f.text = []byte(text)
	return true
}

// certificate reports whether a file has a certificate that can be read.
func (l *loader) certificate(f *pemFile) bool {
	problem := "expected PEM: -----BEGIN CERTIFICATE-----"
	for block := range pemBlocks(f.text) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		_, err := x509.ParseCertificate(block.Bytes)
		if err == nil {
			return true
		}
		problem = err.Error()
	}
	l.errorAt(f.at, fmt.Sprintf("%s has no certificate that can be used", f.name), problem, "")
	return false
}

// privateKey reports whether a file has a private key. Only with its certificate it can be judged.
func (l *loader) privateKey(f *pemFile) bool {
	for block := range pemBlocks(f.text) {
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return true
		}
	}
	l.errorAt(f.at, fmt.Sprintf("%s has no private key", f.name), "expected PEM: -----BEGIN PRIVATE KEY-----", "")
	return false
}

func pemBlocks(text []byte) iter.Seq[*pem.Block] {
	return func(yield func(*pem.Block) bool) {
		for block, rest := pem.Decode(text); block != nil && yield(block); block, rest = pem.Decode(rest) {
		}
	}
}
