package trust

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"
)

// maxChain is the greatest number of certificates taken from the metadata
// service. It serves three.
const maxChain = 10

// Bounds on RSA moduli, in bits: below, they can be factored; above, each
// verification costs an attacker nothing and this machine a lot.
const (
	minRSA = 2048
	maxRSA = 8192
)

// ParseChain parses the answer of signer-cert: one to ten certificates in PEM,
// the signer's first. Of the others, one that crypto/x509 cannot read is left out: a path
// may do without it.
func ParseChain(text []byte) ([]*x509.Certificate, error) {
	certificates, _, err := parseChain(text)
	return certificates, err
}

// parseChain is ParseChain, and says why certificates were left out.
func parseChain(text []byte) (certificates []*x509.Certificate, leftOut, err error) {
	blocks, err := parsePEM(text)
	if err != nil {
		return nil, nil, fmt.Errorf("parsing the signer's chain: %w", err)
	}
	switch n := len(blocks); {
	case n == 0:
		return nil, nil, errors.New("parsing the signer's chain: no certificate in it, expected PEM")
	case n > maxChain:
		return nil, nil, fmt.Errorf("parsing the signer's chain: %d certificates, expected at most %d", n, maxChain)
	}
	for i, der := range blocks {
		c, err := x509.ParseCertificate(der)
		switch {
		case err == nil:
			certificates = append(certificates, c)
		case i == 0:
			return nil, nil, fmt.Errorf("parsing the signer's certificate: %w", err)
		default:
			leftOut = errors.Join(leftOut, fmt.Errorf("certificate %d of the chain was left out: %w", i+1, err))
		}
	}
	return certificates, leftOut, nil
}

// checkSignerKey demands what RSASSA-PSS with this program's parameters needs.
func checkSignerKey(c *x509.Certificate) error {
	key, ok := c.PublicKey.(*rsa.PublicKey)
	if !ok {
		return fmt.Errorf("the signer's key is %s, expected RSA", c.PublicKeyAlgorithm)
	}
	return checkRSA(key)
}

func checkRSA(key *rsa.PublicKey) error {
	if bits := key.N.BitLen(); bits < minRSA || bits > maxRSA {
		return fmt.Errorf("an RSA key has %d bits, expected %d to %d", bits, minRSA, maxRSA)
	}
	return nil
}

// usableKey reports whether a certificate's key is of a kind and size that may
// sign another certificate or an OCSP response.
func usableKey(c *x509.Certificate) bool {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return checkRSA(key) == nil
	case *ecdsa.PublicKey:
		return key.Curve.Params().BitSize >= 256
	default:
		return false
	}
}

// findPaths returns every path from the signer through issuers to an anchor that
// crypto/x509 accepts at the time now, the shortest first. There is at least one, or an
// error that says why not. Issuers with weak keys are left out rather than fatal: a chain
// may carry an issuer that this program has no use for.
func findPaths(signer *x509.Certificate, issuers []*x509.Certificate, anchors *x509.CertPool, now time.Time) ([][]*x509.Certificate, error) {
	pool := x509.NewCertPool()
	for _, c := range issuers {
		if usableKey(c) {
			pool.AddCert(c)
		}
	}
	paths, err := signer.Verify(x509.VerifyOptions{
		Roots:         anchors,
		Intermediates: pool,
		CurrentTime:   now,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(paths, func(a, b []*x509.Certificate) int { return len(a) - len(b) })
	return paths, nil
}
