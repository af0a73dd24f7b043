// Package trust decides whether the metadata service's signer certificate is
// EC2 Instance Connect's own, and if so gives the Signer that checks
// signatures under it.
//
// It takes bytes, trust anchors and a time, and does no I/O: everything the
// metadata service says arrives over plain HTTP and may have been written by
// an attacker on the host. A certificate counts only if it bears the expected
// name, chains to an anchor in the strict profile of RFC 5280, and every
// certificate below the anchor has an OCSP response (RFC 6960) that says good.
package trust

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// SignerEvidence is what the metadata service serves about its signer, as it came.
type SignerEvidence struct {
	// Chain is the answer of signer-cert: certificates in PEM, the signer's
	// first, issuers after it in any order.
	Chain []byte
	// Staples are the answers below signer-ocsp: OCSP responses in DER,
	// base64-encoded, in any order and under any name.
	Staples []Staple
}

// Staple is one stapled OCSP response as it came.
type Staple struct {
	// Name is what it was listed under. It only serves to name the staple in
	// an error; nothing is inferred from it.
	Name string
	// Body is the base64 text of the DER response, wrapped or not.
	Body []byte
	// Err says why there is no Body, or is nil. Such a staple proves nothing;
	// Err is reported if no other staple covers the certificate.
	Err error
}

// Signer is a signer certificate that was found trustworthy.
type Signer struct {
	// Chain is the verified chain: the signer's certificate, its issuers, and
	// last the trust anchor. It has at least two certificates.
	Chain []*x509.Certificate
	// Good has, for each certificate of Chain but the anchor, the OCSP
	// response that says good of it.
	Good []Status
}

// Status is an OCSP response that was found to be about a certificate of the
// chain, properly signed, and current.
type Status struct {
	// Name is what the staple was listed under.
	Name string
	// ThisUpdate and NextUpdate bound the time in which it holds, give or take
	// the Tolerance, and Tolerated tells that it held by that alone.
	ThisUpdate, NextUpdate time.Time
	Tolerated              bool
}

// Part is a part of the evidence that Verify checks.
type Part string

// The parts, in the order in which they are checked.
const (
	PartChain  Part = "chain"  // the PEM text: certificates that can be parsed
	PartName   Part = "name"   // the name in the first certificate
	PartKey    Part = "key"    // the key in the first certificate
	PartPath   Part = "path"   // a path from it to an anchor
	PartStatus Part = "status" // the staples: a good status for each certificate of a path
)

// Error says which part of the evidence did not hold, and how.
type Error struct {
	Part Part
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns what was wrong. Where a certificate was outside its validity
// it wraps an x509.CertificateInvalidError.
func (e *Error) Unwrap() error { return e.Err }

// ErrRevoked marks an error that says that a certificate is revoked, on the
// word of somebody who may say so.
var ErrRevoked = errors.New("revoked")

// Verify verifies the evidence: the first certificate must be named exactly as
// signerName says for region and domain and must chain to one of the anchors at the
// time now, and the staples must say good of it and of every issuer below the anchor.
// Extended key usages are not looked at. Where several paths lead to an anchor, one
// whose certificates all have a good staple suffices.
//
// Any error, always an *Error, means that nothing signed under this certificate may be
// trusted; it says which part failed and what was expected. Of several paths that fail,
// it is about the shortest, or the shortest that only lacks good staples.
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
			return &Signer{Chain: path, Good: good}, nil
		}
		if failure == nil || failure.Part == PartPath && err.Part == PartStatus {
			failure = err
		}
	}
	return nil, failure
}

// checkPath returns what the staples say of a path's certificates, if it is in the
// profile and they all are good.
func checkPath(path []*x509.Certificate, staples []staple, now time.Time) ([]Status, *Error) {
	if err := checkProfile(path); err != nil {
		return nil, pathError(path[0], err)
	}
	good, err := verifyStatus(path, staples, now)
	if err != nil {
		return nil, &Error{PartStatus, err}
	}
	return good, nil
}

func pathError(signer *x509.Certificate, err error) *Error {
	return &Error{PartPath, fmt.Errorf("verifying the signer certificate %s: %w", describe(signer), err)}
}

// ValidUntil is the moment at which the Signer stops being trustworthy: the
// end of the first certificate or OCSP response to run out.
func (s *Signer) ValidUntil() time.Time {
	until := s.Chain[0].NotAfter
	for _, c := range s.Chain {
		until = earlier(until, c.NotAfter)
	}
	for _, status := range s.Good {
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

// describe names a certificate in an error. Its subject may be an attacker's.
func describe(c *x509.Certificate) string {
	return fmt.Sprintf("%.200q", c.Subject.String())
}
