package sim_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"eic/internal/sim"
	"eic/internal/sim/ca"
	"eic/test/openssl"
)

func write(t *testing.T, dir, name string, content []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
}

func area(name string) string {
	area, _, _ := strings.Cut(name, "=")
	return area
}

// OpenSSL, as an independent program, must refuse chains with a fault, except for the faults
// in unseen.
func TestOpenSSLRefusesFaultyChains(t *testing.T) {
	unseen := map[string]string{
		"signer=wrong-cn":             "openssl verify does not check names",
		"signer=wrong-region":         "openssl verify does not check names",
		"signer=wrong-domain":         "openssl verify does not check names",
		"signer=suffix-cn":            "openssl verify does not check names",
		"signer=nul-cn":               "openssl verify does not check names",
		"signer=uppercase-cn":         "openssl verify does not check names",
		"signer=cn-differs-san-right": "openssl verify does not check names",
		"signer=two-cns":              "openssl verify does not check names",
		"signer=no-cn-wildcard-san":   "openssl verify does not check names",
		"signer=no-name":              "openssl verify does not check names",
		"signer=ec-key":               "a valid key, but not RSA",
		"signer=ed25519-key":          "a valid key, but not RSA",
		"chain=leaf-not-first":        "openssl verifies the first certificate, the intermediate, whose path is good",
		"chain=private-key-block":     "openssl ignores other PEM blocks",
		"chain=bad-der":               "openssl skips malformed certificates",
		"chain=trailing-data":         "openssl ignores octets after the certificate",
	}
	var keys ca.Keys
	for _, fault := range sim.Faults() {
		if area(fault.Name) != "signer" && area(fault.Name) != "chain" {
			continue
		}
		t.Run(fault.Name, func(t *testing.T) {
			s := start(t, sim.Options{Keys: &keys, Faults: []string{fault.Name}})
			dir := t.TempDir()
			write(t, dir, "root.pem", s.Roots)
			write(t, dir, "chain.pem", []byte(newReader(t, s).chain(t)))
			out, verified := openssl.Run(t, dir, "verify", "-x509_strict", "-auth_level", "2", "-CAfile", "root.pem", "-no-CApath",
				"-untrusted", "chain.pem", "chain.pem")
			_, ok := unseen[fault.Name]
			require.Equal(t, ok || fault.Expect == sim.Printed, verified, out)
		})
	}
}

// OpenSSL, as an independent program, must refuse staples of the signer and the intermediate
// with a fault, except for the faults in unseen.
func TestOpenSSLRefusesFaultyStaples(t *testing.T) {
	unseen := map[string]string{
		"ocsp=no-next-update":     "without nextUpdate, openssl accepts any age",
		"ocsp=critical-extension": "openssl ignores the extensions of a status",
		"ocsp=two-responses":      "openssl uses the first of two statuses",
		"ocsp=trailing-data":      "openssl ignores octets after the response",
		"ocsp=sha1-signature":     "openssl accepts SHA-1",
		"ocsp=revoked-plus-good":  "the test asks openssl about each staple, and one is good",
		"ocsp=many":               "the test asks openssl about each staple, and the good ones are listed too",
	}
	var keys ca.Keys
	for _, fault := range sim.Faults() {
		if area(fault.Name) != "ocsp" {
			continue
		}
		t.Run(fault.Name, func(t *testing.T) {
			s := start(t, sim.Options{Keys: &keys, Faults: []string{fault.Name}})
			chain := certificates(newReader(t, s).chain(t))
			root := certificates(string(s.Roots))[0]
			good := saysGood(t, s, chain[0], chain[1]) && saysGood(t, s, chain[1], root)
			_, ok := unseen[fault.Name]
			require.Equal(t, ok || fault.Expect == sim.Printed, good)
		})
	}
}

// saysGood reports whether openssl finds a staple that says good for a certificate.
func saysGood(t *testing.T, s *sim.Sim, cert, issuer *x509.Certificate) bool {
	t.Helper()
	r := newReader(t, s)
	dir := t.TempDir()
	write(t, dir, "root.pem", s.Roots)
	write(t, dir, "chain.pem", []byte(r.chain(t)))
	write(t, dir, "cert.pem", openssl.PEM(cert))
	write(t, dir, "issuer.pem", openssl.PEM(issuer))
	for _, staple := range r.staples(t) {
		der, err := base64.StdEncoding.DecodeString(staple.text)
		if err != nil || staple.status != 200 {
			continue
		}
		write(t, dir, "staple.der", der)
		for _, hash := range []string{"-sha1", "-sha256"} {
			out, ok := openssl.Run(t, dir, "ocsp", "-respin", "staple.der", "-issuer", "issuer.pem", hash, "-cert", "cert.pem",
				"-CAfile", "root.pem", "-no-CApath", "-verify_other", "chain.pem")
			if ok && strings.Contains(out, "Response verify OK") && strings.Contains(out, "cert.pem: good") &&
				!strings.Contains(out, "Status times invalid") {
				return true
			}
		}
	}
	return false
}

func TestOpenSSLVerifiesTheSignatureOfAGoodBlock(t *testing.T) {
	s := start(t, sim.Options{})
	r := newReader(t, s)
	lines := strings.SplitAfter(r.document(t), "\n")
	require.Equal(t, pushedKey+"\n", lines[4])
	raw, err := base64.StdEncoding.DecodeString(strings.Join(lines[5:], ""))
	require.NoError(t, err)

	dir := t.TempDir()
	write(t, dir, "text", []byte(strings.Join(lines[:5], "")))
	write(t, dir, "signature", raw)
	write(t, dir, "chain.pem", []byte(r.chain(t)))
	public, ok := openssl.Run(t, dir, "x509", "-in", "chain.pem", "-pubkey", "-noout")
	require.True(t, ok, public)
	write(t, dir, "public.pem", []byte(public))
	dgst := func() (string, bool) {
		return openssl.Run(t, dir, "dgst", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32",
			"-sigopt", "rsa_mgf1_md:sha256", "-verify", "public.pem", "-signature", "signature", "text")
	}
	out, ok := dgst()
	require.True(t, ok, out)
	write(t, dir, "signature", append(bytes.Clone(raw[:len(raw)-1]), raw[len(raw)-1]^1))
	out, ok = dgst()
	require.False(t, ok, out)
}
