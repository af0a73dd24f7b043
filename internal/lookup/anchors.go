package lookup

import (
	"crypto/x509"
	"errors"
	"fmt"

	"eic/internal/trust"
)

// Values of --trust-anchors other than a file name; see eic(8).
const (
	AnchorsAuto   = "auto"   // built-in anchors for trust.AmazonDomain, the system's for other domains
	AnchorsSystem = "system" // the system's anchors for every domain
)

// BuiltIn reports whether --trust-anchors=setting means the built-in trust anchors for
// the signer of a domain.
func BuiltIn(setting, domain string) bool {
	return setting == AnchorsAuto && domain == trust.AmazonDomain
}

// Anchors returns the trust anchors for the signer of a domain: the built-in ones if
// BuiltIn, or else the system's. It reads the system's anchors at each call; it is an
// error if they cannot be read or the list is empty. A setting that names a file is the
// caller's responsibility.
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

// refuseEmpty returns an error for a pool without anchors. crypto/x509 would only report
// an unknown authority.
func refuseEmpty(pool *x509.CertPool) error {
	if pool.Equal(x509.NewCertPool()) {
		return errors.New("the system has no trust anchors; install the package ca-certificates, or name a file of them with --trust-anchors")
	}
	return nil
}

// SystemStores returns the directories in which distributions keep the system's trust
// anchors, and the directories that links in them lead to. Anchors may read these, and
// SystemBundles.
func SystemStores() []string {
	return []string{
		"/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/usr/share/ca-certificates",
		"/usr/local/share/ca-certificates", "/var/lib/ca-certificates",
	}
}

// SystemBundles returns the files in which crypto/x509 looks for the system's trust
// anchors. Each may be a symbolic link to a file anywhere.
func SystemBundles() []string {
	return []string{
		"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
		"/etc/pki/tls/cacert.pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
	}
}
