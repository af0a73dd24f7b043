package ca

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"
)

// PKI is the result of building a Plan.
type PKI struct {
	// Chain is the PEM text served as the signer's certificate chain.
	Chain []byte
	// Listing is the served list of the staples' names.
	Listing []byte
	// Staples are the served texts, by name.
	Staples map[string][]byte
	// SignerKey is the key of the certificate with the role Signer.
	SignerKey crypto.Signer
	// Certificates are all certificates that were issued.
	Certificates map[Role]*x509.Certificate
}

// Anchors are the two roots that a client must trust. The served chain leads to each of
// them.
type Anchors struct {
	Root, OlderRoot *x509.Certificate
}

// PEM returns both roots as PEM text.
func (a Anchors) PEM() []byte {
	return append(encode(a.Root), encode(a.OlderRoot)...)
}

// Anchors returns the roots of every PKI that is built with the pool. It generates them
// at the first call.
func (ks *Keys) Anchors() (Anchors, error) {
	ks.mu.Lock()
	made := ks.anchors
	ks.mu.Unlock()
	if made != nil {
		return *made, nil
	}
	b := builder{keys: ks, plan: Good("", time.Now()), made: make(map[Role]*x509.Certificate)}
	root, err := b.certificate(Root)
	if err != nil {
		return Anchors{}, err
	}
	older, err := b.certificate(OlderRoot)
	if err != nil {
		return Anchors{}, err
	}
	ks.mu.Lock()
	defer ks.mu.Unlock()
	if ks.anchors == nil {
		ks.anchors = &Anchors{Root: root, OlderRoot: older}
	}
	return *ks.anchors, nil
}

// Build issues the certificates and staples of the plan, below the pool's roots.
func (p *Plan) Build(keys *Keys) (*PKI, error) {
	anchors, err := keys.Anchors()
	if err != nil {
		return nil, err
	}
	b := builder{keys: keys, plan: p, made: map[Role]*x509.Certificate{
		Root: anchors.Root, OlderRoot: anchors.OlderRoot,
	}}
	pki := &PKI{Certificates: b.made, Staples: make(map[string][]byte)}
	for _, role := range p.Chain {
		cert, err := b.certificate(role)
		if err != nil {
			return nil, err
		}
		pki.Chain = append(pki.Chain, encode(cert)...)
	}
	for _, staple := range p.Staples {
		name, text, err := b.staple(staple)
		if err != nil {
			return nil, fmt.Errorf("making the staple of %s: %w", staple.About, err)
		}
		if !staple.Unserved {
			pki.Staples[name] = text
		}
		pki.Listing = append(pki.Listing, name+"\n"...)
	}
	pki.Chain = edited(pki.Chain, p.EditChain)
	pki.Listing = edited(bytes.TrimSuffix(pki.Listing, []byte("\n")), p.EditListing)
	pki.SignerKey, err = keys.get(p.Certificates[Signer].Key)
	return pki, err
}

// builder holds what has been issued so far.
type builder struct {
	keys *Keys
	plan *Plan
	made map[Role]*x509.Certificate
}

// certificate returns the certificate with a role. It issues the certificate and its
// issuers at the first call.
func (b *builder) certificate(role Role) (*x509.Certificate, error) {
	if cert, ok := b.made[role]; ok {
		return cert, nil
	}
	spec := b.plan.Certificates[role]
	key, err := b.keys.get(spec.Key)
	if err != nil {
		return nil, err
	}
	template := spec.Template
	if template.SerialNumber, err = serial(); err != nil {
		return nil, err
	}
	if template.SubjectKeyId, err = keyIdentifier(key); err != nil {
		return nil, err
	}
	parent, parentKey := &template, key
	if spec.Issuer != role {
		if parent, err = b.certificate(spec.Issuer); err != nil {
			return nil, err
		}
		if parentKey, err = b.keys.get(b.plan.Certificates[spec.Issuer].Key); err != nil {
			return nil, err
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, parent, key.Public(), parentKey)
	if err != nil {
		return nil, fmt.Errorf("issuing the certificate of %s: %w", role, err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("reading back the certificate of %s: %w", role, err)
	}
	b.made[role] = cert
	return cert, nil
}

// serial returns a positive number of at most 16 octets; RFC 5280, section
// 4.1.2.2 allows 20.
func serial() (*big.Int, error) {
	octets := make([]byte, 16)
	if _, err := rand.Read(octets); err != nil {
		return nil, err
	}
	octets[0] = octets[0]&0x7f | 0x40
	return new(big.Int).SetBytes(octets), nil
}

// keyIdentifier returns a subject key identifier as in RFC 7093, section 2.
func keyIdentifier(key crypto.Signer) ([]byte, error) {
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(spki)
	return sum[:20], nil
}

func encode(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
}

func edited(text []byte, edits []func([]byte) []byte) []byte {
	for _, edit := range edits {
		text = edit(text)
	}
	return text
}
