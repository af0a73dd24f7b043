package trust

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every bit of a staple matters: either the signature covers it, or DER allows only one
// value.
func TestFlippingAnyBitOfAStapleIsRefused(t *testing.T) {
	w := newWorld()
	w.responder = newResponder()
	w.responder.key = newRSA(2048) // RSA has algorithm parameters, which are flipped too
	w.build(t)
	_, err := w.verify()
	require.NoError(t, err)
	der, err := decodeBase64(w.evidence.Staples[0].Body)
	require.NoError(t, err)
	for i := range 8 * len(der) {
		flipped := bytes.Clone(der)
		flipped[i/8] ^= 1 << (i % 8)
		w.evidence.Staples[0].Body = encodeBase64(flipped)
		signer, err := w.verify()
		require.Error(t, err, "bit %d of byte %d, %#x", i%8, i/8, der[i/8])
		require.Nil(t, signer)
	}
}

// Every bit of the certificates below the anchor matters too.
func TestFlippingAnyBitOfACertificateIsRefused(t *testing.T) {
	w := newWorld()
	w.build(t)
	good := w.evidence.Chain
	certificates, err := ParseChain(good)
	require.NoError(t, err)
	for n, c := range certificates {
		der := bytes.Clone(c.Raw)
		for i := range 8 * len(der) {
			der[i/8] ^= 1 << (i % 8)
			changed := *c
			changed.Raw = der
			certificates[n] = &changed
			w.evidence.Chain = toPEM(certificates...)
			_, err := w.verify()
			require.Error(t, err, "certificate %d, bit %d of byte %d", n, i%8, i/8)
			der[i/8] ^= 1 << (i % 8)
		}
		certificates[n] = c
	}
}
