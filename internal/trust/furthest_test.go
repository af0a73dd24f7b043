package trust

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// twoChains returns evidence with two paths: from the signer to one root, and through a
// cross-certificate for that root to another root. staple covers the cross-certificate.
func twoChains(t *testing.T, before func(w *world, cross *party)) (w *world, staple Staple) {
	t.Helper()
	w = newWorld()
	other, cross := newAuthority("other root"), newAuthority("root")
	cross.key = w.root.key
	before(w, cross)
	w.build(t)
	other.issuedBy(t, other)
	cross.issuedBy(t, other)
	w.anchors.AddCert(other.cert)
	w.evidence.Chain = append(w.evidence.Chain, toPEM(cross.cert)...)
	return w, staplesFor(t, w.middleStaple, cross, other, other)
}

func excludeSigner(p *party) {
	p.template.ExcludedDNSDomains = []string{testDomain}
	p.template.PermittedDNSDomainsCritical = true
}

func TestLongerPathIsAcceptedIfTheShortestFails(t *testing.T) {
	w, staple := twoChains(t, func(w *world, _ *party) { excludeSigner(w.root) })
	w.evidence.Staples = append(w.evidence.Staples, staple)
	signer, err := w.verify()
	require.NoError(t, err)
	require.Len(t, signer.Chain, 4)
}

// The error is about the path that passed the most checks.
func TestErrorIsAboutTheFurthestPath(t *testing.T) {
	for name, test := range map[string]struct {
		before func(w *world, cross *party)
		part   Part
		text   string
	}{
		"name constraints exclude the signer on both paths": {func(w *world, cross *party) {
			excludeSigner(w.root)
			excludeSigner(cross)
		}, PartPath, "verifying the signer certificate"},
		"both paths violate the profile, so the shorter is reported": {func(w *world, cross *party) {
			excludeSigner(w.root)
			cross.template.KeyUsage = 0
		}, PartPath, "constraints exclude the name"},
		"second path only lacks a staple": {func(w *world, _ *party) { excludeSigner(w.root) }, PartRevocation, `revocation status of "CN=root"`},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := twoChains(t, test.before)
			_, err := w.verify()
			var failure *Error
			require.ErrorAs(t, err, &failure)
			require.Equal(t, test.part, failure.Part)
			require.ErrorContains(t, err, test.text)
		})
	}
}

// The first issuer in the chain may lack a good staple, while a second issuer with the
// same name and key has one.
func TestLaterIssuerIsAcceptedIfTheFirstFails(t *testing.T) {
	w := newWorld()
	w.build(t)
	other, twin := newAuthority("other root"), newAuthority("middle")
	twin.key = w.middle.key
	other.issuedBy(t, other)
	twin.issuedBy(t, other)
	w.anchors.AddCert(other.cert)
	w.evidence.Chain = append(w.evidence.Chain, toPEM(twin.cert)...)
	w.evidence.Staples[1] = staplesFor(t, w.middleStaple, twin, other, other)
	signer, err := w.verify()
	require.NoError(t, err)
	require.Equal(t, twin.cert, signer.Chain[1])
}
