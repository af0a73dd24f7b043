// Package trust decides whether the metadata service's signer certificate belongs to EC2
// Instance Connect. If so, it returns a Signer, which verifies signatures made with that
// certificate's key.
//
// The metadata service speaks plain HTTP, so an attacker on the host may have written any
// byte of its answers. Verify therefore accepts a signer certificate only if all of these
// hold:
//
//   - its name is the signer's name for the instance's Region and partition;
//   - its key is RSA, of 2048 to 8192 bits;
//   - a certificate path leads from it to a trust anchor, in a strict profile of RFC 5280;
//   - each certificate below the anchor has an OCSP response (RFC 6960) that says good.
//
// The package takes bytes, trust anchors and a time, and returns values. It does no I/O
// and reads no clock. It does not look at the keys that the signer signed: see packages
// activekeys and authorize.
package trust

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// SignerEvidence is what the metadata service serves about its signer, unverified.
type SignerEvidence struct {
	// Chain is the body of signer-cert/: certificates in PEM, the signer's first, then
	// its issuers in any order.
	Chain []byte
	// Staples are the bodies below signer-ocsp/: OCSP responses in DER, base64-encoded,
	// in any order and under any name.
	Staples []Staple
}

// Staple is one stapled OCSP response, unverified.
type Staple struct {
	// Name is the name that the metadata service listed the staple under. It appears in
	// errors only; nothing is inferred from it.
	Name string
	// Body is the base64 text of the DER response, with or without line breaks.
	Body []byte
	// Err says why Body is missing, or is nil. A staple with Err proves nothing; Err is
	// reported if no other staple covers the certificate.
	Err error
}

// Signer is a signer certificate that Verify accepted.
type Signer struct {
	// Chain is the verified path: the signer's certificate, its issuers, and last the
	// trust anchor. It has at least two certificates.
	Chain []*x509.Certificate
	// Statuses has the OCSP status of each certificate of Chain except the anchor, in the
	// same order. Each one says good.
	Statuses []OCSPStatus
}

// OCSPStatus is a certificate status (RFC 6960) that Verify accepted: it says good about a
// certificate of the path, its signature is valid, and it is current.
type OCSPStatus struct {
	// Name is the name that the staple was listed under.
	Name string
	// ThisUpdate and NextUpdate bound the validity of the status. Tolerated is set if the
	// time of verification was outside of them, by less than Tolerance.
	ThisUpdate, NextUpdate time.Time
	Tolerated              bool
}

// Part is the part of the evidence that an Error is about.
type Part string

// The parts, in the order in which Verify checks them.
const (
	PartChain      Part = "chain"  // the PEM text of the chain
	PartName       Part = "name"   // the name in the signer's certificate
	PartKey        Part = "key"    // the key in the signer's certificate
	PartPath       Part = "path"   // the certificate path to a trust anchor
	PartRevocation Part = "status" // the revocation check: an OCSP status of good for each certificate of the path
)

// Error says which part of the evidence was refused, and why.
type Error struct {
	Part Part
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause. For a certificate outside its validity period, the cause
// wraps an x509.CertificateInvalidError.
func (e *Error) Unwrap() error { return e.Err }

// ErrRevoked is wrapped by the error for a certificate that an authorized responder
// reports as revoked.
var ErrRevoked = errors.New("revoked")

// Verify checks the evidence at the time now and returns the Signer.
//
// The first certificate of the chain is the signer's. Its name must be exactly the
// signer's name for region and domain (see docs/reference/protocol.md). It must chain to one of the
// anchors, and the staples must say good for it and for every issuer below the anchor.
// Where several paths lead to an anchor, one path that meets all conditions suffices.
// Extended key usages are not checked.
//
// Every error is an *Error and means that no signature under this certificate may be
// trusted. If several paths fail, the error is about the shortest one that lacks only
// good staples, or else about the shortest one.
func Verify(evidence SignerEvidence, region, domain string, anchors *x509.CertPool, now time.Time) (*Signer, error) {
	certificates, leftOut, err := parseChain(evidence.Chain)
	if err != nil {
		return nil, &Error{PartChain, err}
	}
	signer := certificates[0]
	if err := checkName(signer, signerName(region, domain)); err != nil {
		return nil, &Error{PartName, err}
	}
	if err := checkSignerKey(signer); err != nil {
		return nil, &Error{PartKey, err}
	}
	paths, err := findPaths(signer, certificates[1:], anchors, now)
	if err != nil {
		return nil, pathError(signer, errors.Join(err, leftOut))
	}
	staples := parseStaples(evidence.Staples)
	var failure *Error
	for _, path := range paths {
		good, err := checkPath(path, staples, now)
		if err == nil {
			return &Signer{Chain: path, Statuses: good}, nil
		}
		if failure == nil || failure.Part == PartPath && err.Part == PartRevocation {
			failure = err
		}
	}
	return nil, failure
}

// checkPath checks one path and returns the good statuses of its certificates.
func checkPath(path []*x509.Certificate, staples []staple, now time.Time) ([]OCSPStatus, *Error) {
	if err := checkProfile(path); err != nil {
		return nil, pathError(path[0], err)
	}
	good, err := verifyStatus(path, staples, now)
	if err != nil {
		return nil, &Error{PartRevocation, err}
	}
	return good, nil
}

func pathError(signer *x509.Certificate, err error) *Error {
	return &Error{PartPath, fmt.Errorf("verifying the signer certificate %s: %w", describe(signer), err)}
}

// ValidUntil returns the time until which the Signer is trustworthy: when the first of
// its certificates and OCSP responses expires.
func (s *Signer) ValidUntil() time.Time {
	until := s.Chain[0].NotAfter
	for _, c := range s.Chain {
		until = earlier(until, c.NotAfter)
	}
	for _, status := range s.Statuses {
		until = earlier(until, status.NextUpdate.Add(Tolerance))
	}
	return until
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// describe names a certificate in an error, quoted because an attacker may have chosen
// its subject.
func describe(c *x509.Certificate) string {
	return fmt.Sprintf("%.200q", c.Subject.String())
}
