package trust

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
)

// VerifySignature verifies signature over signed with the Signer's key. The scheme is
// RSASSA-PSS (RFC 8017 section 8.1) with SHA-256, MGF1 with SHA-256 and a salt of 32
// bytes. Any other parameters are refused.
func (s *Signer) VerifySignature(signed, signature []byte) error {
	key, ok := s.Chain[0].PublicKey.(*rsa.PublicKey)
	if !ok {
		return errors.New("the signer's key is not RSA")
	}
	digest := sha256.Sum256(signed)
	return rsa.VerifyPSS(key, crypto.SHA256, digest[:], signature, &rsa.PSSOptions{
		SaltLength: sha256.Size,
		Hash:       crypto.SHA256,
	})
}
