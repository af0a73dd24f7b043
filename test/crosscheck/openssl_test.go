// Package crosscheck judges chains, OCSP responses and signatures with the openssl
// program, and holds its judgement against that of internal/trust.
package crosscheck

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ocsp"

	"eic/test/openssl"
)

// OpenSSL is the openssl program, with a directory that is for the files that it
// reads and for nothing else. It is for one goroutine at a time.
type OpenSSL struct {
	Dir string
}

// VerifyChain has openssl-verify(1) check a chain in the profile of RFC 5280: from
// the first certificate, by way of those between, to the last, which alone is
// trusted.
func (o OpenSSL) VerifyChain(ctx context.Context, chain []*x509.Certificate) error {
	last := len(chain) - 1
	if err := o.write(map[string][]byte{
		"signer.pem":  openssl.PEM(chain[0]),
		"between.pem": openssl.PEM(chain[1:last]...),
		"anchor.pem":  openssl.PEM(chain[last]),
	}); err != nil {
		return err
	}
	args := []string{"verify", "-x509_strict", "-no-CApath", "-no-CAstore", "-CAfile", "anchor.pem"}
	if last > 1 { // openssl takes no empty file
		args = append(args, "-untrusted", "between.pem")
	}
	_, err := o.run(ctx, append(args, "signer.pem")...)
	return err
}

// VerifyStatus has openssl-ocsp(1) check that a response in DER says good, at this
// time, of the certificate at a place in a chain like VerifyChain's.
func (o OpenSSL) VerifyStatus(ctx context.Context, chain []*x509.Certificate, place int, response []byte) error {
	if err := o.write(map[string][]byte{
		"certificate.pem": openssl.PEM(chain[place]),
		"issuer.pem":      openssl.PEM(chain[place+1]),
		"chain.pem":       openssl.PEM(chain...),
		"anchor.pem":      openssl.PEM(chain[len(chain)-1]),
		"response.der":    response,
	}); err != nil {
		return err
	}
	out, err := o.run(ctx, "ocsp", "-respin", "response.der", "-issuer", "issuer.pem",
		identifierDigest(response), "-cert", "certificate.pem", "-verify_other", "chain.pem",
		"-no-CApath", "-no-CAstore", "-CAfile", "anchor.pem", "-no_nonce", "-validity_period", "0")
	if err != nil {
		return err
	}
	if !strings.Contains(out, "Response verify OK\n") || !strings.Contains(out, "certificate.pem: good\n") ||
		strings.Contains(out, "WARNING") {
		return errors.New("openssl ocsp: " + out)
	}
	return nil
}

// identifierDigest is the option that makes openssl look for a certificate by the
// digest that the response names it by. It finds it by no other.
func identifierDigest(response []byte) string {
	parsed, err := ocsp.ParseResponse(response, nil)
	if err == nil && parsed.IssuerHash == crypto.SHA256 {
		return "-sha256"
	}
	return "-sha1"
}

// VerifySignature has openssl-dgst(1) check an RSASSA-PSS signature with SHA-256 and
// a salt of 32 octets.
func (o OpenSSL) VerifySignature(ctx context.Context, key crypto.PublicKey, signed, signature []byte) error {
	spki, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return err
	}
	if err := o.write(map[string][]byte{
		"key.pem":   pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}),
		"signature": signature,
		"signed":    signed,
	}); err != nil {
		return err
	}
	_, err = o.run(ctx, "dgst", "-sha256", "-verify", "key.pem", "-signature", "signature",
		"-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32", "signed")
	return err
}

func (o OpenSSL) write(files map[string][]byte) error {
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(o.Dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// run returns everything that openssl printed, and an error with it where its status
// was not 0.
func (o OpenSSL) run(ctx context.Context, args ...string) (string, error) {
	says, ok, err := openssl.Ask(ctx, o.Dir, args...)
	if err == nil && !ok {
		err = fmt.Errorf("openssl %s: %s", args[0], says)
	}
	return says, err
}
