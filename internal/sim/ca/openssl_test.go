package ca_test

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ocsp"

	"eic/internal/sim/ca"
	"eic/test/openssl"
)

const signerName = "managed-ssh-signer.us-east-1.amazonaws.com"

func write(t *testing.T, dir, name string, content []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
}

func build(t *testing.T, keys *ca.Keys, plan *ca.Plan) *ca.PKI {
	t.Helper()
	pki, err := plan.Build(keys)
	require.NoError(t, err)
	return pki
}

func TestOpenSSLAcceptsTheGoodChainBelowEitherRoot(t *testing.T) {
	var keys ca.Keys
	pki := build(t, &keys, ca.Good(signerName, time.Now()))
	anchors, err := keys.Anchors()
	require.NoError(t, err)
	for name, root := range map[string][]byte{
		"newer root": openssl.PEM(anchors.Root),
		"older root": openssl.PEM(anchors.OlderRoot),
		"both":       anchors.PEM(),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "root.pem", root)
			write(t, dir, "chain.pem", pki.Chain)
			out, ok := openssl.Run(t, dir, "verify", "-x509_strict", "-CAfile", "root.pem", "-no-CApath",
				"-untrusted", "chain.pem", "-verify_hostname", signerName, "chain.pem")
			require.True(t, ok, out)
		})
	}
}

// ocspVerdict returns openssl's verdict on the staple of a certificate that issuer
// issued.
func ocspVerdict(t *testing.T, keys *ca.Keys, pki *ca.PKI, about, issuer ca.Role) (string, bool) {
	t.Helper()
	anchors, err := keys.Anchors()
	require.NoError(t, err)
	dir := t.TempDir()
	text := pki.Staples[ca.Fingerprint(pki.Certificates[about])]
	der, err := base64.StdEncoding.DecodeString(string(bytes.ReplaceAll(text, []byte("\n"), nil)))
	require.NoError(t, err)
	write(t, dir, "root.pem", anchors.PEM())
	write(t, dir, "chain.pem", pki.Chain)
	write(t, dir, "issuer.pem", openssl.PEM(pki.Certificates[issuer]))
	write(t, dir, "cert.pem", openssl.PEM(pki.Certificates[about]))
	write(t, dir, "staple.der", der)
	return openssl.Run(t, dir, "ocsp", "-respin", "staple.der", "-issuer", "issuer.pem", "-cert", "cert.pem",
		"-CAfile", "root.pem", "-no-CApath", "-verify_other", "chain.pem")
}

func TestOpenSSLAcceptsTheGoodStaples(t *testing.T) {
	var keys ca.Keys
	pki := build(t, &keys, ca.Good(signerName, time.Now()))
	for about, issuer := range map[ca.Role]ca.Role{
		ca.Signer: ca.Intermediate, ca.Intermediate: ca.Root, ca.Cross: ca.OlderRoot,
	} {
		t.Run(string(about), func(t *testing.T) {
			out, ok := ocspVerdict(t, &keys, pki, about, issuer)
			require.True(t, ok, out)
			require.Contains(t, out, "Response verify OK")
			require.Contains(t, out, "cert.pem: good")
		})
	}
}

func TestOpenSSLGivesTheExpectedStatusOfFaultyStaples(t *testing.T) {
	var keys ca.Keys
	for _, c := range []struct {
		name, says string
		edit       func(*ca.Plan)
	}{
		{"status revoked", "cert.pem: revoked", func(p *ca.Plan) { p.Staples[0].Status = ocsp.Revoked }},
		{"status unknown", "cert.pem: unknown", func(p *ca.Plan) { p.Staples[0].Status = ocsp.Unknown }},
		{"good, then revoked, in one response", "cert.pem: good", func(p *ca.Plan) {
			second := *p.Staples[0]
			second.Status = ocsp.Revoked
			p.Staples[0].Second = &second
		}},
		{"good for another certificate, then for this one, in one response", "cert.pem: good", func(p *ca.Plan) {
			second := *p.Staples[0]
			p.Staples[0].Second = &second
			p.Staples[0].IssuerName, p.Staples[0].IssuerKey = ca.Root, ca.Root
		}},
		{"expired", "Status times invalid", func(p *ca.Plan) {
			p.Staples[0].NextUpdate = p.Staples[0].ThisUpdate.Add(time.Second)
		}},
		{"not yet valid", "Status times invalid", func(p *ca.Plan) {
			p.Staples[0].ThisUpdate = time.Now().Add(time.Hour)
		}},
		{"authorized responder", "cert.pem: good", func(p *ca.Plan) {
			p.Staples[0].Responder, p.Staples[0].Embedded = ca.Delegate, true
		}},
		{"responder without OCSPSigning", "missing ocspsigning usage", func(p *ca.Plan) {
			p.Staples[0].Responder, p.Staples[0].Embedded = ca.Sibling, true
		}},
		{"signature with a flipped bit", "Response Verify Failure", func(p *ca.Plan) {
			p.Staples[0].EditDER = append(p.Staples[0].EditDER, func(der []byte) []byte {
				der[len(der)-1] ^= 1
				return der
			})
		}},
		{"issuerKeyHash of another CA", "No Status found", func(p *ca.Plan) {
			p.Staples[0].IssuerKey = ca.Root
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan := ca.Good(signerName, time.Now())
			c.edit(plan)
			out, _ := ocspVerdict(t, &keys, build(t, &keys, plan), ca.Signer, ca.Intermediate)
			require.Contains(t, out, c.says)
		})
	}
}
