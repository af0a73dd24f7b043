package ca_test

import (
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/sim/ca"
)

// parse parses the certificates of a PEM text.
func parse(t *testing.T, text []byte) []*x509.Certificate {
	t.Helper()
	var certs []*x509.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return certs
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		require.NoError(t, err)
		certs = append(certs, cert)
	}
}

func TestServedChainIsSignerIntermediateAndCrossSignedRoot(t *testing.T) {
	var keys ca.Keys
	pki := build(t, &keys, ca.Good(signerName, time.Now()))
	anchors, err := keys.Anchors()
	require.NoError(t, err)
	chain := parse(t, pki.Chain)
	require.Len(t, chain, 3)
	signer, intermediate, cross := chain[0], chain[1], chain[2]

	require.Equal(t, signerName, signer.Subject.CommonName)
	require.Equal(t, pki.SignerKey.Public(), signer.PublicKey)
	require.NoError(t, signer.CheckSignatureFrom(intermediate))
	require.NoError(t, intermediate.CheckSignatureFrom(anchors.Root))
	require.NoError(t, intermediate.CheckSignatureFrom(cross))
	require.NoError(t, cross.CheckSignatureFrom(anchors.OlderRoot))
	require.Equal(t, anchors.Root.RawSubject, cross.RawSubject)
	require.Equal(t, anchors.Root.PublicKey, cross.PublicKey)
	require.NotEqual(t, anchors.Root.RawIssuer, cross.RawIssuer)
	require.Equal(t, 0, intermediate.MaxPathLen)
	require.True(t, intermediate.MaxPathLenZero)
}

func TestStaplesAreListedByUpperCaseSHA1InTheChainsOrder(t *testing.T) {
	var keys ca.Keys
	pki := build(t, &keys, ca.Good(signerName, time.Now()))
	var names []string
	for _, cert := range parse(t, pki.Chain) {
		names = append(names, ca.Fingerprint(cert))
	}
	require.Regexp(t, "^[0-9A-F]{40}$", names[0])
	require.Equal(t, strings.Join(names, "\n"), string(pki.Listing))
	require.Len(t, pki.Staples, 3)
	for name, text := range pki.Staples {
		require.Contains(t, names, name)
		for line := range strings.Lines(string(text)) {
			require.LessOrEqual(t, len(line), 77)
		}
	}
}

func TestPKIsOfOnePoolShareRootsAndKeysButNoSerials(t *testing.T) {
	var keys ca.Keys
	one := build(t, &keys, ca.Good(signerName, time.Now()))
	two := build(t, &keys, ca.Good(signerName, time.Now()))
	require.Equal(t, one.Certificates[ca.Root], two.Certificates[ca.Root])
	require.Equal(t, one.Certificates[ca.OlderRoot], two.Certificates[ca.OlderRoot])
	require.Equal(t, one.SignerKey, two.SignerKey)
	require.NotEqual(t, one.Certificates[ca.Signer].SerialNumber, two.Certificates[ca.Signer].SerialNumber)
}

func TestOnlyNeededCertificatesAreIssued(t *testing.T) {
	var keys ca.Keys
	pki := build(t, &keys, ca.Good(signerName, time.Now()))
	var made []ca.Role
	for role := range pki.Certificates {
		made = append(made, role)
	}
	slices.Sort(made)
	require.Equal(t, []ca.Role{ca.Cross, ca.Intermediate, ca.OlderRoot, ca.Root, ca.Signer}, made)
}

func TestUnservedStapleIsStillListed(t *testing.T) {
	var keys ca.Keys
	plan := ca.Good(signerName, time.Now())
	plan.Staples[0].Unserved = true
	pki := build(t, &keys, plan)
	require.Len(t, pki.Staples, 2)
	require.Equal(t, 2, strings.Count(string(pki.Listing), "\n"))
}

func TestBuildErrorNamesTheCertificate(t *testing.T) {
	var keys ca.Keys
	plan := ca.Good(signerName, time.Now())
	plan.Certificates[ca.Signer].Key.Kind = "abacus"
	_, err := plan.Build(&keys)
	require.ErrorContains(t, err, `making the abacus key of signer: unknown kind of key "abacus"`)
}
