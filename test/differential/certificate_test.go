package differential

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
)

// certificate issues a certificate and those above it.
func (p *plan) certificate(r role) (*certificate, error) {
	c := p.certificates[r]
	if c.made != nil {
		return c, nil
	}
	t := c.template
	if t.SerialNumber == nil {
		t.SerialNumber = p.serial()
	}
	if t.SubjectKeyId == nil {
		t.SubjectKeyId = keyIdentifier(c.key)
	}
	issuer, key := c, c.key
	parent := t
	if c.issuer != r {
		var err error
		if issuer, err = p.certificate(c.issuer); err != nil {
			return nil, err
		}
		parent, key = *issuer.made, issuer.key
	}
	if c.signedBy != nil {
		key = c.signedBy
	}
	parent.PublicKey = nil // otherwise CreateCertificate requires that it is the public half of key
	if c.parentEdit != nil {
		c.parentEdit(&parent)
	}
	der, err := x509.CreateCertificate(rand.Reader, &t, &parent, c.key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("making %s: %w", r, err)
	}
	if c.made, err = x509.ParseCertificate(der); err != nil {
		return nil, fmt.Errorf("reading %s back: %w", r, err)
	}
	c.der = der
	if c.contentEdit != nil {
		if c.der, err = signAgain(der, c.contentEdit, key); err != nil {
			return nil, fmt.Errorf("signing %s again: %w", r, err)
		}
	}
	if c.derEdit != nil {
		c.der = c.derEdit(c.der)
	}
	return c, nil
}

// signAgain changes the content of a certificate and signs it again with the same algorithm.
func signAgain(der []byte, edit func([]byte) []byte, key crypto.Signer) ([]byte, error) {
	var outer struct {
		Content   asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &outer); err != nil {
		return nil, err
	}
	content := edit(append([]byte(nil), outer.Content.FullBytes...))
	hash := crypto.SHA256 // the choice of crypto/x509
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		if key.Curve == elliptic.P384() {
			hash = crypto.SHA384
		}
	case ed25519.PrivateKey:
		hash = 0
	}
	signature, err := crypto.SignMessage(key, rand.Reader, content, hash)
	if err != nil {
		return nil, err
	}
	outer.Content = asn1.RawValue{FullBytes: content}
	outer.Signature = asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}
	return asn1.Marshal(outer)
}

func (p *plan) serial() *big.Int {
	octets := make([]byte, 16)
	for i := range octets {
		octets[i] = byte(p.Uint32())
	}
	octets[0] = octets[0]&0x7f | 0x40
	return new(big.Int).SetBytes(octets)
}

func keyIdentifier(key crypto.Signer) []byte {
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(spki)
	return sum[:20]
}
