package intercom_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log" //nolint:depguard // to silence net/http
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"source-intercom/intercom"
)

// serveTLS starts a server that shows a certificate for 127.0.0.1 of that time, and returns what trusts it.
func serveTLS(t *testing.T, from, till time.Time) (*httptest.Server, *http.Transport) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "invented"}, NotBefore: from, NotAfter: till,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { ok(w) }))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	trusting := http.DefaultTransport.(*http.Transport).Clone()
	trusting.TLSClientConfig = &tls.Config{RootCAs: x509.NewCertPool()}
	trusting.TLSClientConfig.RootCAs.AddCert(certificate)
	return s, trusting
}

// TestCertificates: a certificate that is refused will be refused again, so that the call fails at once and says what to
// do. One that is good shows that the others are refused for the reason that they are named after.
func TestCertificates(t *testing.T) {
	now := time.Now()
	for name, test := range map[string]struct {
		from, till time.Time
		host       string // in the place of 127.0.0.1
		stranger   bool   // nobody knows who signed it
		want       []string
	}{
		"good":              {from: now.Add(-time.Hour), till: now.Add(time.Hour)},
		"expired":           {from: now.Add(-time.Hour), till: now.Add(-time.Minute), want: []string{"expired", "clock"}},
		"not yet valid":     {from: now.Add(time.Hour), till: now.Add(2 * time.Hour), want: []string{"not yet valid", "clock"}},
		"unknown authority": {from: now.Add(-time.Hour), till: now.Add(time.Hour), stranger: true, want: []string{"unknown authority", "SSL_CERT_FILE"}},
		"of another host":   {from: now.Add(-time.Hour), till: now.Add(time.Hour), host: "localhost", want: []string{"localhost", "base_url"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, trusting := serveTLS(t, test.from, test.till)
			cfg := intercom.Config{BaseURL: s.URL, Token: token, MaxRetry: time.Hour, Transport: trusting}
			if test.host != "" {
				cfg.BaseURL = strings.Replace(s.URL, "127.0.0.1", test.host, 1)
			}
			if test.stranger {
				cfg.Transport = nil
			}
			c := newClient(t, cfg)
			_, err := c.Do(t.Context(), get)
			if test.want == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if intercom.KindOf(err) != intercom.Untrusted || c.Stats().Requests != 1 {
				t.Fatalf("error %v after %d requests, want kind %q at once", err, c.Stats().Requests, intercom.Untrusted)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v does not speak of %q", err, want)
				}
			}
		})
	}
}

// hangingUp is a listener whose first connections end before a word is said.
type hangingUp struct {
	net.Listener
	left int
}

func (l *hangingUp) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil && l.left > 0 {
		l.left--
		_ = conn.Close()
	}
	return conn, err
}

// TestHandshakeThatBreaksOff is a trouble of the network, which passes.
func TestHandshakeThatBreaksOff(t *testing.T) {
	s, trusting := serveTLS(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	shaky := httptest.NewUnstartedServer(s.Config.Handler)
	shaky.TLS, shaky.Config.ErrorLog = s.TLS.Clone(), s.Config.ErrorLog
	shaky.Listener = &hangingUp{shaky.Listener, 2}
	shaky.StartTLS()
	defer shaky.Close()
	c := newClient(t, intercom.Config{BaseURL: shaky.URL, Token: token, MaxRetry: time.Hour, Transport: trusting})
	if _, err := c.Do(t.Context(), get); err != nil || c.Stats().Requests != 3 {
		t.Errorf("error %v after %d requests, want an answer to the third", err, c.Stats().Requests)
	}
}
