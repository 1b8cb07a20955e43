package intercom

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
)

// Untrusted is a host whose certificate is not good. No waiting mends that, so that the call is not repeated.
const Untrusted Kind = "untrusted host"

// isUntrusted tells a certificate that was refused from a handshake that only broke off.
func isUntrusted(err error) bool {
	_, refused := errors.AsType[*tls.CertificateVerificationError](err)
	return refused
}

// adviseOnCertificate adds what the user can do about a refused certificate.
func adviseOnCertificate(err error) error {
	const clock = "check this machine's clock; if it is right, the host's certificate has to be renewed"
	const proxy = "if a proxy on the way inspects TLS, make its root certificate known to this machine, or name it in SSL_CERT_FILE"
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return fmt.Errorf("%w: %s", err, clock)
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return fmt.Errorf("%w: check base_url, and that no proxy stands in between", err)
	}
	return fmt.Errorf("%w: %s", err, proxy)
}
