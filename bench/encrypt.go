//go:build unix

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// front is what speaks TLS before a server, in this process, so that its work is not the connector's.
type front struct {
	server *http.Server
	env    []string // by which the connector trusts it
}

func (f *front) close() { _ = f.server.Close() }

// encrypt has the server be read by TLS from now on: its configuration names the front.
func (b *bench) encrypt(s *server) (*front, error) {
	base, _ := s.config["base_url"].(string)
	target, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	certificate, file, err := b.certificate()
	if err != nil {
		return nil, err
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	if err != nil {
		return nil, err
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 512}
	f := &front{server: &http.Server{Handler: proxy, ReadHeaderTimeout: time.Minute}, env: []string{"SSL_CERT_FILE=" + file}}
	go func() { _ = f.server.Serve(listener) }() // until it is closed
	s.config["base_url"] = "https://" + listener.Addr().String()
	return f, nil
}

// certificate makes one for 127.0.0.1, and the file that trusts it.
func (b *bench) certificate() (tls.Certificate, string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, "", err
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	file := filepath.Join(b.dir, "front.pem")
	err = errors.Join(err, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file, err
}
