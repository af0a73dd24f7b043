package ca

import (
	"crypto"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"reflect"
	"time"

	"golang.org/x/crypto/ocsp"
)

// Staple describes one OCSP response (RFC 6960) and its encoding.
type Staple struct {
	// About is the certificate whose serial number the response carries.
	About Role
	// Serial replaces About's serial number, if set.
	Serial *big.Int
	// IssuerName and IssuerKey are the certificates whose name and key are hashed into
	// the CertID as About's issuer.
	IssuerName, IssuerKey Role
	// Responder is the certificate whose key signs the response.
	Responder Role
	// Embedded encloses the responder's certificate in the response.
	Embedded bool
	// Status is ocsp.Good, ocsp.Revoked or ocsp.Unknown.
	Status int
	// ThisUpdate and NextUpdate bound the response's validity. A zero NextUpdate is left
	// out.
	ThisUpdate, NextUpdate time.Time
	// Hash is the hash function for name and key; the zero value means SHA-1.
	Hash crypto.Hash
	// Algorithm is the signature algorithm; the zero value means SHA-256 with RSA.
	Algorithm x509.SignatureAlgorithm
	// Extensions are put beside the status.
	Extensions []pkix.Extension
	// Second, if not nil, is a second status in the same response.
	Second *Staple
	// Form is the encoding of the response.
	Form Form
	// NamedAfter is the certificate after which the staple is named; "" means About. Name
	// computes the name; nil means Fingerprint.
	NamedAfter Role
	Name       func(*x509.Certificate) string
	// Unserved keeps the staple in the list, but does not serve it.
	Unserved bool
	// EditDER and EditText are edits of the signed response and of the served text.
	EditDER, EditText []func([]byte) []byte
}

// GoodStaple returns a staple in which issuer itself says good for about. It is valid
// from an hour before now until a week after.
func GoodStaple(about, issuer Role, now time.Time) *Staple {
	return &Staple{
		About:      about,
		IssuerName: issuer,
		IssuerKey:  issuer,
		Responder:  issuer,
		Status:     ocsp.Good,
		ThisUpdate: now.Add(-time.Hour),
		NextUpdate: now.Add(7 * 24 * time.Hour),
	}
}

// Fingerprint returns the name that AWS gives to the staple of a certificate: the SHA-1
// of its DER in upper-case hexadecimal.
func Fingerprint(cert *x509.Certificate) string {
	return fmt.Sprintf("%X", sha1.Sum(cert.Raw))
}

// staple generates s and returns its name and text.
func (b *builder) staple(s *Staple) (string, []byte, error) {
	namedAfter := s.NamedAfter
	if namedAfter == "" {
		namedAfter = s.About
	}
	named, err := b.certificate(namedAfter)
	if err != nil {
		return "", nil, err
	}
	der, err := b.response(s)
	if err != nil {
		return "", nil, err
	}
	if s.Second != nil || !reflect.ValueOf(s.Form).IsZero() {
		if der, err = b.reformed(der, s); err != nil {
			return "", nil, err
		}
	}
	name := Fingerprint
	if s.Name != nil {
		name = s.Name
	}
	text := wrap(base64.StdEncoding.EncodeToString(edited(der, s.EditDER)), 76)
	return name(named), edited([]byte(text), s.EditText), nil
}

// response signs the status of s and returns the DER of the OCSP response.
func (b *builder) response(s *Staple) ([]byte, error) {
	certs := make(map[Role]*x509.Certificate)
	for _, role := range []Role{s.About, s.IssuerName, s.IssuerKey, s.Responder} {
		cert, err := b.certificate(role)
		if err != nil {
			return nil, err
		}
		certs[role] = cert
	}
	key, err := b.keys.get(b.plan.Certificates[s.Responder].Key)
	if err != nil {
		return nil, err
	}
	template := ocsp.Response{
		Status:             s.Status,
		SerialNumber:       certs[s.About].SerialNumber,
		ThisUpdate:         s.ThisUpdate,
		NextUpdate:         s.NextUpdate,
		IssuerHash:         s.Hash,
		SignatureAlgorithm: s.Algorithm,
		ExtraExtensions:    s.Extensions,
	}
	if s.Serial != nil {
		template.SerialNumber = s.Serial
	}
	if s.Status == ocsp.Revoked {
		template.RevokedAt = s.ThisUpdate.Add(-time.Hour)
		template.RevocationReason = ocsp.KeyCompromise
	}
	if s.Embedded {
		template.Certificate = certs[s.Responder]
	}
	// Only the issuer's name and key are part of the response, and they may come from
	// different certificates.
	issuer := &x509.Certificate{
		RawSubject:              certs[s.IssuerName].RawSubject,
		RawSubjectPublicKeyInfo: certs[s.IssuerKey].RawSubjectPublicKeyInfo,
	}
	return ocsp.CreateResponse(issuer, certs[s.Responder], template, key)
}

// wrap breaks text into lines of at most width characters, each ended by a line
// feed.
func wrap(text string, width int) string {
	var out []byte
	for len(text) > width {
		out = append(append(out, text[:width]...), '\n')
		text = text[width:]
	}
	return string(append(append(out, text...), '\n'))
}
