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

// Staple says how one OCSP response is to be made (RFC 6960) and how it is to be
// written down.
type Staple struct {
	// About is the certificate whose serial number the response carries.
	About Role
	// Serial stands in for About's serial number where it is set.
	Serial *big.Int
	// IssuerName and IssuerKey are the certificates whose name and whose key
	// are hashed into the response as About's issuer's.
	IssuerName, IssuerKey Role
	// Responder is the certificate whose key signs.
	Responder Role
	// Embedded puts the responder's certificate into the response.
	Embedded bool
	// Status is ocsp.Good, ocsp.Revoked or ocsp.Unknown.
	Status int
	// ThisUpdate and NextUpdate bound the time for which it speaks; a zero
	// NextUpdate is left out.
	ThisUpdate, NextUpdate time.Time
	// Hash is the hash function for name and key; the zero value means SHA-1.
	Hash crypto.Hash
	// Algorithm is the signature's; the zero value means SHA-256 with RSA.
	Algorithm x509.SignatureAlgorithm
	// Extensions are put beside the status.
	Extensions []pkix.Extension
	// Second, if set, is a further status in the same response.
	Second *Staple
	// Form is how the response is written down.
	Form Form
	// NamedAfter is the certificate by which the staple is listed and served;
	// "" means About. Name makes the name; nil means Fingerprint.
	NamedAfter Role
	Name       func(*x509.Certificate) string
	// Unserved leaves it out of what is served but not out of the list.
	Unserved bool
	// EditDER and EditText are changes to the signed response and to the
	// served text.
	EditDER, EditText []func([]byte) []byte
}

// GoodStaple is a staple that says, on the word of issuer itself, that about is
// good, from an hour before now until a week after it.
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

// Fingerprint is the name AWS gives to a certificate's staple: the SHA-1 of its
// DER in upper-case hexadecimal.
func Fingerprint(cert *x509.Certificate) string {
	return fmt.Sprintf("%X", sha1.Sum(cert.Raw))
}

// staple makes s and returns its name and its text.
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

// response signs what s says and returns the DER of the OCSP response.
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
	// Only the name and the key of the issuer go into the response, and they
	// may be of different certificates.
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
