package lookup

import (
	"crypto/x509"
	"errors"
	"fmt"

	"eic/internal/trust"
)

// What --trust-anchors of eic(8) takes besides the name of a file.
const (
	AnchorsAuto   = "auto"   // the built-in ones for trust.AmazonDomain, and otherwise the system's
	AnchorsSystem = "system" // the system's, whatever the domain
)

// BuiltIn reports whether a setting of --trust-anchors means, for the signer of a
// domain, the trust anchors that are built into this program.
func BuiltIn(setting, domain string) bool {
	return setting == AnchorsAuto && domain == trust.AmazonDomain
}

// Anchors returns the trust anchors for the signer of a domain: the built-in ones if
// BuiltIn, and otherwise the system's. Those are read anew, and it is an error if they
// cannot be or if there are none. Anchors in a file of the administrator's are none of its
// business.
func Anchors(setting, domain string) (*x509.CertPool, error) {
	if BuiltIn(setting, domain) {
		return trust.AmazonAnchors(), nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("reading the system's trust anchors: %w", err)
	}
	if err := refuseEmpty(pool); err != nil {
		return nil, err
	}
	return pool, nil
}

// refuseEmpty says what crypto/x509 would only call an unknown authority.
func refuseEmpty(pool *x509.CertPool) error {
	if pool.Equal(x509.NewCertPool()) {
		return errors.New("the system has no trust anchors; install the package ca-certificates, or name a file of them with --trust-anchors")
	}
	return nil
}

// SystemStores returns the directories where distributions keep the system's trust
// anchors, together with the directories that links in them lead to. They are what
// Anchors may read, besides SystemBundles.
func SystemStores() []string {
	return []string{
		"/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/usr/share/ca-certificates",
		"/usr/local/share/ca-certificates", "/var/lib/ca-certificates",
	}
}

// SystemBundles returns the files in which crypto/x509 looks for the system's trust
// anchors. Each may be a link to anywhere.
func SystemBundles() []string {
	return []string{
		"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
		"/etc/pki/tls/cacert.pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
	}
}
