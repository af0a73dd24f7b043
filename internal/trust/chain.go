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

// maxChain is the greatest number of certificates accepted from the metadata service. AWS
// serves three.
const maxChain = 10

// Bounds on RSA moduli, in bits. A smaller modulus can be factored. A larger one costs
// this machine much time for each verification, and an attacker none.
const (
	minRSA = 2048
	maxRSA = 8192
)

// ParseChain parses the body of signer-cert/: one to ten certificates in PEM, the
// signer's first. An issuer that crypto/x509 cannot parse is left out, because a path may
// not need it.
func ParseChain(text []byte) ([]*x509.Certificate, error) {
	certificates, _, err := parseChain(text)
	return certificates, err
}

// parseChain is ParseChain, and also says which certificates were left out and why.
func parseChain(text []byte) (certificates []*x509.Certificate, leftOut, err error) {
	blocks, err := parsePEM(text)
	if err != nil {
		return nil, nil, fmt.Errorf("parsing the signer's chain: %w", err)
	}
	switch n := len(blocks); {
	case n == 0:
		return nil, nil, errors.New("parsing the signer's chain: no certificate found, expected PEM")
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
			leftOut = errors.Join(leftOut, fmt.Errorf("ignoring certificate %d of the chain: %w", i+1, err))
		}
	}
	return certificates, leftOut, nil
}

// checkSignerKey accepts a key that the signature scheme can use: RSASSA-PSS with RSA.
func checkSignerKey(c *x509.Certificate) error {
	key, ok := c.PublicKey.(*rsa.PublicKey)
	if !ok {
		return fmt.Errorf("the signer's key is %s, expected RSA", c.PublicKeyAlgorithm)
	}
	return checkRSA(key)
}

func checkRSA(key *rsa.PublicKey) error {
	if bits := key.N.BitLen(); bits < minRSA || bits > maxRSA {
		return fmt.Errorf("RSA key has %d bits, expected %d to %d", bits, minRSA, maxRSA)
	}
	return nil
}

// usableKey reports whether a certificate's key may sign another certificate or an OCSP
// response: RSA within the bounds, or ECDSA on a curve of at least 256 bits.
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

// findPaths returns every path from the signer to an anchor that crypto/x509 accepts at
// the time now, shortest first. It returns at least one path or an error. An issuer with
// a weak key is left out, so that it cannot fail a path that does not need it.
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
