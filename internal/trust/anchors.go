package trust

import (
	"bytes"
	"crypto/x509"
	"embed"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// rootFiles holds the roots of Amazon Trust Services and the Starfield root that
// cross-signs them, as in Mozilla's program and Debian's ca-certificates 20230311.
//
//go:embed roots/*.pem
var rootFiles embed.FS

// AmazonAnchors returns the roots of Amazon Trust Services: Amazon Root CA 1 to 4 and
// Starfield Services Root Certificate Authority - G2. The signer in the amazonaws.com
// partitions must chain to one of them. The roots are parsed at each call, since most
// runs need none.
func AmazonAnchors() *x509.CertPool {
	pool := x509.NewCertPool()
	for _, c := range amazonRoots() {
		pool.AddCert(c)
	}
	return pool
}

func amazonRoots() []*x509.Certificate {
	entries, err := rootFiles.ReadDir("roots")
	if err != nil {
		panic("trust: embedded roots: " + err.Error())
	}
	var roots []*x509.Certificate
	for _, entry := range entries {
		text, err := rootFiles.ReadFile("roots/" + entry.Name())
		if err != nil {
			panic("trust: embedded root: " + err.Error())
		}
		certificates, err := parseCertificates(text)
		if err != nil {
			panic("trust: embedded root " + entry.Name() + ": " + err.Error())
		}
		roots = append(roots, certificates...)
	}
	return roots
}

// ParseAnchors parses trust anchors from a PEM file, which must have at least one
// certificate. Text between PEM blocks is ignored, as in the bundles of Linux
// distributions. A block that is not a certificate, or that has headers, is an error.
func ParseAnchors(text []byte) (*x509.CertPool, error) {
	certificates, err := parseCertificates(text)
	if err != nil {
		return nil, err
	}
	if len(certificates) == 0 {
		return nil, errors.New("no certificate found, expected PEM blocks of type CERTIFICATE")
	}
	pool := x509.NewCertPool()
	for _, c := range certificates {
		pool.AddCert(c)
	}
	return pool, nil
}

// parseCertificates parses the certificates of a PEM text, in order. A certificate that
// cannot be parsed is an error.
func parseCertificates(text []byte) ([]*x509.Certificate, error) {
	blocks, err := parsePEM(text)
	if err != nil {
		return nil, err
	}
	certificates := make([]*x509.Certificate, len(blocks))
	for i, der := range blocks {
		if certificates[i], err = x509.ParseCertificate(der); err != nil {
			return nil, fmt.Errorf("parsing certificate %d: %w", i+1, err)
		}
	}
	return certificates, nil
}

// parsePEM returns the DER of each certificate block in a PEM text, in order. A block of
// another type or with headers is an error.
func parsePEM(text []byte) ([][]byte, error) {
	var blocks [][]byte
	for n := 1; ; n++ {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		if block.Type != "CERTIFICATE" || len(block.Headers) != 0 {
			return nil, fmt.Errorf("PEM block %d is %.60q, expected a CERTIFICATE without headers", n, block.Type)
		}
		if passed := text[:len(text)-len(rest)]; bytes.Count(passed, []byte("-----BEGIN")) != 1 {
			return nil, fmt.Errorf("the PEM block before block %d is malformed or cut short", n)
		}
		blocks = append(blocks, block.Bytes)
		text = rest
	}
	if i := bytes.Index(text, []byte("-----BEGIN")); i >= 0 {
		line, _, _ := strings.Cut(string(text[i:]), "\n")
		return nil, fmt.Errorf("the PEM block after certificate %d, %.60q, is malformed or cut short", len(blocks), line)
	}
	return blocks, nil
}
